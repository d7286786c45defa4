from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs

from app.http.middleware import MAX_BODY_BYTES, BodyLimit, DirectRoute, RequestContext
from app.store.failures import StoreUnavailable


class Caller:
    """Speaks ASGI to an application: sends these messages, keeps what comes back."""

    def __init__(self, *messages: Message) -> None:
        self.waiting = list(messages) or [{"type": "http.request", "body": b"", "more_body": False}]
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        return self.waiting.pop(0) if self.waiting else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def document(self) -> dict[str, Any]:
        return dict(json.loads(self.sent[1]["body"]))


def call(app: ASGIApp, caller: Caller, headers: Sequence[tuple[bytes, bytes]] = ()) -> Caller:
    scope: Scope = {"type": "http", "method": "POST", "path": "/v1/x", "headers": list(headers), "state": {}}
    scope["state"]["request_id"] = "outer"
    step = app(scope, caller.receive, caller.send).__await__()
    with pytest.raises(StopIteration):
        step.send(None)
    return caller


async def hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    structlog.get_logger().info("inside")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def failing(error: Exception) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    return app


async def echo_size(_scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    assert not message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(message["body"])).encode()})


def parts_of(*bodies: bytes) -> list[Message]:
    last = len(bodies) - 1
    return [{"type": "http.request", "body": body, "more_body": at < last} for at, body in enumerate(bodies)]


def test_a_request_id_of_the_caller_comes_back() -> None:
    caller = call(RequestContext(hello), Caller(), [(b"x-request-id", b"oms-17.a_b")])
    assert caller.headers["x-request-id"] == "oms-17.a_b"


@pytest.mark.parametrize("sent", [b"", b"has blank", b"x" * 65, b"a\xc3\xa9", b'"><script>'])
def test_a_request_id_that_could_harm_a_log_is_replaced(sent: bytes) -> None:
    caller = call(RequestContext(hello), Caller(), [(b"x-request-id", sent)])
    assert len(caller.headers["x-request-id"]) == 26


def test_no_answer_may_be_cached_or_sniffed() -> None:
    headers = call(RequestContext(hello), Caller()).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_fault_of_ours_is_logged_and_leaks_nothing() -> None:
    with capture_logs() as logs:
        caller = call(RequestContext(failing(KeyError("sealed secret"))), Caller())
    assert caller.status == 500
    assert "sealed secret" not in caller.sent[1]["body"].decode()
    assert [line["event"] for line in logs] == ["request.failed"]
    assert caller.document["request_id"] == caller.headers["x-request-id"]


def test_a_store_that_is_away_is_503_and_no_fault_of_ours() -> None:
    with capture_logs() as logs:
        caller = call(RequestContext(failing(StoreUnavailable("away"))), Caller())
    assert (caller.status, caller.headers["retry-after"]) == (503, "1")
    assert logs == []


def test_a_failure_after_the_answer_began_does_not_begin_another() -> None:
    async def half(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError

    with capture_logs() as logs:
        caller = call(RequestContext(half), Caller())
    assert [message["type"] for message in caller.sent] == ["http.response.start"]
    assert [line["event"] for line in logs] == ["request.failed"]


def test_a_body_that_comes_in_parts_is_handed_on_whole() -> None:
    caller = call(BodyLimit(echo_size, prefix="/v1/"), Caller(*parts_of(b"abc", b"", b"defg")))
    assert caller.sent[1]["body"] == b"7"


def test_a_body_of_the_limit_passes_and_one_byte_more_does_not() -> None:
    half = b"x" * (MAX_BODY_BYTES // 2)
    assert call(BodyLimit(echo_size, prefix="/v1/"), Caller(*parts_of(half, half))).status == 200
    caller = call(BodyLimit(echo_size, prefix="/v1/"), Caller(*parts_of(half, half, b"x", b"never read")))
    assert (caller.status, caller.document["code"]) == (413, "body_too_long")
    assert caller.headers["connection"] == "close"
    assert len(caller.waiting) == 1


def test_what_content_length_says_does_not_matter() -> None:
    headers = [(b"content-length", b"1")]
    caller = Caller(*parts_of(b"x" * (MAX_BODY_BYTES + 1)))
    assert call(BodyLimit(echo_size, prefix="/v1/"), caller, headers).status == 413


def test_a_caller_that_leaves_during_its_body_gets_no_answer() -> None:
    app = RequestContext(BodyLimit(echo_size, prefix="/v1/"))
    with capture_logs() as logs:
        caller = call(app, Caller({"type": "http.request", "body": b"ab", "more_body": True}))
    assert caller.sent == []
    assert [line["event"] for line in logs] == ["request.caller_left"]


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [("POST", "/v1/x", b"straight"), ("GET", "/v1/x", b"{}"), ("POST", "/v1/x/", b"{}")],
)
def test_only_the_named_method_and_path_go_straight_to_their_function(
    method: str, path: str, answer: bytes
) -> None:
    async def straight(_request: Request) -> Response:
        return PlainTextResponse("straight")

    way = DirectRoute(hello, method=method, path=path, endpoint=straight)
    assert call(way, Caller()).sent[1]["body"] == answer


def test_what_the_function_refuses_is_told_as_a_problem() -> None:
    async def away(_request: Request) -> Response:
        raise StoreUnavailable("away")

    caller = call(RequestContext(DirectRoute(hello, method="POST", path="/v1/x", endpoint=away)), Caller())
    assert (caller.status, caller.document["code"]) == (503, "store_unavailable")


def test_an_answer_that_says_how_it_may_be_cached_is_believed() -> None:
    async def cached(_request: Request) -> Response:
        return PlainTextResponse("x", headers={"Cache-Control": "max-age=60"})

    way = RequestContext(DirectRoute(hello, method="POST", path="/v1/x", endpoint=cached))
    assert call(way, Caller()).headers["cache-control"] == "max-age=60"
