"""Commands: where each promise stands, and what a person does about one that gave up."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app.domain.commands import CommandKind, CommandStatus
from app.http.access import READ, WRITE, allowed_to
from app.http.idempotency import Operation, StoredResponse, claim
from app.http.problems import Problem, ProblemError, problem
from app.http.requests.changes import DismissalRequest
from app.http.requests.fields import PlatformId
from app.http.requests.queries import CommandsQuery
from app.http.responses.commands import CommandPageResponse, CommandResponse
from app.http.routes.parameters import IdempotencyKey, cursor_of, no_query
from app.http.state import container
from app.http.submission import command_body
from app.store.pages import Page

# The Idempotency-Key is declared so that the document names it; app.http.idempotency reads it.
# ruff: noqa: ARG001

router = APIRouter(prefix="/v1/commands", tags=["commands"])

# A caller that may make a promise may also see what became of it.
_LOOK = allowed_to(READ, WRITE)


@router.get("", dependencies=[_LOOK])
def list_commands(request: Request, query: Annotated[CommandsQuery, Query()]) -> CommandPageResponse:
    """List commands, newest first, by status, order or kind; those of an archived order by order alone."""
    held = container(request)
    with cursor_of(query):
        page = held.commands.list(
            status=CommandStatus(query.status) if query.status else None,
            order_id=query.order_id,
            kind=CommandKind(query.kind) if query.kind else None,
            limit=query.limit,
            cursor=query.cursor,
        )
    if query.order_id and not page.items and query.cursor is None:
        # All in one page whatever the limit: an order has a handful of commands.
        archived = tuple(
            command
            for command in held.archive.commands(query.order_id)
            if query.status in (None, command.status.value) and query.kind in (None, command.kind.value)
        )
        page = Page(items=archived, next_cursor=None)
    return CommandPageResponse.of(page)


@router.get("/{command_id}", dependencies=[_LOOK, Depends(no_query)])
def get_command(request: Request, command_id: PlatformId) -> CommandResponse:
    """Show one command with its attempts and, while it waits, when it is tried next."""
    command = container(request).commands.get(command_id)
    if command is None:
        raise ProblemError(_unknown(command_id))
    return CommandResponse.model_validate(command)


@router.post(
    "/{command_id}/replay",
    status_code=HTTPStatus.ACCEPTED,
    response_model=CommandResponse,
    dependencies=[allowed_to(WRITE), Depends(no_query)],
)
def replay_command(
    request: Request, command_id: PlatformId, idempotency_key: IdempotencyKey = None
) -> Response:
    """Try a dead letter again: it goes to the end of its order's lane, with all of its attempts ahead."""
    operation = claim(request, None)
    if isinstance(operation, Response):
        return operation
    replayed = container(request).replay_command.replay(command_id)
    return _closed(operation, command_id, done=replayed, status=HTTPStatus.ACCEPTED)


@router.post(
    "/{command_id}/dismiss",
    response_model=CommandResponse,
    dependencies=[allowed_to(WRITE), Depends(no_query)],
)
def dismiss_command(
    request: Request, command_id: PlatformId, body: DismissalRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Close a dead letter without doing it; the reason becomes its error and stands in the timeline."""
    operation = claim(request, body)
    if isinstance(operation, Response):
        return operation
    dismissed = container(request).replay_command.dismiss(command_id, body.reason)
    return _closed(operation, command_id, done=dismissed, status=HTTPStatus.OK)


def _closed(operation: Operation, command_id: str, *, done: bool, status: HTTPStatus) -> Response:
    command = container(operation.request).commands.get(command_id)
    if command is None:
        return operation.refuse(_unknown(command_id))
    if not done:
        detail = (
            f"Command {command.id} of order {command.order_id} is {command.status.value}; only dead ones can "
            "be replayed or dismissed."
        )
        return operation.refuse(problem("command_not_dead", detail))
    location = {"Location": f"/v1/commands/{command_id}"}
    return operation.respond(StoredResponse(status=status, body=command_body(command), headers=location))


def _unknown(command_id: str) -> Problem:
    return problem("command_unknown", f"Command {command_id} is not known.")
