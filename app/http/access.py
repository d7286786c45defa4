"""Who may call: API keys and their scopes. Whatever is under `/v1`, and the metrics, needs a key."""

from __future__ import annotations

from collections.abc import Sequence

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from http import HTTPStatus
from typing import Annotated, Any, cast

from fastapi import Depends, Security
from fastapi.security import HTTPBearer, SecurityScopes
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.problems import Problem, ProblemError, problem_response
from app.store.apikeys import ApiKey
from app.wiring import Orderwire

READ = "orders:read"
WRITE = "orders:write"
ADMIN = "admin"

# Keys have 46 characters; whatever is much longer is not one, and need not be looked up.
MAX_SECRET_CHARS = 256

# It only describes the keys in the document: KeyCheck looked at the key before any route was chosen.
_SCHEME = HTTPBearer(
    scheme_name="apiKey",
    auto_error=False,
    description="A key of `orderwire keys create`. Any one of the scopes an operation lists is enough; "
    "`admin` always is.",
)


class KeyCheck:
    """Answers 401 to a request under these paths that brings no valid key, before its body is read."""

    def __init__(self, app: ASGIApp, prefixes: tuple[str, ...], orderwire: Orderwire) -> None:
        self.app = app
        self.prefixes = prefixes
        self.orderwire = orderwire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look the key up and hand it on in the request's state."""
        if scope["type"] == "http" and scope["path"].startswith(self.prefixes):
            secret = _bearer(Headers(scope=scope).get("authorization"))
            key = await run_in_threadpool(self.orderwire.api_keys.find, secret) if secret else None
            if key is None:
                refused = problem_response(
                    _unauthorized(presented=bool(secret)), scope["state"]["request_id"]
                )
                await refused(scope, receive, send)
                return
            scope["state"]["api_key"] = key
        await self.app(scope, receive, send)


def allowed_to(*scopes: str) -> Any:
    """Return the dependency of a route that takes keys with any of these scopes, or with `admin`."""
    return Security(_check, scopes=scopes)


def api_key(request: Request) -> ApiKey:
    """Return the key that the request came with."""
    return cast("ApiKey", request.state.api_key)


def sees_buyers(request: Request) -> bool:
    """Return whether the key may have sealed buyer data opened for it."""
    held = api_key(request).scopes
    return READ in held or ADMIN in held


async def _check(
    request: Request, needed: SecurityScopes, _scheme: Annotated[object, Depends(_SCHEME)] = None
) -> None:
    held = api_key(request).scopes
    if ADMIN not in held and not any(scope in held for scope in needed.scopes):
        raise ProblemError(_scope_missing(needed.scopes))


def _bearer(header: str | None) -> str:
    scheme, _, secret = (header or "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or len(secret) > MAX_SECRET_CHARS or not secret.isascii():
        return ""
    return secret


def _unauthorized(*, presented: bool) -> Problem:
    challenge = 'Bearer realm="orderwire"'
    return Problem(
        status=HTTPStatus.UNAUTHORIZED,
        code="api_key_invalid" if presented else "api_key_missing",
        title="No valid API key",
        detail="The API key is not known, or was revoked." if presented else "The request brings no API key.",
        cure="Send Authorization: Bearer <key>; `orderwire keys create` makes a key.",
        headers={"WWW-Authenticate": f'{challenge}, error="invalid_token"' if presented else challenge},
    )


def _scope_missing(scopes: Sequence[str]) -> Problem:
    named = " or ".join(scopes)
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        code="scope_missing",
        title="The API key may not do this",
        detail=f"This route needs a key with the scope {named}.",
        cure=f"Use a key that has it: orderwire keys create --scope {scopes[0]}.",
    )
