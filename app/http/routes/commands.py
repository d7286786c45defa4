"""Commands: where each promise stands."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
# ruff: noqa: TC001, TC002
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from app.domain.commands import CommandKind, CommandStatus
from app.http.access import READ, WRITE, allowed_to
from app.http.models.answers import CommandAnswer, CommandPageAnswer
from app.http.models.fields import PlatformId
from app.http.models.queries import CommandsQuery
from app.http.parts import parts
from app.http.problems import Problem, ProblemError
from app.http.routes.parameters import cursor_of, no_query
from app.http.show import command_answer

# Whoever may make a promise may also look what became of it.
router = APIRouter(prefix="/v1/commands", tags=["commands"], dependencies=[allowed_to(READ, WRITE)])


@router.get("")
def list_commands(request: Request, query: Annotated[CommandsQuery, Query()]) -> CommandPageAnswer:
    """List commands, newest first, by status, order or kind."""
    with cursor_of(query):
        page = parts(request).commands.list(
            status=CommandStatus(query.status) if query.status else None,
            order_id=query.order_id,
            kind=CommandKind(query.kind) if query.kind else None,
            limit=query.limit,
            cursor=query.cursor,
        )
    return CommandPageAnswer(
        data=[command_answer(command) for command in page.items], next_cursor=page.next_cursor
    )


@router.get("/{command_id}", dependencies=[Depends(no_query)])
def get_command(request: Request, command_id: PlatformId) -> CommandAnswer:
    """Show one command with its attempts and, while it waits, when it is tried next."""
    command = parts(request).commands.get(command_id)
    if command is None:
        raise ProblemError(_unknown(command_id))
    return command_answer(command)


def _unknown(command_id: str) -> Problem:
    return Problem(
        status=404,
        code="command_unknown",
        title="No such command",
        detail=f"Command {command_id} is not known.",
        cure="GET /v1/commands?order_id=… lists the commands of an order.",
    )
