"""The gateway: receives each Graph call over HTTP, applies network faults, and sends one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sandbox.errors import Refusal, invalid
from sandbox.faults import LOST, TRANSPORT, Fault
from sandbox.journal import GraphCall
from sandbox.settings import Usage
from sandbox.world import World

from .answer import Answer, Headers, html_answer, json_answer, usage_headers
from .call import Request, read_request
from .dispatch import dispatch, refused

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 4 * 1024 * 1024  # a hundred acknowledgements take 10 KB
MAX_KEPT_BYTES = 64 * 1024  # of a request in the journal, which holds 200,000 of them
CUT_EXTENSION = "sandbox.cut"  # what the server adds to a scope so that a connection can really be cut
_THROTTLED = 80001
_UNAVAILABLE = 503
_BAD_GATEWAY = 502


class Gateway:
    """Serves the Graph API of a world; an ASGI application."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or cut its connection if a fault says so."""
        world = self._world
        body = await _read_body(receive)
        if body is None:
            await _send(send, refused(world, invalid("The request body is too large").refusal), [])
            return
        request = _request(scope, body)
        call = self._write_down(request, size=len(body))
        fault = world.faults.take(TRANSPORT, method=request.method, path=request.route.path, rng=world.rng)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.delay_s)
        if fault is not None and fault.kind == "drop_before":
            await _cut(scope, receive)
            return
        answer = self._answer(request, fault)
        if world.faults.take(LOST, method=request.method, path=request.route.path, rng=world.rng):
            await _cut(scope, receive)
            return
        call.status = answer.status
        await _send(send, answer, self._usage(request, fault))

    def _write_down(self, request: Request, *, size: int) -> GraphCall:
        key = request.params.get("idempotency_key")
        route = request.route
        return self._world.journal.call(
            order_id=route.node if self._world.book.get(route.node) else None,
            kind="read" if request.method == "GET" else route.edge or request.method.lower(),
            method=request.method,
            path=route.path,
            key=None if key is None else str(key),
            at=self._world.clock.now(),
            request=request.params if size <= MAX_KEPT_BYTES else {"too_large_to_keep_bytes": size},
        )

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        """Return the platform's answer, or that of the fault that replaces it."""
        if fault is None or fault.kind == "slow":
            return dispatch(self._world, request)
        if fault.kind == "html":
            return html_answer(fault.status or _BAD_GATEWAY)
        if fault.kind == "status":
            error = {
                "message": fault.message or "Service temporarily unavailable",
                "type": "OAuthException",
                "code": fault.code or 2,
                "is_transient": True,
                "fbtrace_id": self._world.trace_id(),
            }
            return json_answer(fault.status or _UNAVAILABLE, {"error": error})
        code = fault.code or _THROTTLED
        told = f"(#{code}) There have been too many calls to this Page account. Wait a bit and try again."
        refusal = Refusal(
            code=code, subcode=fault.subcode, message=fault.message or told, http_status=fault.http_status
        )
        return refused(self._world, refusal)

    def _usage(self, request: Request, fault: Fault | None) -> Headers:
        world = self._world
        usage = world.settings.usage
        if fault is not None and fault.kind == "throttle":
            usage = Usage(
                call_count=100,
                total_time=usage.total_time,
                total_cputime=usage.total_cputime,
                estimated_time_to_regain_access=fault.estimated_time,
            )
        return usage_headers(usage, world.shops.get(world.tokens.known_shop(request.token) or ""))


def _request(scope: MutableMapping[str, Any], body: bytes) -> Request:
    return read_request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        scheme=scope["scheme"],
        headers={name: value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )


async def _read_body(receive: Receive) -> bytes | None:
    """Return the whole body, or None if it is larger than `MAX_BODY_BYTES`."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(send: Send, answer: Answer, extra: Headers) -> None:
    headers = [*answer.headers, *extra, (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _cut(scope: MutableMapping[str, Any], receive: Receive) -> None:
    """Cut the connection without an answer, and wait until it is gone."""
    scope["extensions"][CUT_EXTENSION]()
    while (await receive())["type"] != "http.disconnect":
        pass
