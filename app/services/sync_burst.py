"""Sync a burst: read many changed orders of a shop by its list, 25 per call, instead of one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.domain.admission import Purpose
from app.domain.orders import OrderState, PlatformOrder
from app.domain.shops import Shops
from app.domain.timeline import Cause
from app.graph.client import GraphClient, OrderPage
from app.graph.failures import GraphError, ReadPaused
from app.queue.specs import sync_burst_job, sync_job
from app.services.enqueue import BURST, Enqueuer
from app.services.record_order import OrderContended, RecordOrder
from app.store.orders import Orders
from app.store.syncs import PendingSync, Syncs

log = structlog.get_logger()

STATES = tuple(state for state in OrderState if state is not OrderState.UNKNOWN)
# The most pending syncs that one run looks at; the rest is found by the same listing, or by the next run.
MAX_PENDING = 1000
# After this many pages other shops get the worker, and the next run continues where this one stopped.
MAX_PAGES = 20
# After this many pages in a row without news (or a fifth of the pending syncs if more) the run stops:
# what is still pending is far behind, or in no listing. Pages come newest order first and a backlog is worked
# off oldest first, so the first change may be on a late page. It is below a run's pages, so that a run
# that finds nothing is the last one.
LEAST_IDLE_PAGES = 4
MOST_IDLE_PAGES = MAX_PAGES - 1
# A webhook that comes this long after its change is still part of the burst; older changes are read one by
# one. The read after a change of our own is pending from the moment of the change, give or take two clocks.
LOOK_BACK_S = 600.0
LOOK_BACK_OWN_S = 10.0
# After this many runs in a row that killed their worker, the orders are read one by one.
MAX_LOST_RUNS = 3
# The wait after a page that failed; a paused shop says itself how long it waits.
AGAIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncBurst:
    """Processes the pending syncs of many orders of one shop."""

    graph: GraphClient
    shops: Shops
    orders: Orders
    syncs: Syncs
    record_order: RecordOrder
    enqueuer: Enqueuer
    clock: Callable[[], datetime]
    read_timeout_s: float

    def process(self, shop_id: str) -> int:
        """List what changed in the shop, record it, and clear its pending syncs; return how many.

        A run continues the listing where the run before it stopped. Orders that the listing does not show are
        read one by one, and so are all when they are few. Changed orders without a pending sync are recorded
        too, so that their webhooks find them known.
        """
        now = self.clock()
        shop = self.shops.get(shop_id)
        pending = self.syncs.due_of(shop_id, now, limit=MAX_PENDING)
        run = self.syncs.begin_burst(shop_id)
        if shop is None or len(pending) < BURST or run.lost_runs >= MAX_LOST_RUNS:
            # Where an order takes its worker down, each on its own shows which, and is quarantined.
            self._one_by_one(pending)
            self.syncs.end_burst(shop_id)
            return 0
        since = run.since or min(_changed_after(one, now) for one in pending)
        first = any(copy is None for copy in self.orders.freshness([one.order_id for one in pending[:BURST]]))
        try:
            most_idle = min(max(LEAST_IDLE_PAGES, len(pending) // 5), MOST_IDLE_PAGES)
            pages = self.graph.list_orders(
                shop,
                states=STATES,
                updated_after=since,
                after=run.after,
                # Orders nobody has read yet wait for their acknowledgement: they are read as commands are.
                purpose=Purpose.COMMAND if first else Purpose.READ,
                timeout_s=self.read_timeout_s,
            )
            cleared, following = self._process(pages, most_idle)
        except (GraphError, OrderContended) as error:
            self.syncs.end_burst(shop_id)
            self._reschedule(shop_id, error)
            return 0
        self.syncs.end_burst(shop_id, after=following or "", since=since if following else None)
        log.info("sync_burst.listed", shop_id=shop_id, cleared=cleared, more=following is not None)
        left = self.syncs.due_of(shop_id, self.clock(), limit=MAX_PENDING)
        if len(left) >= BURST and (cleared or following or run.after):
            self.enqueuer.enqueue(sync_burst_job(shop_id))
        else:
            self._one_by_one(left)
        return cleared

    def _process(self, pages: Iterator[OrderPage], most_idle: int) -> tuple[int, str | None]:
        """Return how many pending syncs were cleared, and the next cursor: None at the end or when idle."""
        cleared = idle = 0
        following: str | None = None
        for _ in range(MAX_PAGES):
            # The number and the time from before the read: a sync added later may be newer than the page.
            sequence, read_at = self.syncs.sequence(), self.clock()
            page = next(pages, None)
            if page is None:
                return cleared, None
            paid, changed = self._record(page, sequence, read_at)
            cleared += paid
            following = page.following
            idle = 0 if paid or changed else idle + 1
            if following is None or idle >= most_idle:
                return cleared, None
        return cleared, following

    def _record(self, page: OrderPage, sequence: int, read_at: datetime) -> tuple[int, int]:
        readable = [read for read in page.orders if isinstance(read, PlatformOrder)]
        recorded = self.record_order.record_many(readable, read_at=read_at, cause=Cause.WEBHOOK)
        paid = self.syncs.seen([read.order.id for read in readable], sequence) if readable else 0
        return paid, sum(one is not None for one in recorded)

    def _one_by_one(self, pending: Sequence[PendingSync]) -> None:
        self.enqueuer.enqueue(*(sync_job(one.order_id) for one in pending))

    def _reschedule(self, shop_id: str, error: Exception) -> None:
        now = self.clock()
        again_at = error.until if isinstance(error, ReadPaused) else now + timedelta(seconds=AGAIN_S)
        delay_s = max((again_at - now).total_seconds(), 1.0)
        pending = self.syncs.due_of(shop_id, now, limit=MAX_PENDING)
        self.syncs.reschedule_many(pending, due_at=now + timedelta(seconds=delay_s), error=str(error))
        log.warning(
            "sync_burst.reschedule", shop_id=shop_id, orders=len(pending), delay_s=delay_s, reason=str(error)
        )


def _changed_after(pending: PendingSync, now: datetime) -> datetime:
    look_back_s = LOOK_BACK_OWN_S if pending.cause == "command" else LOOK_BACK_S
    return (pending.due_at or now) - timedelta(seconds=look_back_s)
