"""Reconciliation: list what changed on the platform and record it, whether it was announced or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from app.domain.alerts import AlertKind
from app.domain.gates import Purpose
from app.domain.orders import OrderState, PlatformOrder
from app.domain.shops import Shop, Shops
from app.domain.timeline import Cause
from app.graph.client import GraphClient, OrderPage
from app.graph.failures import GraphError, UnreadableOrder
from app.queues import sync_wake
from app.services.alerts import Alerting
from app.services.enqueue import Nudge
from app.services.record_order import OrderContended, RecordOrder
from app.store.commands import Commands
from app.store.drift import Drift, DriftEntry, Suspect
from app.store.orders import Orders, StoredOrder
from app.store.shops import ShopMarks
from app.store.syncs import OwedSync, Syncs
from app.store.watch import Watch

log = structlog.get_logger()

STATES = tuple(state for state in OrderState if state is not OrderState.UNKNOWN)
# The first look back of a shop that has no mark: the window in which refunds are still made (a connector of
# Meta's own polls 180 days back for returns).
FIRST_LOOK_BACK = timedelta(days=180)
# Listed besides the plain listing: what buyers and Meta cancel and refund has filters of its own (Order API).
FILTERS = ((), ("has_cancellations",), ("has_refunds",))
# A run that was interrupted is tried again after this, before its next turn comes.
AGAIN_S = 30.0


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
    syncs: Syncs
    marks: ShopMarks
    watch: Watch
    alerting: Alerting
    record_page: RecordPage
    find_vanished: FindVanished
    clock: Callable[[], datetime]
    overlap_s: float
    read_timeout_s: float

    def reconcile(self, shop_id: str) -> Reconciled:
        """List all orders changed since the shop's mark less the overlap, and store each.

        The mark moves to the start of this run, and only when every page was stored: an order that cannot
        be stored is owed a sync, durably, before the mark passes it. While the shop's gate is closed, or
        most of its call limit is used, the run makes room and is owed again.
        """
        shop = self.shops.get(shop_id)
        if shop is None:
            log.warning("reconcile.unknown_shop", shop_id=shop_id)
            return Reconciled(listed=0, changed=0, owed=0, complete=False)
        owed_run = self.syncs.get_shop(shop_id)
        started = self.clock()
        result, interrupted = self._run(shop, started)
        if result.changed:
            self.watch.busy(shop_id, started)
        if interrupted is None:
            self.marks.move_mark(shop_id, started)
            self.marks.note_reconciled(shop_id, self.clock())
            if owed_run is not None:
                self.syncs.done_shop(shop_id, owed_run)
        else:
            self._again(shop_id, interrupted)
        log.info("reconcile.finished", shop_id=shop_id, listed=result.listed, changed=result.changed)
        return result

    def _run(self, shop: Shop, started: datetime) -> tuple[Reconciled, str | None]:
        mark = self.marks.mark(shop.id)
        window = (mark or started - FIRST_LOOK_BACK) - timedelta(seconds=self.overlap_s)
        since = max(window, datetime.fromtimestamp(0, UTC))
        listed, total = 0, PageRecorded()
        try:
            for filters in FILTERS:
                for count, recorded in self._listing(shop, since, filters, importing=mark is None):
                    listed += count
                    total = total.plus(recorded)
            total = total.plus(PageRecorded(owed=self.find_vanished.find(shop)))
        except GraphError as error:
            log.warning("reconcile.interrupted", shop_id=shop.id, reason=str(error))
            return self._result(listed, total, complete=False), str(error)
        if total.suspects == 0:
            self.alerting.close(AlertKind.DRIFT, shop.id)
        return self._result(listed, total, complete=True), None

    def _listing(
        self, shop: Shop, since: datetime, filters: tuple[str, ...], *, importing: bool
    ) -> Iterator[tuple[int, PageRecorded]]:
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
            yield (
                len(page.orders),
                self.record_page.record(shop, page, read_at=read_at, importing=importing),
            )

    def _again(self, shop_id: str, reason: str) -> None:
        now = self.clock()
        self.syncs.owe_shop(shop_id, now, cause=Cause.RECONCILIATION)
        seq = self.syncs.get_shop(shop_id)
        if seq is not None:
            due_at = now + timedelta(seconds=AGAIN_S)
            self.syncs.postpone_shop(shop_id, seq, due_at=due_at, error=reason)

    @staticmethod
    def _result(listed: int, total: PageRecorded, *, complete: bool) -> Reconciled:
        return Reconciled(listed=listed, changed=total.changed, owed=total.owed, complete=complete)


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


# The hold lasts half an hour: more orders than this in it at once are another kind of trouble.
MAX_HELD = 5000
HELD_PAGE = 500
# Each is read one by one; the next run, minutes later, goes on with the rest.
MAX_MISSING = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FindVanished:
    """Compares our held orders with those the platform lists."""

    graph: GraphClient
    orders: Orders
    record_page: RecordPage
    read_timeout_s: float

    def find(self, shop: Shop) -> int:
        """Owe a sync to each order that we hold as FB_PROCESSING and the platform does not; return how many.

        Raises:
            GraphError: the listing could not be read to its end.
        """
        held = self._held(shop)
        if not held:
            return 0
        listed: set[str] = set()
        for page in self.graph.list_orders(
            shop,
            states=[OrderState.FB_PROCESSING],
            updated_after=None,
            purpose=Purpose.LISTING,
            timeout_s=self.read_timeout_s,
        ):
            for read in page.orders:
                listed.add(read.order_id if isinstance(read, UnreadableOrder) else read.order.id)
        missing = [order_id for order_id in held if order_id not in listed][:MAX_MISSING]
        return sum(self.record_page.owe(shop, one, "it is in no listing any more") for one in missing)

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
