"""Reconciliation: list what changed on the platform and write it down, whoever announced it or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from app.domain.orders import OrderState, PlatformOrder
from app.graph.failures import GraphError
from app.queues import sync_wake
from app.store.syncs import OwedSync

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.domain.shops import Shop, Shops
    from app.graph.client import GraphClient
    from app.services.nudge import Nudge
    from app.services.record_order import RecordOrder
    from app.store.orders import Orders, StoredOrder
    from app.store.shops import ShopMarks
    from app.store.syncs import Syncs
    from app.store.watch import Watch

log = structlog.get_logger()

STATES = tuple(state for state in OrderState if state is not OrderState.UNKNOWN)
# The first look back of a shop that has no mark: the window in which refunds are still made (a connector of
# Meta's own polls 180 days back for returns).
FIRST_LOOK_BACK = timedelta(days=180)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What one run did: orders listed, copies that were changed or new, orders owed a sync of their own."""

    listed: int
    changed: int
    owed: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """Finds what no webhook announced."""

    graph: GraphClient
    shops: Shops
    orders: Orders
    syncs: Syncs
    marks: ShopMarks
    watch: Watch
    nudge: Nudge
    record_order: RecordOrder
    clock: Callable[[], datetime]
    overlap_s: float
    read_timeout_s: float

    def reconcile(self, shop_id: str) -> Reconciled:
        """List all orders changed since the shop's mark less the overlap, and store each.

        The mark moves to the start of this run, and only when every page was stored: an order that cannot
        be stored is owed a sync, durably, before the mark passes it.
        """
        shop = self.shops.get(shop_id)
        if shop is None:
            log.warning("reconcile.unknown_shop", shop_id=shop_id)
            return Reconciled(listed=0, changed=0, owed=0, complete=False)
        owed_run = self.syncs.get_shop(shop_id)
        started = self.clock()
        result = self._run(shop, started)
        if result.changed:
            self.watch.busy(shop_id, started)
        if result.complete:
            self.marks.move_mark(shop_id, started)
            if owed_run is not None:
                self.syncs.done_shop(shop_id, owed_run)
        log.info("reconcile.finished", shop_id=shop_id, listed=result.listed, changed=result.changed)
        return result

    def _run(self, shop: Shop, started: datetime) -> Reconciled:
        mark = self.marks.mark(shop.id) or started - FIRST_LOOK_BACK
        since = max(mark - timedelta(seconds=self.overlap_s), datetime.fromtimestamp(0, UTC))
        listed = changed = owed = 0
        pages = self.graph.list_orders(
            shop, states=STATES, updated_after=since, timeout_s=self.read_timeout_s
        )
        try:
            # A page is read when it is asked for: the clock before that is when its read began.
            while (read_at := self.clock()) and (page := next(pages, None)) is not None:
                listed += len(page.orders)
                readable = [read for read in page.orders if isinstance(read, PlatformOrder)]
                for unreadable in page.orders:
                    if not isinstance(unreadable, PlatformOrder):
                        owed += self._owe(shop, unreadable.order_id)
                for read in self._different(readable):
                    self.record_order.record(read, read_at=read_at, cause="reconciliation")
                    changed += 1
        except GraphError as error:
            log.warning("reconcile.interrupted", shop_id=shop.id, reason=str(error))
            return Reconciled(listed=listed, changed=changed, owed=owed, complete=False)
        return Reconciled(listed=listed, changed=changed, owed=owed, complete=True)

    def _different(self, reads: Sequence[PlatformOrder]) -> list[PlatformOrder]:
        copies = self.orders.get_many([read.order.id for read in reads])
        return [read for read, copy in zip(reads, copies, strict=True) if self._differs(read, copy)]

    def _differs(self, read: PlatformOrder, copy: StoredOrder | None) -> bool:
        if copy is None or copy.order != read.order:
            return True
        # The two things a crash between two writes can leave behind on an otherwise equal copy.
        lacks_buyer = read.buyer is not None and copy.sealed.buyer is None
        return lacks_buyer or self.record_order.owes_acknowledgement(copy)

    def _owe(self, shop: Shop, order_id: str) -> int:
        now = self.clock()
        owed = OwedSync(order_id=order_id, shop_id=shop.id, cause="reconciliation")
        if self.syncs.owe(owed, now):
            self.nudge.wake(sync_wake(order_id))
        return 1
