"""The true copy of every order, its timeline, and the indexes that find it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from app.domain.documents import document_text, timeline_document, timeline_from_document
from app.domain.order_documents import order_document, order_from_document
from app.store import keys
from app.store.connection import run
from app.store.pages import MAX_PAGE, Page, bounded, cursor_of, cursor_parts, read_page
from app.store.script import load
from app.store.times import micros, time_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.domain.orders import Order, OrderState
    from app.domain.timeline import TimelineEntry
    from app.store.connection import Store

# A busy order has some thirty entries; a thousand holds weeks of a bad one.
MAX_TIMELINE = 1000
# Entries compared with when one is added again: more than one use case ever adds at once.
TIMELINE_COMPARED = 50
# Orders read by id in one round trip.
MAX_ORDERS_READ = 1000


class WriteResult(StrEnum):
    """What became of a write. OLDER: the copy is newer. CONFLICT: it changed since it was read."""

    CREATED = "created"
    UPDATED = "updated"
    OLDER = "older"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBuyer:
    """Buyer data as sealed texts; None where the platform has not shown it yet."""

    buyer: str | None
    shipping_address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """The copy of one order. `synced_at` is when the read began that gave it.

    `version` counts its writes from 1; `auto_acknowledge` is the id of the one automatic acknowledgement
    this order ever got, or None.
    """

    order: Order
    sealed: SealedBuyer
    version: int
    synced_at: datetime
    auto_acknowledge: str | None


class Orders:
    """Reads and writes the copies of orders."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._write = load(store, "order_write")
        self._page = load(store, "page")
        self._add_timeline = load(store, "timeline_add")
        self._timeline_page = load(store, "timeline_page")

    def get(self, order_id: str) -> StoredOrder | None:
        """Return the copy of the order, or None when there is none."""
        return _stored(self._store.execute_command("HGETALL", keys.order(order_id)))

    def get_many(self, order_ids: Sequence[str]) -> list[StoredOrder | None]:
        """Return the copies in the order asked, None for each unknown id; at most MAX_ORDERS_READ ids."""
        if len(order_ids) > MAX_ORDERS_READ:
            raise ValueError(f"{len(order_ids)} orders asked for at once; the most is {MAX_ORDERS_READ}")
        calls = [("HGETALL", keys.order(order_id)) for order_id in order_ids]
        return [_stored(fields) for fields in run(self._store, calls)]

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
        result = self._write(
            [keys.order(order.id), keys.timeline(order.id), keys.ORDERS],
            [
                order.id,
                expected_version,
                micros(read_at),
                micros(order.updated_at),
                write_id,
                order.state.value,
                order.merchant_order_reference or "",
                keys.ORDERS_BY_STATE_PREFIX,
                keys.ORDERS_BY_REFERENCE_PREFIX,
                MAX_TIMELINE,
                document_text(order_document(order)),
                sealed.buyer or "",
                sealed.shipping_address or "",
                *_entry_texts(timeline),
            ],
        )
        return WriteResult(result)

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
        found = (_stored(row.fields) for row in page.items)
        return Page(items=tuple(order for order in found if order), next_cursor=page.next_cursor)

    def by_reference(self, reference: str) -> tuple[str, ...]:
        """Return the ids of the orders with exactly that merchant_order_reference, newest update first."""
        found = self._store.execute_command("ZREVRANGE", keys.orders_by_reference(reference), 0, MAX_PAGE - 1)
        return tuple(found)

    def count_by_state(self, states: Sequence[OrderState]) -> dict[OrderState, int]:
        """Return how many copies are in each of the states."""
        counts = run(self._store, [("ZCARD", keys.orders_by_state(state.value)) for state in states])
        return dict(zip(states, counts, strict=True))

    def add_timeline(self, order_id: str, entries: Sequence[TimelineEntry]) -> None:
        """Append to the order's timeline; an entry that is already among the last ones is not repeated."""
        if entries:
            self._add_timeline(
                [keys.order(order_id), keys.timeline(order_id)],
                [MAX_TIMELINE, TIMELINE_COMPARED, *_entry_texts(entries)],
            )

    def timeline(self, order_id: str, *, limit: int, cursor: str | None = None) -> Page[TimelineEntry]:
        """Return what happened to the order, oldest first; the last MAX_TIMELINE entries are kept.

        Raises:
            ValueError: the cursor is not one of this listing.
        """
        first = cursor_parts(cursor, 1)[0] if cursor else "0"
        after, ever, entries = self._timeline_page(
            [keys.order(order_id), keys.timeline(order_id)], [first, bounded(limit)]
        )
        return Page(
            items=tuple(timeline_from_document(json.loads(entry)) for entry in entries),
            next_cursor=cursor_of(str(after)) if entries and after < ever else None,
        )


def _entry_texts(entries: Sequence[TimelineEntry]) -> list[str]:
    return [document_text(timeline_document(entry)) for entry in entries]


def _stored(fields: dict[str, str]) -> StoredOrder | None:
    # A record may hold only the mark of an acknowledgement or a timeline count, before the first write.
    if "document" not in fields:
        return None
    return StoredOrder(
        order=order_from_document(json.loads(fields["document"])),
        sealed=SealedBuyer(buyer=fields.get("buyer"), shipping_address=fields.get("shipping_address")),
        version=int(fields["version"]),
        synced_at=time_of(fields["read_at"]),
        auto_acknowledge=fields.get("auto_acknowledge"),
    )
