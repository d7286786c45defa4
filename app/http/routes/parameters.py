"""What routes have in common: the headers of writes, and the refusal of queries nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from contextlib import contextmanager
from typing import Annotated

from fastapi import Header
from starlette.requests import Request

from app.http.problems import FieldError, ProblemError, invalid_request
from app.http.requests.queries import PageQuery

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="1 to 255 visible ASCII characters, new for each thing to be done; kept for 72 hours. "
        "The same key with the same body gets the first answer, with `Idempotency-Replayed: true`.",
    ),
]
Prefer = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description="`wait=N`, N up to 30: 200 with the finished command if it finishes within N seconds.",
        examples=["wait=10"],
    ),
]


async def no_query(request: Request) -> None:
    """Refuse query parameters on a route that reads none: the caller expects an effect."""
    unread = [
        FieldError(field=name[:100], message="is not read by this route", hint="Leave it out.")
        for name in sorted(request.query_params)
    ]
    if unread:
        raise ProblemError(invalid_request(*unread))


@contextmanager
def cursor_of(query: PageQuery) -> Iterator[None]:
    """Turn the store's ValueError about a cursor into a problem of that field."""
    try:
        yield
    except ValueError as error:
        if query.cursor is None:
            raise
        wrong = FieldError(
            field="cursor",
            message="is not one that this list gave",
            hint="Send next_cursor of the page before, unchanged, with the same filters; or leave it out.",
        )
        raise ProblemError(invalid_request(wrong)) from error
