"""Lists of the control API: ``{"data": […], "next_cursor": …}``, or ``{"count": n}`` alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query

T = TypeVar("T")

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """The requested page of a list: its start and length, or only the count."""

    limit: int
    cursor: int
    count: bool


def page_query(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[int, Query(ge=0)] = 0,
    *,
    count: Annotated[bool, Query()] = False,
) -> PageQuery:
    """Read a page from the query."""
    return PageQuery(limit=limit, cursor=cursor, count=count)


AskedPage = Annotated[PageQuery, Depends(page_query)]


def listed(
    walk: Iterator[T], page: PageQuery, *, show: Callable[[T], dict[str, Any]], place: Callable[[T], int]
) -> dict[str, Any]:
    """Return one page of a walk, or only how many there are; `next_cursor` is null on the last page."""
    if page.count:
        return {"count": sum(1 for _ in walk)}
    shown: list[T] = []
    for found in walk:
        if len(shown) == page.limit:
            return {"data": [show(one) for one in shown], "next_cursor": str(place(shown[-1]))}
        shown.append(found)
    return {"data": [show(one) for one in shown], "next_cursor": None}
