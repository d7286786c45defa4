"""The true copy of every order, its timeline, and the indexes that find it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.codec import decode, encode
from app.domain.orders import Order, OrderState
from app.domain.timeline import TimelineEntry
from app.store import keys
from app.store.archive import Archive
from app.store.connection import Store, run
from app.store.failures import ArchiveBroken
from app.store.order_record import SealedBuyer, StoredOrder, stored_order
from app.store.pages import Page, bounded, cursor_of, cursor_parts, read_page
from app.store.script import Call, load, run_each
from app.store.times import micros, time_of

# A busy order has some thirty entries; a thousand holds weeks of a bad one.
MAX_TIMELINE = 1000
# Orders read by id in one round trip.
MAX_ORDERS_READ = 1000
# Orders written in one round trip: more than a page of the platform's, or a batch, ever has.
MAX_ORDERS_WRITTEN = 200


__all__ = ["Freshness", "NewCopy", "Orders", "SealedBuyer", "StoredOrder", "WriteResult"]

# What `order_write` answers for an order that has to be brought back from the archive first.
_ARCHIVED = "archived"


class WriteResult(StrEnum):
    """What became of a write. OLDER: the copy is newer. CONFLICT: it changed since it was read."""

    CREATED = "created"
    UPDATED = "updated"
    OLDER = "older"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCopy:
    """A copy to write; `Orders.write` tells what its parts are."""

    order: Order
    sealed: SealedBuyer
    expected_version: int
    read_at: datetime
    write_id: str
    timeline: tuple[TimelineEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How new a copy is: its state, the platform's time of its last change, and when it was read."""

    state: OrderState
    updated_at: datetime
    synced_at: datetime


class Orders:
    """Reads and writes the copies of orders; those in the archive are read there, and written once back."""

    def __init__(self, store: Store, archive: Archive | None = None) -> None:
        """Without the archive, archived orders are unknown, and writing one raises ArchiveBroken."""
        self._store = store
        self._archive = archive
        self._write = load(store, "order_write")
        self._page = load(store, "page")
        self._timeline_page = load(store, "timeline_page")

    def get(self, order_id: str) -> StoredOrder | None:
        """Return the copy of the order, or None when there is none."""
        stored = stored_order(self._store.execute_command("HGETALL", keys.order(order_id)))
        return stored or self._archived([order_id])[0]

    def get_many(self, order_ids: Sequence[str]) -> list[StoredOrder | None]:
        """Return the copies in the order asked, None for each unknown id; at most MAX_ORDERS_READ ids."""
        if len(order_ids) > MAX_ORDERS_READ:
            raise ValueError(f"{len(order_ids)} orders asked for at once; the most is {MAX_ORDERS_READ}")
        calls = [("HGETALL", keys.order(order_id)) for order_id in order_ids]
        rows = run(self._store, calls)
        found = {order_id: stored_order(row) for order_id, row in zip(order_ids, rows, strict=True)}
        absent = [order_id for order_id, stored in found.items() if stored is None]
        found |= dict(zip(absent, self._archived(absent), strict=True)) if absent else {}
        return [found[order_id] for order_id in order_ids]

    def write(
        self,
        order: Order,
        sealed: SealedBuyer,
        *,
        expected_version: int,
        read_at: datetime,
        write_id: str,
        timeline: Sequence[TimelineEntry],
    ) -> WriteResult:
        """Write the copy, its indexes and what changed, at once, unless the stored copy is newer.

        `expected_version` is the version the writer compared with, 0 for none; `read_at` when its read of
        the platform began: of two copies with one update time the later read wins. Sealed texts that are
        None leave the stored ones as they are. The same `write_id` again gets the first answer.
        """
        new = NewCopy(
            order=order,
            sealed=sealed,
            expected_version=expected_version,
            read_at=read_at,
            write_id=write_id,
            timeline=tuple(timeline),
        )
        return self.write_many([new])[0]

    def write_many(self, copies: Sequence[NewCopy]) -> list[WriteResult]:
        """Write each as `write` does, all in one round trip; at most MAX_ORDERS_WRITTEN."""
        if len(copies) > MAX_ORDERS_WRITTEN:
            raise ValueError(f"{len(copies)} orders at once; the most is {MAX_ORDERS_WRITTEN}")
        results = run_each(self._store, self._write, map(_write_call, copies))
        return [self._written(new, result) for new, result in zip(copies, results, strict=True)]

    def freshness(self, order_ids: Sequence[str]) -> list[Freshness | None]:
        """Return how new the copies are, in the order asked, None for each unknown id."""
        if len(order_ids) > MAX_ORDERS_READ:
            raise ValueError(f"{len(order_ids)} orders asked for at once; the most is {MAX_ORDERS_READ}")
        calls = [("HMGET", keys.order(order_id), "state", "updated_at", "read_at") for order_id in order_ids]
        rows = run(self._store, calls) if calls else []
        return [
            Freshness(state=OrderState(row[0]), updated_at=time_of(row[1]), synced_at=time_of(row[2]))
            if row[0]
            else None
            for row in rows
        ]

    def list(
        self,
        *,
        state: OrderState | None = None,
        reference: str | None = None,
        updated_after: datetime | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[StoredOrder]:
        """Return the copies that match, newest update first; a page may be short and still have a next one.

        Raises:
            ValueError: the cursor is not one of this listing.
        """
        skip = _archive_cursor(cursor)
        if reference and skip is not None:
            return self._archived_page(reference, state, updated_after, skip=skip, limit=bounded(limit))
        indexes = [keys.orders_by_reference(reference)] if reference else []
        indexes += [keys.orders_by_state(state.value)] if state else []
        page = read_page(
            self._page,
            indexes=indexes or [keys.ORDERS],
            record_prefix=keys.ORDER_PREFIX,
            limit=limit,
            cursor=cursor,
            above=micros(updated_after) if updated_after else None,
        )
        found = tuple(filter(None, (stored_order(row.fields) for row in page.items)))
        if not reference or page.next_cursor is not None:
            return Page(items=found, next_cursor=page.next_cursor)
        room = bounded(limit) - len(found)
        older = self._archived_page(reference, state, updated_after, skip=0, limit=room)
        return Page(items=(*found, *older.items), next_cursor=older.next_cursor)

    def timeline(self, order_id: str, *, limit: int, cursor: str | None = None) -> Page[TimelineEntry]:
        """Return what happened to the order, oldest first; the last MAX_TIMELINE entries are kept.

        Raises:
            ValueError: the cursor is not one of this listing.
        """
        first = cursor_parts(cursor, 1)[0] if cursor else "0"
        after, ever, entries = self._timeline_page(
            [keys.order(order_id), keys.timeline(order_id)], [first, bounded(limit)]
        )
        archived = self._archive.find(order_id) if self._archive and not ever else None
        if archived is not None:
            return archived.timeline(first=int(first), limit=limit)
        return Page(
            items=tuple(decode(entry, TimelineEntry) for entry in entries),
            next_cursor=cursor_of(str(after)) if entries and after < ever else None,
        )

    def restore(self, order_id: str) -> None:
        """Bring the order back from the archive, where it is there: somebody is about to change it."""
        if self._archive is not None:
            self._archive.restore(order_id)

    def _archived(self, order_ids: Sequence[str]) -> tuple[StoredOrder | None, ...]:
        if self._archive is None:
            return (None,) * len(order_ids)
        return tuple(found.stored() if found else None for found in self._archive.find_many(order_ids))

    def _written(self, new: NewCopy, result: str) -> WriteResult:
        if result != _ARCHIVED:
            return WriteResult(result)
        self.restore(new.order.id)
        result = self._write(*_write_call(new))
        if result == _ARCHIVED:
            raise ArchiveBroken(
                f"order {new.order.id} is archived and could not be brought back; nothing was written. Look "
                "whether every process is started with the same ORDERWIRE_DATA_DIR"
            )
        return WriteResult(result)

    def _archived_page(
        self,
        reference: str,
        state: OrderState | None,
        updated_after: datetime | None,
        *,
        skip: int,
        limit: int,
    ) -> Page[StoredOrder]:
        ids = self._archive.by_reference(reference) if self._archive else ()
        if not ids or not limit:
            return Page(items=(), next_cursor=_cursor_of_archive(skip) if ids else None)
        matching = [
            stored
            for stored in self._archived(ids)
            if stored
            and (state is None or stored.order.state is state)
            and (updated_after is None or stored.order.updated_at > updated_after)
        ]
        matching.sort(key=lambda stored: (stored.order.updated_at, stored.order.id), reverse=True)
        after = skip + limit
        return Page(
            items=tuple(matching[skip:after]),
            next_cursor=_cursor_of_archive(after) if after < len(matching) else None,
        )


def _cursor_of_archive(skip: int) -> str:
    return cursor_of(str(skip), "", "archive")


def _archive_cursor(cursor: str | None) -> int | None:
    """Return how many archived orders were shown, None for a cursor of the orders in Redis."""
    skip, where = cursor_parts(cursor, 2) if cursor else ("0", "")
    return int(skip) if where == "\narchive" else None


def _entry_texts(entries: Sequence[TimelineEntry]) -> list[str]:
    return [encode(entry) for entry in entries]


def _write_call(new: NewCopy) -> Call:
    order, sealed = new.order, new.sealed
    return [keys.order(order.id), keys.timeline(order.id), keys.ORDERS, keys.archived(order.id)], [
        order.id,
        new.expected_version,
        micros(new.read_at),
        micros(order.updated_at),
        new.write_id,
        order.state.value,
        order.merchant_order_reference or "",
        keys.ORDERS_BY_STATE_PREFIX,
        keys.ORDERS_BY_REFERENCE_PREFIX,
        MAX_TIMELINE,
        encode(order),
        sealed.buyer or "",
        sealed.shipping_address or "",
        *_entry_texts(new.timeline),
    ]
