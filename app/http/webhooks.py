"""The webhook endpoint: Meta's check of it (GET) and its deliveries (POST).

Asynchronous, unlike the REST routes, because it is the hot path; it makes one round trip to the store and
answers 200 only when that has written durably. Sources: Webhooks guide, Getting Started, Validating Payloads.
"""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
import asyncio
import hmac
import re
from typing import Any

import structlog
from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from app.container import Container
from app.graph.signature import SignatureVerdict
from app.http.middleware import body_too_long
from app.http.problems import Problem, ProblemError, problem
from app.http.responses.operators import DeliveryResponse
from app.http.state import container
from app.services.intake import Rejected
from app.store.failures import StoreUnavailable

log = structlog.get_logger()

# Meta batches up to 1,000 entries; the largest seen are below 1 MiB.
MAX_DELIVERY_BYTES = 4 * 1024 * 1024
# Meta waits some seconds for an answer; bodies that take longer than this are rejected.
MAX_READ_S = 20
MAX_CHALLENGE_CHARS = 256

_CHALLENGE = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_CHALLENGE_CHARS}}}")

# What the routes read by themselves, for the document.
_CHECK: dict[str, Any] = {
    "parameters": [
        {"name": f"hub.{name}", "in": "query", "required": True, "schema": {"type": "string"}}
        for name in ("mode", "verify_token", "challenge")
    ]
}
_DELIVERY: dict[str, Any] = {
    "parameters": [
        {
            "name": "X-Hub-Signature-256",
            "in": "header",
            "required": True,
            "schema": {"type": "string", "pattern": "^sha256=[0-9a-fA-F]{64}$"},
        }
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
}

PATH = "/webhooks/facebook"

router = APIRouter(tags=["webhooks"])


@router.get(PATH, response_class=PlainTextResponse, openapi_extra=_CHECK)
async def verify_endpoint(request: Request) -> Response:
    """Echo `hub.challenge` to a caller that knows the verify token; the platform checks a subscription so."""
    mode, token, challenge = (_only(request, f"hub.{name}") for name in ("mode", "verify_token", "challenge"))
    secret = container(request).settings.verify_token
    expected = secret.get_secret_value() if secret else ""
    known = hmac.compare_digest(token.encode(), expected.encode()) and expected != ""
    if not known or mode != "subscribe" or not _CHALLENGE.fullmatch(challenge):
        detail = "hub.mode, hub.verify_token and hub.challenge are not all correct."
        raise ProblemError(problem("not_verified", detail))
    return PlainTextResponse(challenge)


@router.post(PATH, response_model=DeliveryResponse, openapi_extra=_DELIVERY)
async def receive_delivery(request: Request) -> Response:
    """Accept a signed delivery of at most 4 MiB; 200 means that it is durable."""
    # FastAPI only documents this route, DirectRoute calls it: FastAPI's own work per request would cost more
    # than all that is done here.
    raw = await _body(request)
    held = container(request)
    received = await held.receive_delivery.receive(raw, request.headers.get("x-hub-signature-256"))
    if isinstance(received, Rejected):
        await _count(held, received.verdict)
        raise ProblemError(_rejected(received.verdict))
    if received.was_empty and received.accepted:
        held.drain_requests.ask()
    return Response(
        # The shape of DeliveryResponse, whose numbers need no encoder.
        b'{"accepted":%d,"duplicates":%d,"unrecognized":%d}'
        % (received.accepted, received.duplicates, received.kept),
        media_type="application/json",
    )


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(MAX_READ_S):
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > MAX_DELIVERY_BYTES:
                    raise ProblemError(body_too_long(MAX_DELIVERY_BYTES))
                more = message.get("more_body", False)
    except TimeoutError:
        slow = f"The body was not complete after {MAX_READ_S} s."
        raise ProblemError(problem("body_too_slow", slow, headers={"Connection": "close"})) from None
    return b"".join(chunks)


async def _count(held: Container, verdict: SignatureVerdict) -> None:
    try:
        await held.receive_delivery.count_rejection(verdict)
    except StoreUnavailable as error:
        log.warning("webhook.rejection_not_counted", verdict=verdict.value, reason=str(error))


def _only(request: Request, name: str) -> str:
    """Return the one value of a query parameter; one that comes twice is not to be chosen from."""
    values = request.query_params.getlist(name)
    return values[0] if len(values) == 1 else ""


def _rejected(verdict: SignatureVerdict) -> Problem:
    return problem(
        "signature_rejected",
        f"X-Hub-Signature-256 is {_VERDICTS.get(verdict.value, verdict.value)}.",
        headers={"WWW-Authenticate": "X-Hub-Signature-256"},
    )


_VERDICTS = {
    "missing": "missing",
    "malformed": "not sha256= and 64 hex digits",
    "mismatch": "not the signature of this body under any known app secret",
}
