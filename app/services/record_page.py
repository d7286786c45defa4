"""Write down one page of a listing: what differs from the copies, and whether any webhook announced it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.domain.orders import PlatformOrder
from app.domain.shops import Shop
from app.domain.timeline import Cause
from app.graph.client import OrderPage
from app.queues import sync_wake
from app.services.nudge import Nudge
from app.services.record_order import OrderContended, RecordOrder
from app.store.commands import Commands
from app.store.drift import Drift, DriftEntry, Suspect
from app.store.orders import Orders, StoredOrder
from app.store.syncs import OwedSync, Syncs

log = structlog.get_logger()

# A webhook of a change found this moment may still be on its way; Meta's come within seconds.
DRIFT_GRACE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRecorded:
    """Copies that were changed or new, orders owed a sync of their own, differences nobody had announced."""

    changed: int = 0
    owed: int = 0
    suspects: int = 0

    def plus(self, other: PageRecorded) -> PageRecorded:
        """Return the sum of both."""
        return PageRecorded(
            changed=self.changed + other.changed,
            owed=self.owed + other.owed,
            suspects=self.suspects + other.suspects,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    """Keeps the copies true to a listing."""

    orders: Orders
    commands: Commands
    syncs: Syncs
    drift: Drift
    nudge: Nudge
    record_order: RecordOrder
    clock: Callable[[], datetime]

    def record(self, shop: Shop, page: OrderPage, *, read_at: datetime, importing: bool) -> PageRecorded:
        """Write the page down; what cannot be written is owed a sync, durably, when this returns.

        `importing` says that the shop is looked at for the first time: nothing in it is drift then.
        """
        owed = changed = 0
        suspects: list[Suspect] = []
        readable = [read for read in page.orders if isinstance(read, PlatformOrder)]
        for unreadable in page.orders:
            if not isinstance(unreadable, PlatformOrder):
                owed += self.owe(shop, unreadable.order_id, str(unreadable))
        for read, copy in self._different(readable):
            try:
                recorded = self.record_order.record(read, read_at=read_at, cause=Cause.RECONCILIATION)
            except OrderContended as error:
                owed += self.owe(shop, read.order.id, str(error))
                continue
            changed += 1
            words = tuple(entry.what for entry in recorded.news)
            # What our own command is changing right now is announced by nobody, and is no drift.
            if words and not importing and not self.commands.lane(read.order.id):
                entry = DriftEntry(order_id=read.order.id, shop_id=shop.id, at=read_at, news=words)
                suspects.append(Suspect(entry=entry, read_before=copy.synced_at if copy else None))
        self.drift.suspect(suspects, self.clock() + timedelta(seconds=DRIFT_GRACE_S))
        return PageRecorded(changed=changed, owed=owed, suspects=len(suspects))

    def owe(self, shop: Shop, order_id: str, reason: str) -> int:
        """Owe the order a sync of its own; return 1, or 0 for an order that has not even an id."""
        if not order_id:
            log.error("reconcile.order_without_id", shop_id=shop.id, reason=reason)
            return 0
        owed = OwedSync(order_id=order_id, shop_id=shop.id, cause=Cause.RECONCILIATION)
        if self.syncs.owe(owed, self.clock()):
            self.nudge.wake(sync_wake(order_id))
        return 1

    def _different(self, reads: Sequence[PlatformOrder]) -> list[tuple[PlatformOrder, StoredOrder | None]]:
        copies = self.orders.get_many([read.order.id for read in reads])
        pairs = zip(reads, copies, strict=True)
        return [(read, copy) for read, copy in pairs if self.record_order.differs(read, copy)]
