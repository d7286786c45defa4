"""Pages of a long list, and the cursors between them.

A cursor says where the last page stopped (score and member), not how many rows were shown, so that rows
that come or go meanwhile move nothing.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.store.script import Script

T = TypeVar("T")

# One answer of a listing; the largest page a REST caller may ask for is smaller.
MAX_PAGE = 1000
# Rows looked at for one page when filters drop most of them: some 5 ms of Redis's time. A page may then be
# short and still have a next one.
MAX_SCAN = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the next page; None on the last one. A page may be short, even empty."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record of an indexed listing: its id and its hash."""

    id: str
    fields: dict[str, str]


def cursor_of(*parts: str) -> str:
    """Return an opaque cursor holding these texts."""
    return urlsafe_b64encode("\n".join(parts).encode()).decode().rstrip("=")


def cursor_parts(cursor: str, count: int) -> list[str]:
    """Return the `count` texts of a cursor whose first is a whole number.

    Raises:
        ValueError: the cursor is not one that `cursor_of` made.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = urlsafe_b64decode(padded.encode("ascii")).decode().split("\n", count - 1)
        valid = len(parts) == count and cursor_of(*parts) == cursor and parts[0].isdecimal()
    except (binascii.Error, UnicodeError):
        valid, parts = False, []
    if not valid:
        raise ValueError(f"cursor '{cursor}' is not one that this listing gave; start without a cursor")
    return parts


def bounded(limit: int) -> int:
    """Return the limit within 1 and MAX_PAGE."""
    return max(1, min(limit, MAX_PAGE))


def read_page(
    script: Script,
    *,
    indexes: Sequence[str],
    record_prefix: str,
    limit: int,
    cursor: str | None,
    above: int | None = None,
) -> Page[Row]:
    """Return the records that are in all `indexes`, highest score first, in one round trip.

    The first index is walked, so it should be the smallest; only scores greater than `above` count.

    Raises:
        ValueError: the cursor is not one of this listing.
    """
    score, member = cursor_parts(cursor, 2) if cursor else ("", "")
    floor = "" if above is None else str(above)
    rows, stopped_at, stopped_on = script(
        list(indexes), [bounded(limit), MAX_SCAN, floor, score, member, record_prefix]
    )
    return Page(
        items=tuple(Row(id=row[0], fields=pairs(row[1])) for row in rows),
        next_cursor=cursor_of(stopped_at, stopped_on) if stopped_at else None,
    )


def pairs(flat: Sequence[str]) -> dict[str, str]:
    """Return a script's flat list of fields and values as a dict."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
