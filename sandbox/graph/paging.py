"""Pages and their cursors: opaque, bound to one list, with `next` and `previous` as whole URLs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sandbox.errors import invalid
from sandbox.rules import assumed, documented

DEFAULT_LIMIT = 25
MAX_EDGE_LIMIT = 100  # not published for the edges of an order; Graph edges usually stop there
MAX_ORDERS_LIMIT = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a list that is asked for: at most `limit` entries after, or before, a place."""

    limit: int
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: its entries, the places of the first and the last one, whether there is more on each side."""

    entries: Sequence[Any]
    first: int | None = None
    last: int | None = None
    more_after: bool = False
    more_before: bool = False


@documented(
    "25 orders a page are the default and the maximum", source="Order API reference: default max limit"
)
@assumed(
    "A larger limit is clamped, 0 or less is code 100", why="behavior above the maximum is not published"
)
def window(list_id: str, *, limit: Any, after: Any, before: Any, most: int = MAX_EDGE_LIMIT) -> Window:
    """Return the window that loose parameters ask for.

    Raises:
        RefusedError: the limit is no positive number, or a cursor is not one of this list (code 100).
    """
    asked = DEFAULT_LIMIT if limit in (None, "") else _whole(limit)
    return Window(
        limit=min(asked, most),
        after=None if after in (None, "") else read_cursor(list_id, str(after)),
        before=None if before in (None, "") else read_cursor(list_id, str(before)),
    )


def page_of(entries: Sequence[Any], asked: Window) -> Page:
    """Return the page of a list whose entries keep their place (entries are only ever appended)."""
    start = 0 if asked.after is None else asked.after + 1
    stop = min(start + asked.limit, len(entries))
    if asked.before is not None:
        stop = min(asked.before, len(entries))
        start = max(stop - asked.limit, 0)
    shown = entries[start:stop]
    if not shown:
        return Page(entries=())
    return Page(
        entries=shown, first=start, last=stop - 1, more_after=stop < len(entries), more_before=start > 0
    )


@documented(
    "A list is {data, paging{cursors, next, previous}}; the last page has no next, the first no previous",
    source="Graph API: Paginated Results; Order API reference",
)
def envelope(
    page: Page, data: list[dict[str, Any]], *, list_id: str, url: str, params: dict[str, str], limit: int
) -> dict[str, Any]:
    """Return the page as the wire shows it; `params` are what its URLs repeat, the token among them."""
    if page.first is None or page.last is None:
        return {"data": data}
    before, after = write_cursor(list_id, page.first), write_cursor(list_id, page.last)
    paging: dict[str, Any] = {"cursors": {"before": before, "after": after}}
    asked = {**params, "pretty": "0", "limit": str(limit)}
    if page.more_after:
        paging["next"] = f"{url}?{urlencode({**asked, 'after': after})}"
    if page.more_before:
        paging["previous"] = f"{url}?{urlencode({**asked, 'before': before})}"
    return {"data": data, "paging": paging}


def write_cursor(list_id: str, place: int) -> str:
    """Return an opaque cursor for a place of one list."""
    return base64.urlsafe_b64encode(f"QV{place}|{_mark(list_id, place)}".encode()).decode().rstrip("=")


@assumed("A cursor of another list, or a broken one, is code 100", why="Graph API practice")
def read_cursor(list_id: str, cursor: str) -> int:
    """Return the place behind a cursor.

    Raises:
        RefusedError: the cursor is not one of this list (code 100).
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        place = int(text.removeprefix("QV").partition("|")[0])
    except ValueError as error:
        raise invalid("Invalid cursors values") from error
    if write_cursor(list_id, place) != cursor:
        raise invalid("Invalid cursors values")
    return place


def _mark(list_id: str, place: int) -> str:
    return hashlib.blake2s(f"{list_id}|{place}".encode(), digest_size=6).hexdigest()


def _whole(limit: Any) -> int:
    told = str(limit).strip()
    if not (told.isascii() and told.isdigit() and int(told[:9]) > 0):
        raise invalid("Param limit must be a positive integer")
    return int(told[:9])
