"""What happens to every request before and after its route: its id, its size, and failures nobody caught.

Plain ASGI, because the webhook route is the hot path and a task per layer would be its largest cost.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.failures import problem_of, unexpected
from app.http.problems import Problem, problem, problem_response

log = structlog.get_logger()

# 1,000 acknowledgements with long references are 200 KiB; five times that is room enough for any request.
MAX_BODY_BYTES = 1024 * 1024

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REQUEST_ID_BYTES = 13


class RequestContext:
    """Gives each request its id, in log and answer, and turns what nobody caught into a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request; a caller's X-Request-Id is kept when it is 1 to 64 of `A-Z a-z 0-9 . _ -`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(message, request_id)
            await send(message)

        # Never unbound: the server runs each request as a task, and what it binds ends with it.
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, send_named)
        except ClientDisconnect:
            log.info("request.caller_left", path=scope["path"])
        except Exception as error:
            known = problem_of(error)
            if known is None:
                log.exception("request.failed", method=scope["method"], path=scope["path"])
            if not started:
                await problem_response(known or unexpected(), request_id)(scope, receive, send_named)


class DirectRoute:
    """Calls the function of one route directly, without the middleware and dependencies further in.

    The function does itself what those do for other routes (keys, body limits, validation), or does not need
    it. The route stays in the router, which documents it and answers other methods.
    """

    def __init__(
        self, app: ASGIApp, method: str, path: str, endpoint: Callable[[Request], Awaitable[Response]]
    ) -> None:
        self.app = app
        self.method = method
        self.path = path
        self.endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the function, or pass the request on."""
        if scope["type"] == "http" and scope["path"] == self.path and scope["method"] == self.method:
            response = await self.endpoint(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class BodyLimit:
    """Reads the whole body of a request under `prefix`, at most `MAX_BODY_BYTES` of it, before any route.

    What counts are the bytes that arrive, not the Content-Length that was announced.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 to a body that is too long; otherwise hand the body on in one piece."""
        if scope["type"] != "http" or not scope["path"].startswith(self.prefix):
            await self.app(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_BODY_BYTES:
                await problem_response(body_too_long(MAX_BODY_BYTES), scope["state"]["request_id"])(
                    scope, receive, send
                )
                return
        await self.app(scope, _Replay(bytes(body), receive), send)


def body_too_long(limit: int) -> Problem:
    """Return the problem of a body over `limit` bytes; the connection is closed, the rest stays unread."""
    return problem(
        "body_too_long", f"This route reads at most {limit:,} bytes.", headers={"Connection": "close"}
    )


class _Replay:
    """Hands out a body that was already read, then whatever the server says next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self.body: bytes | None = body
        self.receive = receive

    async def __call__(self) -> Message:
        if self.body is None:
            return await self.receive()
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            sent = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(sent):
                return str(sent)
            break
    return secrets.token_hex(_REQUEST_ID_BYTES)


def _add_headers(message: Message, request_id: str) -> None:
    headers = list(message["headers"])
    headers.append((b"x-request-id", request_id.encode()))
    headers.append((b"x-content-type-options", b"nosniff"))
    # Answers hold orders and buyers; no cache on the way may keep them.
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    message["headers"] = headers
