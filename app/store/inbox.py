"""The inbox of webhook entries: taken in once, durably, and drained into what is owed.

An entry is a duplicate when its content (`digest`) was seen before; the same entry id with other content is
a new entry, and is counted as `entry_id_reused` (the platform's pages disagree on what an entry id names).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _quoted
from typing import TYPE_CHECKING

from app.domain.documents import document_text, time_from_text, time_text
from app.domain.hints import EntryHint
from app.store import keys
from app.store.failures import InboxFull
from app.store.group_commit import GROUPS_UNDER_WAY, GroupCommit, Parcel
from app.store.pages import Page, bounded
from app.store.script import load
from app.store.script_line import ScriptLine, packed
from app.store.times import micros, time_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from app.store.connection import AsyncStore, Store
    from app.store.syncs import OwedSync

# Eight days: longer than any retry window known of the platform's sender (36 hours in its generic guide).
MARK_TTL_MS = 8 * 24 * 3600 * 1000
# Some 400 MB of memory: days of a large merchant's webhooks without a worker. Then 503 makes Meta keep them.
MAX_INBOX = 1_000_000
# What people look at when something was unreadable; the counters know of all.
MAX_KEPT = 1000
# Callers cut what they seal to this, so that everything kept stays below 100 MB.
MAX_KEPT_CHARS = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """One entry to take in. `identity` ends with ":" when the entry had no id, and is then not watched.

    Entries that are taken in together have one `delivery_id` and one `received_at`.
    """

    digest: str
    identity: str
    hints: tuple[EntryHint, ...]
    delivery_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptItem:
    """Something to keep for people: why, the digest that recognizes it, and its text, already sealed."""

    reason: str
    digest: str
    sealed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRecord:
    """Something that was kept."""

    id: str
    at: datetime
    reason: str
    digest: str
    sealed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a delivery's entries; `was_empty` says that nothing waited, so RQ wants a nudge.

    Of deliveries written together all are told that the inbox was empty before them, or none.
    """

    accepted: int
    duplicates: int
    reused: int
    was_empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEntry:
    """An entry that waits in the inbox."""

    id: str
    hints: tuple[EntryHint, ...]
    delivery_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """The orders and shops whose work was not owed and due before, to be woken, and the entries left."""

    orders: tuple[str, ...]
    shops: tuple[str, ...]
    left: int


class AsyncInbox:
    """The webhook route's side: at most one round trip a delivery, which deliveries that wait share."""

    def __init__(self, store: AsyncStore) -> None:
        self._store = store
        names = [keys.INBOX, keys.KEPT, keys.COUNTERS]
        self._idle_lines = [ScriptLine(store, "inbox_accept", names) for _ in range(GROUPS_UNDER_WAY)]
        self._groups = GroupCommit(self._accept)

    def accept(
        self, entries: Sequence[NewEntry], kept: Sequence[KeptItem], now: datetime
    ) -> Awaitable[Receipt]:
        """Take all entries of one delivery in, or none; once this was awaited, they are durable.

        What waits is packed already, so that whoever drops the entries meanwhile frees them.

        Raises:
            InboxFull: the inbox has no room for the delivery's new entries.
            StoreUnavailable: Redis cannot take them now; after a timeout, it may have them all the same.
        """
        parcel = Parcel(
            packed=packed(*_delivery_arguments(entries, kept, now)),
            arguments=4 + 3 * len(entries) + 2 * len(kept),
            entries=len(entries) + len(kept),
        )
        return self._taken_in(parcel)

    async def count(self, name: str) -> None:
        """Add one to a counter of `Counters`; names are words of our own code, never of callers."""
        await self._store.execute_command("HINCRBY", keys.COUNTERS, name, 1)

    async def _taken_in(self, parcel: Parcel) -> Receipt:
        receipt = await self._groups.commit(parcel)
        if receipt is None:
            raise InboxFull(
                f"the inbox holds {MAX_INBOX:,} entries and takes no more; see that workers are running"
            )
        return receipt

    async def _accept(self, group: Sequence[Parcel]) -> list[Receipt | None]:
        """Return what became of each delivery of the group, None for one that the inbox has no room for."""
        limits = packed(
            MARK_TTL_MS, MAX_INBOX, MAX_KEPT, keys.SEEN_PREFIX, keys.IDENTITY_PREFIX, keys.KEPT_MARK_PREFIX
        )
        arguments = 6 + sum(parcel.arguments for parcel in group)
        line = self._idle_lines.pop()
        try:
            text = await line.run(arguments, [limits, *(parcel.packed for parcel in group)])
        finally:
            self._idle_lines.append(line)
        was_empty, *numbers = map(int, text.split())
        counts = iter(numbers)
        return [
            None
            if accepted < 0
            else Receipt(accepted=accepted, duplicates=duplicates, reused=reused, was_empty=bool(was_empty))
            for accepted, duplicates, reused in zip(counts, counts, counts, strict=True)
        ]


class Inbox:
    """The workers' side."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._drain = load(store, "inbox_drain")

    def pending(self, limit: int) -> list[PendingEntry]:
        """Return up to `limit` waiting entries, the longest waiting first."""
        rows = self._store.execute_command("XRANGE", keys.INBOX, "-", "+", "COUNT", bounded(limit))
        return [_pending(row_id, fields) for row_id, fields in rows]

    def drained(
        self, ids: Sequence[str], owed: Sequence[OwedSync], shops: Sequence[str], now: datetime
    ) -> Drained:
        """Take the entries out and owe the syncs and the shops' reconciliations they ask for, at once."""
        arguments: list[str | int] = [
            micros(now),
            len(ids),
            len(owed),
            keys.OWED_ORDER_PREFIX,
            keys.OWED_SHOP_PREFIX,
            keys.OWED_BY_SHOP_PREFIX,
            *ids,
        ]
        for one in owed:
            arguments += [one.order_id, one.shop_id or "", one.cause]
        orders, woken, left = self._drain(
            [keys.INBOX, keys.OWED_SEQUENCE, keys.OWED_ORDERS, keys.OWED_SHOPS], [*arguments, *shops]
        )
        return Drained(orders=tuple(orders), shops=tuple(woken), left=left)

    def size(self) -> int:
        """Return how many entries wait."""
        return int(self._store.execute_command("XLEN", keys.INBOX))

    def oldest_age_s(self, now: datetime) -> float:
        """Return for how long the longest waiting entry has waited, 0 when none does."""
        first = self.pending(1)
        return max(0.0, (now - first[0].received_at).total_seconds()) if first else 0.0

    def kept(self, *, limit: int, cursor: str | None = None) -> Page[KeptRecord]:
        """Return what was kept for people, newest first.

        Raises:
            ValueError: the cursor is not one of this listing.
        """
        most = bounded(limit)
        if cursor is not None and not _is_stream_id(cursor):
            raise ValueError(f"cursor '{cursor}' is not one that this listing gave; start without a cursor")
        start = f"({cursor}" if cursor else "+"
        rows = self._store.execute_command("XREVRANGE", keys.KEPT, start, "-", "COUNT", most + 1)
        return Page(
            items=tuple(_kept(row_id, fields["item"]) for row_id, fields in rows[:most]),
            next_cursor=rows[most - 1][0] if len(rows) > most else None,
        )


def _is_stream_id(text: str) -> bool:
    milliseconds, dash, number = text.partition("-")
    return bool(dash) and (milliseconds + number).isdecimal() and bool(milliseconds) and bool(number)


def _delivery_arguments(
    entries: Sequence[NewEntry], kept: Sequence[KeptItem], now: datetime
) -> list[str | int]:
    first = entries[0] if entries else None
    delivery_id, received_at = (first.delivery_id, time_text(first.received_at)) if first else ("", "")
    arguments: list[str | int] = [delivery_id, f"{delivery_id} {received_at}", len(entries), len(kept)]
    for entry in entries:
        identity = "" if entry.identity.endswith(":") else entry.identity
        arguments += (entry.digest, identity, _hints_text(entry.hints))
    for item in kept:
        arguments += (item.digest, _kept_text(item, now))
    return arguments


def _hints_text(hints: Sequence[EntryHint]) -> str:
    # By hand: json.dumps costs as much as all else that is done for an entry here.
    rows = [
        f"[{_quoted(hint.object)},{_quoted(hint.entry_id)},"
        f"{_quoted_or_null(hint.order_id)},{_quoted_or_null(hint.account_id)},"
        f"{hint.updated_s or 'null'},{_quoted_or_null(hint.state)},{_quoted_or_null(hint.event)}]"
        for hint in hints
    ]
    return f"[{','.join(rows)}]"


def _quoted_or_null(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


_HINT_PARTS = 7
# An entry that waited while a newer version was installed may tell less.
_UNTOLD = (None, None, None)


def _pending(row_id: str, fields: dict[str, str]) -> PendingEntry:
    delivery_id, _, received_at = fields["came"].partition(" ")
    return PendingEntry(
        id=row_id,
        hints=tuple(
            EntryHint(
                object=hint[0],
                entry_id=hint[1],
                order_id=hint[2],
                account_id=hint[3],
                updated_s=hint[4],
                state=hint[5],
                event=hint[6],
            )
            for hint in ([*row, *_UNTOLD][:_HINT_PARTS] for row in json.loads(fields["hints"]))
        ),
        delivery_id=delivery_id,
        received_at=time_from_text(received_at),
    )


def _kept_text(item: KeptItem, now: datetime) -> str:
    return document_text(
        {"reason": item.reason, "digest": item.digest, "sealed": item.sealed, "at": micros(now)}
    )


def _kept(row_id: str, text: str) -> KeptRecord:
    document = json.loads(text)
    return KeptRecord(
        id=row_id,
        at=time_of(document["at"]).astimezone(UTC),
        reason=document["reason"],
        digest=document["digest"],
        sealed=document["sealed"],
    )
