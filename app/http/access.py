"""Who may call: API keys and their scopes. Whatever is under `/v1`, and the metrics, needs a key."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from typing import Annotated, Any, cast

from fastapi import Depends, Security
from fastapi.security import HTTPBearer, SecurityScopes
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.container import Container
from app.http.problems import Problem, ProblemError, problem, problem_response
from app.store.apikeys import ApiKey

READ = "orders:read"
WRITE = "orders:write"
ADMIN = "admin"

# Keys have 46 characters; whatever is much longer is not one, and need not be looked up.
MAX_SECRET_CHARS = 256

# Describes the keys in the document; AuthenticationMiddleware checks them before a route is chosen.
_SCHEME = HTTPBearer(
    scheme_name="apiKey",
    auto_error=False,
    description="A key of `orderwire keys create`. Any one of the scopes an operation lists is enough; "
    "`admin` always is.",
)


class AuthenticationMiddleware:
    """Answers 401 to a request under these paths without a valid key, before its body is read."""

    def __init__(self, app: ASGIApp, prefixes: tuple[str, ...], container: Container) -> None:
        self.app = app
        self.prefixes = prefixes
        self.container = container

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look the key up and hand it on in the request's state."""
        if scope["type"] == "http" and scope["path"].startswith(self.prefixes):
            secret = _bearer(Headers(scope=scope).get("authorization"))
            key = await run_in_threadpool(self.container.api_keys.find, secret) if secret else None
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
        detail = f"This route needs a key with the scope {' or '.join(needed.scopes)}."
        hint = f"Use a key that has it: orderwire keys create --scope {needed.scopes[0]}."
        raise ProblemError(problem("scope_missing", detail, hint=hint))


def _bearer(header: str | None) -> str:
    scheme, _, secret = (header or "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or len(secret) > MAX_SECRET_CHARS or not secret.isascii():
        return ""
    return secret


def _unauthorized(*, presented: bool) -> Problem:
    challenge = 'Bearer realm="orderwire"'
    if presented:
        headers = {"WWW-Authenticate": f'{challenge}, error="invalid_token"'}
        return problem("api_key_invalid", "The API key is not known, or was revoked.", headers=headers)
    headers = {"WWW-Authenticate": challenge}
    return problem("api_key_missing", "The request carries no API key.", headers=headers)
