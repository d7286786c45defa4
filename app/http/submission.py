"""Submission: from a change that a caller wants to the response it gets."""

from __future__ import annotations

import time
from http import HTTPStatus

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.domain.commands import Command
from app.domain.decisions import Refusal
from app.domain.timeline import Cause
from app.http import changes
from app.http.changes import Build
from app.http.idempotency import Operation, StoredResponse, claim
from app.http.problems import Problem, problem
from app.http.requests.changes import AcknowledgementLine, AcknowledgementsRequest
from app.http.responses.commands import BatchLineResponse, BatchResponse, CommandResponse
from app.http.responses.problems import ProblemResponse
from app.http.state import container, request_id
from app.http.waiting import await_end, preferred_wait_s
from app.services.submit import OrderUnknown, Submission, Submitted
from app.services.sync import PlatformAway

# Proxies give up after 30 s; lines that were not reached by then are answered as not tried.
BATCH_TIME_S = 20


def submit(
    request: Request, order_id: str, build: Build, body: BaseModel | None, *, key_required: bool = False
) -> Response:
    """Promise the change and answer 202 with its command, or 200 with the ended one when the caller waits."""
    wait_s = preferred_wait_s(request)
    operation = claim(request, body, required=key_required)
    if isinstance(operation, Response):
        return operation
    # The response is kept in the same write as the command, except for a caller that waits: its response is
    # known later. Should this process die before, the retry finds the same command under the operation id.
    at_once = operation.key is not None and wait_s is None
    submission = container(request).submit_change.submit(
        order_id,
        build,
        cause=Cause.REST,
        operation_id=operation.id,
        answer_for=(lambda command: operation.answer(_accepted(command))) if at_once else None,
    )
    if not isinstance(submission, Submitted):
        return operation.refuse(_problem(order_id, submission))
    ended = await_end(request, submission.command, wait_s) if wait_s else None
    if ended is not None:
        return operation.respond(_ended(ended, wait_s))
    return operation.respond(_accepted(submission.command, kept=at_once and submission.created))


def submit_acknowledgements(request: Request, body: AcknowledgementsRequest) -> Response:
    """Promise one acknowledgement per order; each line carries the command of its order, or the problem."""
    operation = claim(request, body)
    if isinstance(operation, Response):
        return operation
    stop_at = time.monotonic() + BATCH_TIME_S
    lines = [
        _line(operation, index, line) if time.monotonic() < stop_at else _not_tried(operation, line)
        for index, line in enumerate(body.orders)
    ]
    accepted = sum(1 for line in lines if line.command is not None)
    batch = BatchResponse(data=lines, accepted=accepted, refused=len(lines) - accepted)
    return operation.respond(
        StoredResponse(
            status=HTTPStatus.ACCEPTED,
            body=batch.model_dump_json(),
            headers={"Location": "/v1/commands?kind=acknowledge"},
        )
    )


def command_body(command: Command) -> str:
    """Return the command as the routes show it, as JSON text."""
    return CommandResponse.model_validate(command).model_dump_json()


def _accepted(command: Command, *, kept: bool = False) -> StoredResponse:
    return StoredResponse(
        status=HTTPStatus.ACCEPTED,
        body=command_body(command),
        headers={"Location": f"/v1/commands/{command.id}"},
        kept=kept,
    )


def _ended(command: Command, wait_s: int | None) -> StoredResponse:
    headers = {"Location": f"/v1/commands/{command.id}", "Preference-Applied": f"wait={wait_s}"}
    return StoredResponse(status=HTTPStatus.OK, body=command_body(command), headers=headers)


def _line(operation: Operation, index: int, line: AcknowledgementLine) -> BatchLineResponse:
    submission = container(operation.request).submit_change.submit(
        line.order_id,
        changes.acknowledgement(line.merchant_order_reference),
        cause=Cause.REST,
        operation_id=f"{operation.id}_{index:04d}",
        gather=True,
    )
    if not isinstance(submission, Submitted):
        return _refused(operation, line, _problem(line.order_id, submission))
    command = CommandResponse.model_validate(submission.command)
    return BatchLineResponse(order_id=line.order_id, command=command, problem=None)


def _not_tried(operation: Operation, line: AcknowledgementLine) -> BatchLineResponse:
    detail = f"The batch ran for {BATCH_TIME_S} s before it reached order {line.order_id}."
    return _refused(operation, line, problem("not_tried", detail))


def _refused(operation: Operation, line: AcknowledgementLine, refused: Problem) -> BatchLineResponse:
    shown = ProblemResponse.model_validate(refused.document(request_id(operation.request)))
    return BatchLineResponse(order_id=line.order_id, command=None, problem=shown)


def _problem(order_id: str, submission: Submission) -> Problem:
    match submission:
        case Refusal():
            return Problem(
                status=HTTPStatus.CONFLICT,
                code=submission.code,
                title=submission.title,
                detail=submission.detail,
                hint=submission.hint,
            )
        case PlatformAway():
            return platform_away(order_id, submission.detail, submission.retry_after_s)
        case OrderUnknown() | Submitted():
            hint = "Check the id: the platform does not know it either, with any shop's token."
            return problem("order_unknown", f"Order {order_id} is not known.", hint=hint)


def platform_away(order_id: str, detail: str, retry_after_s: float) -> Problem:
    """Return the problem of an order that is unknown here while the platform cannot be read."""
    text = f"Order {order_id} is not known here and could not be read from the platform: {detail}"
    return problem("platform_away", text, retry_after_s=retry_after_s)
