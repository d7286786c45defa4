"""The inbox of webhook entries: accepted once, durably, and drained into pending syncs.

An entry is a duplicate when its content (`digest`) was seen before; the same entry id with other content is
a new entry, and is counted as `entry_id_reused` (the platform's pages disagree on what an entry id names).
What is new of a delivery waits in one row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec import structs

from app.domain.codec import CODEC, Record, decode, encode
from app.domain.entries import Entry, EntryHint
from app.store import keys
from app.store.connection import AsyncStore, Store
from app.store.failures import InboxFull
from app.store.group_commit import GroupCommit, Parcel
from app.store.pages import Page, bounded
from app.store.script import load
from app.store.script_line import ScriptLine, packed
from app.store.syncs import PendingSync
from app.store.times import micros, time_of

# Eight days: longer than any retry window known of the platform's sender (36 hours in its generic guide).
MARK_TTL_MS = 8 * 24 * 3600 * 1000
# Some 400 MB of memory: days of a large merchant's webhooks without a worker. Then 503 makes Meta keep them.
MAX_INBOX = 1_000_000
# What people look at when something was unreadable; the counters know of all.
MAX_KEPT = 1000
# Callers cut what they seal to this, so that everything kept stays below 100 MB.
MAX_UNRECOGNIZED_CHARS = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrecognizedEntry:
    """Something to keep for people: why, the digest that recognizes it, and its text, already sealed."""

    reason: str
    digest: str
    sealed: str


class UnrecognizedRecord(Record, frozen=True, kw_only=True):
    """Something that was kept; its id is that of its row, and not stored in it."""

    id: str = ""
    at: datetime
    reason: str
    digest: str
    sealed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a delivery's entries; `was_empty` says that nothing waited, so RQ wants a enqueuer.

    Of deliveries written together all are told that the inbox was empty before them, or none.
    """

    accepted: int
    duplicates: int
    reused: int
    was_empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDelivery:
    """A delivery that waits in the inbox: the hints of each of its entries that were new."""

    id: str
    entries: tuple[tuple[EntryHint, ...], ...]
    delivery_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """The orders and shops whose jobs must be enqueued, and how many entries are left."""

    orders: tuple[str, ...]
    shops: tuple[str, ...]
    left: int


class AsyncInbox:
    """The webhook route's side: at most one round trip a delivery, which deliveries that wait share."""

    def __init__(self, store: AsyncStore) -> None:
        self._store = store
        names = [keys.INBOX, keys.INBOX_ENTRIES, keys.KEPT, keys.COUNTERS]
        self._line = ScriptLine(store, "inbox_accept", names)
        self._groups = GroupCommit(self._accept)

    def accept(
        self, delivery_id: str, entries: Sequence[Entry], kept: Sequence[UnrecognizedEntry], now: datetime
    ) -> Awaitable[Receipt]:
        """Take all entries of one delivery in, or none; once this was awaited, they are durable.

        The delivery is packed before it waits, so the caller can free the entries.

        Raises:
            InboxFull: the inbox has no room for the delivery's new entries.
            StoreUnavailable: Redis cannot take them now; after a timeout, it may have them all the same.
        """
        parcel = Parcel(
            packed=packed(*_delivery_arguments(delivery_id, entries, kept, now)),
            arguments=5 + 2 * len(entries) + 2 * len(kept),
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
        text = await self._line.run(arguments, [limits, *(parcel.packed for parcel in group)])
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
        self._pending = load(store, "inbox_pending")
        self._drain = load(store, "inbox_drain")

    def pending(self, limit: int) -> list[PendingDelivery]:
        """Return waiting deliveries, the longest waiting first, until they hold `limit` entries or more."""
        rows = self._pending([keys.INBOX], [bounded(limit)])
        return [_pending(row_id, fields) for row_id, fields in rows]

    def drained(
        self,
        deliveries: Sequence[PendingDelivery],
        pending: Sequence[PendingSync],
        shops: Sequence[str],
        now: datetime,
    ) -> Drained:
        """Take the deliveries out and add the syncs and reconciliations they ask for, in one change."""
        arguments: list[str | int] = [
            micros(now),
            len(deliveries),
            len(pending),
            keys.PENDING_ORDER_PREFIX,
            keys.PENDING_SHOP_PREFIX,
            keys.PENDING_BY_SHOP_PREFIX,
        ]
        for row in deliveries:
            arguments += [row.id, len(row.entries)]
        for one in pending:
            arguments += [one.order_id, one.shop_id or "", one.cause]
        orders, added, left = self._drain(
            [keys.INBOX, keys.INBOX_ENTRIES, keys.PENDING_SEQUENCE, keys.PENDING_ORDERS, keys.PENDING_SHOPS],
            [*arguments, *shops],
        )
        return Drained(orders=tuple(orders), shops=tuple(added), left=left)

    def size(self) -> int:
        """Return how many entries wait."""
        return int(self._store.get(keys.INBOX_ENTRIES) or 0)

    def kept(self, *, limit: int, cursor: str | None = None) -> Page[UnrecognizedRecord]:
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
    delivery_id: str, entries: Sequence[Entry], kept: Sequence[UnrecognizedEntry], now: datetime
) -> list[str | int]:
    hints = _HINTS.encode([entry.hints for entry in entries]).decode()
    arguments: list[str | int] = [delivery_id, micros(now), hints, len(entries), len(kept)]
    for entry in entries:
        arguments += (entry.digest, "" if entry.identity.endswith(":") else entry.identity)
    for item in kept:
        arguments += (item.digest, _kept_text(item, now))
    return arguments


# A list of entries, each a list of hints, each a list. msgspec takes an eighth of the time of json.
_HINTS = msgspec.json.Encoder()
_READ_HINTS = msgspec.json.Decoder(tuple[tuple[EntryHint, ...], ...])


def _pending(row_id: str, values: Sequence[str]) -> PendingDelivery:
    fields = dict(zip(values[::2], values[1::2], strict=True))
    CODEC.known(fields.get("v"), "webhook delivery")
    left_out = set(map(int, fields["left_out"].split()))
    return PendingDelivery(
        id=row_id,
        entries=tuple(
            hints for place, hints in enumerate(_READ_HINTS.decode(fields["hints"])) if place not in left_out
        ),
        delivery_id=fields["delivery"],
        received_at=time_of(fields["received_at"]),
    )


def _kept_text(item: UnrecognizedEntry, now: datetime) -> str:
    return encode(UnrecognizedRecord(at=now, reason=item.reason, digest=item.digest, sealed=item.sealed))


def _kept(row_id: str, text: str) -> UnrecognizedRecord:
    return structs.replace(decode(text, UnrecognizedRecord), id=row_id)
