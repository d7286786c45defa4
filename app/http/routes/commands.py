"""Commands: where each promise stands, and what a person does about one that gave up."""

from __future__ import annotations

from collections.abc import Callable

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app.domain.commands import Command, CommandKind, CommandStatus
from app.http.access import READ, WRITE, allowed_to
from app.http.models.answers import CommandAnswer, CommandPageAnswer
from app.http.models.fields import PlatformId
from app.http.models.operators import DismissalBody
from app.http.models.queries import CommandsQuery
from app.http.once import Reply, Run, once, problem_reply
from app.http.parts import parts
from app.http.problems import Problem, ProblemError
from app.http.routes.parameters import IdempotencyKey, cursor_of, no_query
from app.http.show import command_answer
from app.wiring import Orderwire

# The Idempotency-Key is declared so that the document names it; app.http.once reads it.
# ruff: noqa: ARG001

router = APIRouter(prefix="/v1/commands", tags=["commands"])

# Whoever may make a promise may also look what became of it.
_LOOK = allowed_to(READ, WRITE)


@router.get("", dependencies=[_LOOK])
def list_commands(request: Request, query: Annotated[CommandsQuery, Query()]) -> CommandPageAnswer:
    """List commands, newest first, by status, order or kind; those of an archived order by order alone."""
    orderwire = parts(request)
    with cursor_of(query):
        page = orderwire.commands.list(
            status=CommandStatus(query.status) if query.status else None,
            order_id=query.order_id,
            kind=CommandKind(query.kind) if query.kind else None,
            limit=query.limit,
            cursor=query.cursor,
        )
    if query.order_id and not page.items and query.cursor is None:
        commands = _archived(orderwire, query.order_id, query)
        return CommandPageAnswer(data=[command_answer(command) for command in commands], next_cursor=None)
    return CommandPageAnswer(
        data=[command_answer(command) for command in page.items], next_cursor=page.next_cursor
    )


@router.get("/{command_id}", dependencies=[_LOOK, Depends(no_query)])
def get_command(request: Request, command_id: PlatformId) -> CommandAnswer:
    """Show one command with its attempts and, while it waits, when it is tried next."""
    command = parts(request).commands.get(command_id)
    if command is None:
        raise ProblemError(_unknown(command_id))
    return command_answer(command)


@router.post(
    "/{command_id}/replay",
    status_code=HTTPStatus.ACCEPTED,
    response_model=CommandAnswer,
    dependencies=[allowed_to(WRITE), Depends(no_query)],
)
def replay_command(
    request: Request, command_id: PlatformId, idempotency_key: IdempotencyKey = None
) -> Response:
    """Try a dead letter again: it goes to the end of its order's lane, with all of its attempts ahead."""
    return _close_dead(
        request,
        command_id,
        None,
        act=lambda orderwire: orderwire.replay_command.replay(command_id),
        status=HTTPStatus.ACCEPTED,
    )


@router.post(
    "/{command_id}/dismiss",
    response_model=CommandAnswer,
    dependencies=[allowed_to(WRITE), Depends(no_query)],
)
def dismiss_command(
    request: Request, command_id: PlatformId, body: DismissalBody, idempotency_key: IdempotencyKey = None
) -> Response:
    """Close a dead letter without doing it; the reason becomes its error and stands in the timeline."""
    return _close_dead(
        request,
        command_id,
        body,
        act=lambda orderwire: orderwire.replay_command.dismiss(command_id, body.reason),
        status=HTTPStatus.OK,
    )


def _close_dead(
    request: Request,
    command_id: str,
    body: DismissalBody | None,
    *,
    act: Callable[[Orderwire], bool],
    status: HTTPStatus,
) -> Response:
    def work(_run: Run) -> Reply:
        orderwire = parts(request)
        acted = act(orderwire)
        command = orderwire.commands.get(command_id)
        if command is None:
            return problem_reply(request, _unknown(command_id))
        if not acted:
            return problem_reply(request, _not_dead(command))
        return Reply(
            status=status,
            body=command_answer(command).model_dump_json(),
            headers={"Location": f"/v1/commands/{command_id}"},
        )

    return once(request, body, work)


def _archived(orderwire: Orderwire, order_id: str, query: CommandsQuery) -> list[Command]:
    # All in one page whatever the limit: an order has a handful of commands.
    return [
        command
        for command in orderwire.archive.commands(order_id)
        if query.status in (None, command.status.value) and query.kind in (None, command.kind.value)
    ]


def _not_dead(command: Command) -> Problem:
    return Problem(
        status=HTTPStatus.CONFLICT,
        code="command_not_dead",
        title="The command has not given up",
        detail=f"Command {command.id} of order {command.order_id} is {command.status.value}; only dead ones "
        "can be replayed or dismissed.",
        cure="GET /v1/commands?status=dead lists those that wait for a person.",
    )


def _unknown(command_id: str) -> Problem:
    return Problem(
        status=404,
        code="command_unknown",
        title="No such command",
        detail=f"Command {command_id} is not known.",
        cure="GET /v1/commands?order_id=… lists the commands of an order, also of an archived one.",
    )
