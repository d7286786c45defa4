"""Reconciliation: list what changed on the platform and write it down, whoever announced it or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from app.domain.alerts import AlertKind
from app.domain.gates import Purpose
from app.domain.orders import OrderState
from app.domain.shops import Shop, Shops
from app.domain.timeline import Cause
from app.graph.client import GraphClient
from app.graph.failures import GraphError
from app.services.alerting import Alerting
from app.services.find_vanished import FindVanished
from app.services.record_page import PageRecorded, RecordPage
from app.store.shops import ShopMarks
from app.store.syncs import Syncs
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
