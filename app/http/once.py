"""Once: a write that carries an Idempotency-Key is done once, and answered the same every time.

A claim that ends in a failure nobody can judge (Redis went away half-way, a fault of ours) is left standing:
it lapses by itself, and the retry is handed the same operation id, so that what was promised is not promised
twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from ulid import ULID

from app.http.access import api_key
from app.http.parts import parts, request_id
from app.http.problems import PROBLEM_MEDIA_TYPE, Problem, ProblemError, whole_seconds
from app.store.failures import StoreUnavailable
from app.store.idempotency import Claimed, IdempotentAnswer, InFlight, Mismatched, Replayed
from app.wiring import Orderwire

log = structlog.get_logger()

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a write is answered with. `kept` says that the answer was already kept with the write itself."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a write: its operation's id, and the record its answer belongs to, if it has one."""

    operation_id: str
    caller: str
    key: str | None

    def answer(self, reply: Reply) -> IdempotentAnswer:
        """Return the reply as the record of this run keeps it."""
        return IdempotentAnswer(
            caller=self.caller,
            key=self.key or "",
            status=reply.status,
            body=reply.body,
            headers=dict(reply.headers),
        )


def once(
    request: Request,
    body: BaseModel | None,
    work: Callable[[Run], Reply],
    *,
    required: bool = False,
    private: bool = False,
) -> Response:
    """Do `work`, or answer as it was answered when this key first came with this body.

    `private` answers hold buyer data and are sealed while they are kept.

    Raises:
        ProblemError: the key is missing though `required`, malformed, used for another body, or in flight.
    """
    key = _key(request, required=required)
    caller = api_key(request).id
    if key is None:
        return _response(work(Run(operation_id=str(ULID()), caller=caller, key=None)))
    orderwire = parts(request)
    claim = orderwire.idempotency.claim(
        caller, key, _fingerprint(request, body), operation_id=str(ULID()), now=orderwire.clock()
    )
    match claim:
        case Replayed():
            return _replayed(orderwire, caller, claim, private=private)
        case Mismatched():
            raise ProblemError(_reused())
        case InFlight():
            raise ProblemError(_in_flight(claim.retry_after_s))
        case Claimed():
            run = Run(operation_id=claim.operation_id, caller=caller, key=key)
            reply = work(run)
            _keep(orderwire, run, reply, private=private)
            return _response(reply)


def problem_reply(request: Request, problem: Problem) -> Reply:
    """Return a problem as a reply, so that it can be kept like any answer."""
    headers = {**problem.headers, "Content-Type": PROBLEM_MEDIA_TYPE}
    return Reply(status=problem.status, body=problem.text(request_id(request)), headers=headers)


def _key(request: Request, *, required: bool) -> str | None:
    key = request.headers.get(HEADER)
    if key is None:
        if required:
            raise ProblemError(_key_required())
        return None
    if not _KEY.fullmatch(key):
        raise ProblemError(_key_invalid())
    return key


def _fingerprint(request: Request, body: BaseModel | None) -> str:
    # Absent fields and fields at their defaults ask for the same thing, also after an update adds a field.
    asked = body.model_dump(mode="json", exclude_defaults=True, exclude_none=True) if body else {}
    text = json.dumps([request.method, request.url.path, asked], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _keep(orderwire: Orderwire, run: Run, reply: Reply, *, private: bool) -> None:
    if reply.kept or run.key is None:
        return
    try:
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            orderwire.idempotency.abandon(run.caller, run.key)
            return
        body = reply.body
        if private:
            body = orderwire.sealer.seal(body, record=f"answer:{run.caller}", field="body")
        kept = Reply(status=reply.status, body=body, headers=reply.headers)
        orderwire.idempotency.finish(run.answer(kept))
    except StoreUnavailable as error:
        # The work is done and told; only a repetition will have to wait until the claim lapses.
        log.warning("idempotency.not_kept", operation_id=run.operation_id, reason=str(error))


def _replayed(orderwire: Orderwire, caller: str, claim: Replayed, *, private: bool) -> Response:
    body = claim.body
    if private and claim.status < HTTPStatus.BAD_REQUEST:
        body = orderwire.sealer.open(body, record=f"answer:{caller}", field="body")
    return _response(
        Reply(status=claim.status, body=body, headers={**claim.headers, "Idempotency-Replayed": "true"})
    )


def _response(reply: Reply) -> Response:
    return Response(
        reply.body,
        status_code=reply.status,
        headers={"Content-Type": "application/json", **reply.headers},
    )


def _key_required() -> Problem:
    return Problem(
        status=HTTPStatus.BAD_REQUEST,
        code="idempotency_key_required",
        title="An Idempotency-Key is needed",
        detail="Refunds and cancellations cannot be taken back, so this route must know a repetition.",
        cure=f"Send the header {HEADER}: one new value for each thing you want done, the same on each retry.",
    )


def _key_invalid() -> Problem:
    return Problem(
        status=HTTPStatus.BAD_REQUEST,
        code="idempotency_key_invalid",
        title="The Idempotency-Key cannot be used",
        detail="An Idempotency-Key has 1 to 255 visible ASCII characters and no blanks.",
        cure="Send a UUID, for example.",
    )


def _reused() -> Problem:
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code="idempotency_key_reused",
        title="The Idempotency-Key was used for something else",
        detail="This Idempotency-Key came before with another route or another body.",
        cure="Use a new key for a new request; repeat the old one with the body it first had.",
    )


def _in_flight(retry_after_s: float) -> Problem:
    return Problem(
        status=HTTPStatus.CONFLICT,
        code="request_in_flight",
        title="The same request is being worked on",
        detail="A request with this Idempotency-Key was received and is not answered yet.",
        cure="Send it again, unchanged, after Retry-After seconds.",
        headers={"Retry-After": whole_seconds(retry_after_s)},
    )
