"""What webhooks bring: entries, and what each hints at. Never more than hints.

Tuples, unlike all else: a delivery brings hundreds, and a tuple is made in a quarter of the time of a frozen
dataclass and is a list in JSON as it stands.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class EntryEvent(StrEnum):
    """What happened to the order, where the entry says so and it matters here."""

    ACKNOWLEDGED = "acknowledged"


class EntryHint(NamedTuple):
    """One thing an entry says may have changed.

    `account_id` may be a CMS, page or app id, whichever reading of
    `entry.id` holds; `order_id` is None when the entry names no order. `updated_s` (Unix seconds) and `state`
    say how new the order was when the entry was made, `event` what happened to it.
    """

    order_id: str | None
    account_id: str | None
    updated_s: int | None = None
    state: str | None = None
    event: EntryEvent | None = None


class Entry(NamedTuple):
    """One entry of a delivery, the unit of de-duplication.

    `digest` is equal when, and only when, object, id, time and changes are: hex of a SHA-256 over canonical
    JSON. `identity` is `object:id`, with empty parts where they are absent; entries of one digest have one
    identity. `unknown` says why the entry is kept for a person: `unknown_object`, `unknown_field` or
    `unknown_shape`; None when nothing is odd.
    `content` is the entry as canonical JSON (ASCII, keys sorted, exact integers, decimals as text).
    """

    digest: str
    identity: str
    hints: tuple[EntryHint, ...]
    unknown: str | None
    content: str
