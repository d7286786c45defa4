"""Submission: from a change a caller wants to the answer it gets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http import HTTPStatus

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.domain.commands import Command
from app.domain.decisions import Refusal
from app.domain.timeline import Cause
from app.http import changes
from app.http.changes import Build
from app.http.models.answers import BatchAnswer, BatchLineAnswer, ProblemAnswer
from app.http.models.bodies import AcknowledgementLine, AcknowledgementsBody
from app.http.once import Reply, Run, once, problem_reply
from app.http.parts import parts, request_id
from app.http.problems import Problem, order_unknown, platform_away
from app.http.show import command_answer
from app.http.waiting import await_end, preferred_wait_s
from app.services.submit import OrderUnknown, Submitted
from app.services.sync import PlatformAway

# Proxies give up after 30 s; what could not be tried until here is told as such.
BATCH_TIME_S = 20


def submit(
    request: Request, order_id: str, build: Build, body: BaseModel | None, *, key_required: bool = False
) -> Response:
    """Promise the change and answer 202 with its command, or 200 with the ended one when the caller waits."""
    wait_s = preferred_wait_s(request)

    def work(run: Run) -> Reply:
        # The answer is kept in the same write as the command, except for a caller that waits: what it gets is
        # known later. Should we die before, the retry finds the same command under the same operation id.
        at_once = run.key is not None and wait_s is None
        submission = parts(request).submit_change.submit(
            order_id,
            build,
            cause=Cause.REST,
            operation_id=run.operation_id,
            answer_for=(lambda command: run.answer(_accepted(command))) if at_once else None,
        )
        if not isinstance(submission, Submitted):
            return problem_reply(request, _problem(order_id, submission))
        command = submission.command
        ended = await_end(request, command, wait_s) if wait_s else None
        return _ended(ended, wait_s) if ended else _accepted(command, kept=at_once and submission.created)

    return once(request, body, work, required=key_required)


def submit_acknowledgements(request: Request, body: AcknowledgementsBody) -> Response:
    """Promise one acknowledgement an order; each order's answer stands in its own line."""

    def work(run: Run) -> Reply:
        stop_at = time.monotonic() + BATCH_TIME_S
        lines = [
            _line(request, run, index, line) if time.monotonic() < stop_at else _not_tried(request, line)
            for index, line in enumerate(body.orders)
        ]
        return _batch_reply(lines)

    return once(request, body, work)


def _accepted(command: Command, *, kept: bool = False) -> Reply:
    return Reply(
        status=HTTPStatus.ACCEPTED,
        body=command_answer(command).model_dump_json(),
        headers={"Location": f"/v1/commands/{command.id}"},
        kept=kept,
    )


def _ended(command: Command, wait_s: int | None) -> Reply:
    return Reply(
        status=HTTPStatus.OK,
        body=command_answer(command).model_dump_json(),
        headers={"Location": f"/v1/commands/{command.id}", "Preference-Applied": f"wait={wait_s}"},
    )


def _line(request: Request, run: Run, index: int, line: AcknowledgementLine) -> BatchLineAnswer:
    submission = parts(request).submit_change.submit(
        line.order_id,
        changes.acknowledgement(line.merchant_order_reference),
        cause=Cause.REST,
        operation_id=f"{run.operation_id}_{index:04d}",
        gather=True,
        answer_for=None,
    )
    if isinstance(submission, Submitted):
        return BatchLineAnswer(
            order_id=line.order_id, command=command_answer(submission.command), problem=None
        )
    return _refused_line(request, line, _problem(line.order_id, submission))


def _not_tried(request: Request, line: AcknowledgementLine) -> BatchLineAnswer:
    return _refused_line(
        request,
        line,
        Problem(
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            code="not_tried",
            title="There was no time left for this order",
            detail=f"The batch ran for {BATCH_TIME_S} s before it came to order {line.order_id}.",
            cure="Send this order again, in a smaller batch and under a new Idempotency-Key.",
        ),
    )


def _refused_line(request: Request, line: AcknowledgementLine, problem: Problem) -> BatchLineAnswer:
    shown = ProblemAnswer.model_validate(problem.document(request_id(request)))
    return BatchLineAnswer(order_id=line.order_id, command=None, problem=shown)


def _batch_reply(lines: Sequence[BatchLineAnswer]) -> Reply:
    accepted = sum(1 for line in lines if line.command is not None)
    answer = BatchAnswer(data=list(lines), accepted=accepted, refused=len(lines) - accepted)
    return Reply(
        status=HTTPStatus.ACCEPTED,
        body=answer.model_dump_json(),
        headers={"Location": "/v1/commands?kind=acknowledge"},
    )


def _problem(order_id: str, submission: Refusal | OrderUnknown | PlatformAway) -> Problem:
    match submission:
        case Refusal():
            return Problem(
                status=HTTPStatus.CONFLICT,
                code=submission.code,
                title=submission.title,
                detail=submission.detail,
                cure=submission.cure,
            )
        case OrderUnknown():
            return order_unknown(
                order_id, cure="Check the id: the platform does not know it either, with any shop's token."
            )
        case PlatformAway():
            return platform_away(order_id, submission.detail, submission.retry_after_s)
