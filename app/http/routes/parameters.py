"""What routes have in common: the headers of writes, and the refusal of queries nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from contextlib import contextmanager
from typing import Annotated

from fastapi import Header
from starlette.requests import Request

from app.http.models.queries import PageQuery
from app.http.problems import FieldError, ProblemError, bad_cursor, invalid_request

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
    """Refuse query parameters on a route that reads none: they were meant for something."""
    unread = sorted(request.query_params)
    if unread:
        raise ProblemError(
            invalid_request(
                *(
                    FieldError(field=name[:100], message="is not read by this route", cure="Leave it out.")
                    for name in unread
                )
            )
        )


@contextmanager
def cursor_of(query: PageQuery) -> Iterator[None]:
    """Turn the store's word that the cursor is not one of its own into a problem; ValueError is that word."""
    try:
        yield
    except ValueError as error:
        if query.cursor is None:
            raise
        raise ProblemError(bad_cursor()) from error
