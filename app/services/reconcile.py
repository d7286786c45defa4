"""Reconciliation: list what changed on the platform and record it, whether it was announced or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from app.domain.admission import Purpose
from app.domain.alerts import AlertKind
from app.domain.orders import OrderState, PlatformOrder
from app.domain.shops import Shop, Shops
from app.domain.timeline import Cause
from app.graph.client import GraphClient, OrderPage
from app.graph.failures import GraphError, UnreadableOrder
from app.queue.specs import sync_job
from app.services.alerts import Alerting
from app.services.enqueue import Enqueuer
from app.services.record_order import OrderContended, RecordOrder
from app.store.commands import Commands
from app.store.drift import Drift, DriftEntry, Suspect
from app.store.monitor import Watch
from app.store.orders import Orders
from app.store.shops import ShopMarks
from app.store.syncs import PendingSync, Syncs

log = structlog.get_logger()

STATES = tuple(state for state in OrderState if state is not OrderState.UNKNOWN)
# The first look back of a shop that has no mark: the window in which refunds are still made (a connector of
# Meta's own polls 180 days back for returns).
FIRST_LOOK_BACK = timedelta(days=180)
# Listed besides the plain listing: what buyers and Meta cancel and refund has filters of its own (Order API).
FILTERS = ((), ("has_cancellations",), ("has_refunds",))
# A run that was interrupted is tried again after this, before its next turn comes.
AGAIN_S = 30.0
# A webhook of a change found this moment may still be on its way; Meta's come within seconds.
DRIFT_GRACE_S = 15.0
# Meta's hold lasts half an hour: more orders than this in it at once are another kind of trouble.
MAX_HELD = 5000
HELD_PAGE = 500
# Orders that vanished are read one by one; the next run, minutes later, continues with the rest.
MAX_MISSING = 200


@dataclass(slots=True, kw_only=True)
class Reconciled:
    """What one run did: orders listed, copies changed or new, syncs added, orders with unannounced news.

    `complete`: every page was stored, and the mark moved.
    """

    listed: int = 0
    changed: int = 0
    pending: int = 0
    suspects: int = 0
    complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """Finds what no webhook announced."""

    graph: GraphClient
    shops: Shops
    orders: Orders
    commands: Commands
    syncs: Syncs
    marks: ShopMarks
    drift: Drift
    watch: Watch
    alerting: Alerting
    enqueuer: Enqueuer
    record_order: RecordOrder
    clock: Callable[[], datetime]
    overlap_s: float
    read_timeout_s: float

    def reconcile(self, shop_id: str) -> Reconciled:
        """List all orders that changed since the shop's mark less the overlap, and record each.

        The mark moves to the start of this run, and only when every page was recorded; an order that cannot
        be recorded gets a pending sync, durably, before the mark moves. When the shop pauses or most of its
        call limit is used, the run stops and is pending again.
        """
        shop = self.shops.get(shop_id)
        if shop is None:
            log.warning("reconcile.unknown_shop", shop_id=shop_id)
            return Reconciled()
        pending_run = self.syncs.get_shop(shop_id)
        started = self.clock()
        run = Reconciled()
        try:
            self._list_changed(shop, started, run)
            self._find_vanished(shop, run)
            run.complete = True
        except GraphError as error:
            log.warning("reconcile.interrupted", shop_id=shop_id, reason=str(error))
            self._again(shop_id, str(error))
        if run.changed:
            self.watch.busy(shop_id, started)
        if run.complete:
            if run.suspects == 0:
                self.alerting.close(AlertKind.DRIFT, shop_id)
            self.marks.move_mark(shop_id, started)
            if pending_run is not None:
                self.syncs.done_shop(shop_id, pending_run)
        log.info("reconcile.finished", shop_id=shop_id, listed=run.listed, changed=run.changed)
        return run

    def _list_changed(self, shop: Shop, started: datetime, run: Reconciled) -> None:
        mark = self.marks.mark(shop.id)
        window = (mark or started - FIRST_LOOK_BACK) - timedelta(seconds=self.overlap_s)
        since = max(window, datetime.fromtimestamp(0, UTC))
        for filters in FILTERS:
            pages = self.graph.list_orders(
                shop,
                states=STATES,
                updated_after=since,
                filters=filters,
                purpose=Purpose.LISTING,
                timeout_s=self.read_timeout_s,
            )
            # A page is read when it is asked for: the clock before that is when its read began.
            while (read_at := self.clock()) and (page := next(pages, None)) is not None:
                run.listed += len(page.orders)
                self._record(shop, page, read_at, run, importing=mark is None)

    def _record(
        self, shop: Shop, page: OrderPage, read_at: datetime, run: Reconciled, *, importing: bool
    ) -> None:
        """Record one page; in a shop's first run (`importing`) nothing is drift."""
        readable = [read for read in page.orders if isinstance(read, PlatformOrder)]
        for unreadable in page.orders:
            if isinstance(unreadable, UnreadableOrder):
                run.pending += self._owe(shop, unreadable.order_id, str(unreadable))
        suspects: list[Suspect] = []
        results = self.record_order.record_each(readable, read_at=read_at, cause=Cause.RECONCILIATION)
        for read, recorded in zip(readable, results, strict=True):
            if isinstance(recorded, OrderContended):
                run.pending += self._owe(shop, read.order.id, str(recorded))
            elif recorded is not None:
                run.changed += 1
                words = tuple(entry.what for entry in recorded.news if entry.cause is not Cause.COMMAND)
                # Nobody announces what our own command changes now, so it is no drift.
                if words and not importing and not self.commands.lane(read.order.id):
                    entry = DriftEntry(order_id=read.order.id, shop_id=shop.id, at=read_at, news=words)
                    suspects.append(Suspect(entry=entry, read_before=recorded.read_before))
        self.drift.suspect(suspects, self.clock() + timedelta(seconds=DRIFT_GRACE_S))
        run.suspects += len(suspects)

    def _find_vanished(self, shop: Shop, run: Reconciled) -> None:
        """Add a sync of each order that our copy shows in FB_PROCESSING and the platform does not list so."""
        held = self._held(shop)
        if not held:
            return
        pages = self.graph.list_orders(
            shop,
            states=[OrderState.FB_PROCESSING],
            updated_after=None,
            purpose=Purpose.LISTING,
            timeout_s=self.read_timeout_s,
        )
        listed = {
            read.order_id if isinstance(read, UnreadableOrder) else read.order.id
            for page in pages
            for read in page.orders
        }
        missing = [order_id for order_id in held if order_id not in listed][:MAX_MISSING]
        run.pending += sum(self._owe(shop, one, "it is in no listing any more") for one in missing)

    def _held(self, shop: Shop) -> list[str]:
        held: list[str] = []
        cursor = None
        for _ in range(MAX_HELD // HELD_PAGE):
            page = self.orders.list(state=OrderState.FB_PROCESSING, limit=HELD_PAGE, cursor=cursor)
            held += [stored.order.id for stored in page.items if stored.order.shop_id == shop.id]
            cursor = page.next_cursor
            if cursor is None:
                break
        return held[::-1]  # the longest unchanged first

    def _owe(self, shop: Shop, order_id: str, reason: str) -> int:
        """Add a pending sync of the order; return 1, or 0 for an order without an id."""
        if not order_id:
            log.error("reconcile.order_without_id", shop_id=shop.id, reason=reason)
            return 0
        pending = PendingSync(order_id=order_id, shop_id=shop.id, cause=Cause.RECONCILIATION)
        if self.syncs.add(pending, self.clock()):
            self.enqueuer.enqueue(sync_job(order_id))
        return 1

    def _again(self, shop_id: str, reason: str) -> None:
        now = self.clock()
        self.syncs.add_shop(shop_id, now, cause=Cause.RECONCILIATION)
        seq = self.syncs.get_shop(shop_id)
        if seq is not None:
            due_at = now + timedelta(seconds=AGAIN_S)
            self.syncs.reschedule_shop(shop_id, seq, due_at=due_at, error=reason)
