"""Idempotency: a write that carries an Idempotency-Key is done once, and answered the same every time.

A claim whose request ends in a failure that nobody can judge (Redis went away half-way, a fault of ours)
stays: it expires by itself, and the retry gets the same operation id, so that nothing is promised twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from ulid import ULID

from app.http.access import api_key
from app.http.problems import PROBLEM_MEDIA_TYPE, Problem, ProblemError, problem
from app.http.state import container, request_id
from app.store.failures import StoreUnavailable
from app.store.idempotency import Claimed, IdempotentAnswer, InFlight, Mismatched, Replayed

log = structlog.get_logger()

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """What a write is answered with. `kept`: it was already stored together with the write itself."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    kept: bool = False

    def response(self) -> Response:
        """Return the HTTP response."""
        headers = {"Content-Type": "application/json", **self.headers}
        return Response(self.body, status_code=self.status, headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One run of a write. `id` names it; `key` is the caller's, None without one.

    Responses of a `private` operation hold buyer data and are sealed while they are kept.
    """

    id: str
    request: Request
    caller: str
    key: str | None
    private: bool = False

    def answer(self, stored: StoredResponse) -> IdempotentAnswer:
        """Return the response as the record of this operation keeps it."""
        return IdempotentAnswer(
            caller=self.caller,
            key=self.key or "",
            status=stored.status,
            body=stored.body,
            headers=dict(stored.headers),
        )

    def respond(self, stored: StoredResponse) -> Response:
        """Keep the response for a repetition, and return it."""
        if self.key is not None and not stored.kept:
            self._keep(self.key, stored)
        return stored.response()

    def refuse(self, refused: Problem) -> Response:
        """Answer with a problem, which is kept like any other response."""
        headers = {**refused.headers, "Content-Type": PROBLEM_MEDIA_TYPE}
        body = refused.text(request_id(self.request))
        return self.respond(StoredResponse(status=refused.status, body=body, headers=headers))

    def _keep(self, key: str, stored: StoredResponse) -> None:
        held = container(self.request)
        try:
            if stored.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                held.idempotency.abandon(self.caller, key)
                return
            answer = self.answer(stored)
            if self.private:
                sealed = held.sealer.seal(stored.body, record=f"answer:{self.caller}", field="body")
                answer = self.answer(
                    StoredResponse(status=stored.status, body=sealed, headers=stored.headers)
                )
            held.idempotency.finish(answer)
        except StoreUnavailable as error:
            # The work is done and answered; only a repetition has to wait until the claim expires.
            log.warning("idempotency.not_kept", operation_id=self.id, reason=str(error))


def claim(
    request: Request, body: BaseModel | None, *, required: bool = False, private: bool = False
) -> Operation | Response:
    """Return the operation to run, or the response that this key got when it first came with this body.

    Raises:
        ProblemError: the key is missing though `required`, malformed, used for another body, or in flight.
    """
    key = _key(request, required=required)
    caller, operation_id = api_key(request).id, str(ULID())
    if key is None:
        return Operation(id=operation_id, request=request, caller=caller, key=None, private=private)
    held = container(request)
    found = held.idempotency.claim(
        caller, key, _fingerprint(request, body), operation_id=operation_id, now=held.clock()
    )
    match found:
        case Claimed():
            return Operation(id=found.operation_id, request=request, caller=caller, key=key, private=private)
        case Replayed():
            return _replayed(request, caller, found, private=private)
        case Mismatched():
            detail = "This Idempotency-Key came before with another route or another body."
            raise ProblemError(problem("idempotency_key_reused", detail))
        case InFlight():
            detail = "A request with this Idempotency-Key was received and is not answered yet."
            raise ProblemError(problem("request_in_flight", detail, retry_after_s=found.retry_after_s))


def _key(request: Request, *, required: bool) -> str | None:
    key = request.headers.get(HEADER)
    if key is None and required:
        detail = "Refunds and cancellations cannot be undone, so this route must recognize a repetition."
        raise ProblemError(problem("idempotency_key_required", detail))
    if key is not None and not _KEY.fullmatch(key):
        detail = "An Idempotency-Key has 1 to 255 visible ASCII characters and no blanks."
        raise ProblemError(problem("idempotency_key_invalid", detail))
    return key


def _fingerprint(request: Request, body: BaseModel | None) -> str:
    # Absent fields and fields at their defaults ask for the same thing, also after an update adds a field.
    asked = body.model_dump(mode="json", exclude_defaults=True, exclude_none=True) if body else {}
    text = json.dumps([request.method, request.url.path, asked], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _replayed(request: Request, caller: str, found: Replayed, *, private: bool) -> Response:
    body = found.body
    if private and found.status < HTTPStatus.BAD_REQUEST:
        body = container(request).sealer.open(body, record=f"answer:{caller}", field="body")
    headers = {**found.headers, "Idempotency-Replayed": "true"}
    return StoredResponse(status=found.status, body=body, headers=headers).response()
