"""Whatever the network does to a command's call, it is an outcome: Unknown, never an exception."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from app.domain.commands import CommandKind, WireRequest
from app.domain.outcomes import Accepted, Busy, Refused, ThrottleCause, Throttled, Unknown
from app.domain.shops import Shop
from app.graph.client import GraphClient, Reply
from app.graph.transport import MAX_ANSWER
from app.graph.usage import Usage
from tests.integration.graph.conftest import admitted

REQUEST = WireRequest(path="/35001/shipments", body="idempotency_key=k&items=%5B%5D")
TOKEN = "EAAB-page-token"


def _http(body: bytes | dict[str, Any], status: str = "200 OK", headers: str = "") -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(raw)}\r\nConnection: close\r\n{headers}\r\n"
    return head.encode() + raw


def _send(client: GraphClient, shop: Shop, timeout_s: float = 5.0) -> Reply:
    return client.send(admitted(client, shop), REQUEST, timeout_s=timeout_s, kind=CommandKind.SHIP)


def test_the_exact_bytes_go_out_once_with_the_token_in_the_header_only(
    client: GraphClient, line: Any, shop: Shop
) -> None:
    line.answers = [(_http({"success": True}, headers="X-FB-Trace-ID: T9\r\n"),)]
    reply = _send(client, shop)
    assert reply.outcome == Accepted(answer={"success": True})
    assert (reply.status, reply.fbtrace_id, reply.usage) == (200, "T9", None)
    (request,) = line.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v25.0/35001/shipments HTTP/1.1\r\n")
    assert body == REQUEST.body.encode()
    assert b"authorization: bearer eaab-page-token" in head.lower()
    assert b"content-type: application/x-www-form-urlencoded" in head.lower()
    assert request.count(TOKEN.encode()) == 1


def test_the_proof_of_the_app_secret_goes_along_when_the_secret_is_known(
    open_client: Callable[..., GraphClient], line: Any, shop: Shop
) -> None:
    line.answers = [(_http({"success": True}),)]
    _send(open_client(line.url, app_secret="app-secret"), shop)
    # HMAC-SHA256 of the token under the secret, computed with openssl.
    proof = b"2041874cf677f28474003d490c1294b18ddd048bffddbb9ccb7a200a19faf6f4"
    assert b"POST /v25.0/35001/shipments?appsecret_proof=" + proof + b" HTTP" in line.requests[0]


@pytest.mark.parametrize(
    "answer",
    [
        (),
        (None,),
        (b"HTTP/1.1 200 OK\r\nContent-Le",),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"succ',),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"succ', None),
        (b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"success":tr',),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"success":tru',),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",),
        (b"SSH-2.0-OpenSSH\r\n",),
        (_http(b""),),
        (_http(b"<html>Service Unavailable</html>"),),
        (_http(b"<html>Bad Gateway</html>", "502 Bad Gateway"),),
        (_http({"success": False}),),
        (_http({"success": True}, "503 Service Unavailable"),),
        (_http(b"", "302 Found", "Location: /elsewhere\r\n"),),
    ],
    ids=range(15),
)
def test_dropped_cut_broken_and_foreign_answers_are_unknown(
    client: GraphClient, line: Any, shop: Shop, answer: tuple[Any, ...]
) -> None:
    line.answers = [answer]
    reply = _send(client, shop)
    assert isinstance(reply.outcome, Unknown)
    assert len(line.requests) == 1


def test_a_refused_connection_is_unknown_too(
    open_client: Callable[..., GraphClient], line: Any, shop: Shop
) -> None:
    url = line.url
    client = open_client(url.replace(url.rpartition(":")[2], "1"))
    reply = _send(client, shop)
    assert isinstance(reply.outcome, Unknown)
    assert "ConnectError" in reply.outcome.message
    assert (reply.status, line.requests) == (None, [])


def test_silence_and_a_trickle_end_in_time(client: GraphClient, line: Any, shop: Shop) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n"
    trickle = tuple(part for _ in range(8) for part in (b" ", 0.2))
    line.answers = [(1.0,), (head, *trickle)]
    for _ in range(2):
        began = time.monotonic()
        assert isinstance(_send(client, shop, timeout_s=0.4).outcome, Unknown)
        assert 0.3 < time.monotonic() - began < 1.0


def test_an_answer_larger_than_any_order_is_unknown(client: GraphClient, line: Any, shop: Shop) -> None:
    line.answers = [(_http(b'{"success":true,"x":"' + b"x" * MAX_ANSWER + b'"}'),)]
    outcome = _send(client, shop).outcome
    assert isinstance(outcome, Unknown)
    assert str(MAX_ANSWER) in outcome.message


def test_a_coded_error_carries_its_trace_whatever_its_status(
    client: GraphClient, line: Any, shop: Shop
) -> None:
    error = {"message": "(#100)", "code": 100, "error_subcode": 2361081, "fbtrace_id": "Abc123xyz"}
    for status in ("200 OK", "400 Bad Request", "500 Internal Server Error"):
        line.answers = [(_http({"error": error}, status),)]
        reply = _send(client, shop)
        assert reply.outcome == Busy(code=2361081, message="(#100)")
        assert reply.fbtrace_id == "Abc123xyz"


def test_a_limit_tells_its_usage_and_its_wait(client: GraphClient, line: Any, shop: Shop) -> None:
    figures = {"1": [{"type": "pages", "call_count": 104, "estimated_time_to_regain_access": 2}]}
    header = f"X-Business-Use-Case-Usage: {json.dumps(figures)}\r\n"
    line.answers = [(_http({"error": {"code": 80001, "message": "wait"}}, "400 Bad Request", header),)]
    reply = _send(client, shop)
    assert reply.outcome == Throttled(cause=ThrottleCause.USAGE, code=80001, message="wait", wait_s=120.0)
    assert reply.usage == Usage(percent=104, regain_s=120.0)


def test_a_token_that_the_platform_repeats_is_cut_out(client: GraphClient, line: Any, shop: Shop) -> None:
    error = {"code": 190, "message": f"Malformed access token {TOKEN}"}
    line.answers = [(_http({"error": error}, "400 Bad Request"),)]
    outcome = _send(client, shop).outcome
    assert outcome == Throttled(cause=ThrottleCause.TOKEN, code=190, message="Malformed access token [token]")


def test_a_closed_idle_connection_is_not_used_again(client: GraphClient, line: Any, shop: Shop) -> None:
    kept = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + b'{"success":true}'
    line.answers = [(kept,), (kept,)]
    assert isinstance(_send(client, shop).outcome, Accepted)
    time.sleep(0.05)
    assert isinstance(_send(client, shop).outcome, Accepted)


def test_a_probe_asks_for_the_shops_own_id(client: GraphClient, line: Any, shop: Shop) -> None:
    line.answers = [(_http({"id": "900"}),), (_http({"error": {"code": 803, "message": "no"}}),)]
    assert client.probe(shop).outcome == Accepted(answer={"id": "900"})
    assert client.probe(shop).outcome == Refused(code=803, message="no")
    assert line.requests[0].startswith(b"GET /v25.0/900?fields=id HTTP/1.1\r\n")
