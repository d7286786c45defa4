"""Sync: read one order from the platform and record what changed, at once or because a read is pending."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.domain.admission import Purpose
from app.domain.alerts import AlertKind
from app.domain.orders import PlatformOrder
from app.domain.shops import Shop, Shops
from app.domain.timeline import Cause
from app.graph.client import GraphClient
from app.graph.failures import GraphError, OrderNotFound, ReadPaused
from app.queue.specs import sync_job
from app.services.alerts import Alerting
from app.services.enqueue import Enqueuer
from app.services.record_order import OrderContended, Recorded, RecordOrder
from app.store.orders import Orders, StoredOrder
from app.store.syncs import PendingSync, Syncs

log = structlog.get_logger()

# An order whose shop is unknown is asked for at each shop in turn; the webhooks of a merchant with more shops
# than this name the shop.
MAX_SHOPS_ASKED = 20
# An order that webhooks keep touching is read this often in one job; then others have their turn.
MAX_READS = 3
# A failed read is tried again after this, doubled with each failure up to the maximum, and never dropped.
FIRST_DELAY_S = 5.0
MAX_DELAY_S = 3600.0
# A read whose worker died this often in a row is rescheduled far ahead, so that it stops killing workers.
MAX_LOST_RUNS = 3
QUARANTINE_S = 3600.0
# Causes behind which somebody waits: a command in its lane, or a caller of the REST routes.
_WAITED_FOR = frozenset({Cause.COMMAND, Cause.REST})


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOnPlatform:
    """No shop's token sees an order of that id."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAway:
    """The platform could not be read now; `detail` says why, in plain words.

    `held`: nothing failed, the shop is paused or the platform throttles it.
    """

    detail: str
    retry_after_s: float
    held: bool = False


SyncResult = Recorded | NotOnPlatform | PlatformAway


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOrder:
    """Reads one order, with all its edges, and keeps the copy correct."""

    graph: GraphClient
    shops: Shops
    orders: Orders
    syncs: Syncs
    record_order: RecordOrder
    enqueuer: Enqueuer
    alerting: Alerting
    clock: Callable[[], datetime]
    read_timeout_s: float

    def sync(self, order_id: str, *, cause: Cause, shop_id: str | None = None) -> SyncResult:
        """Read the order and record it; clears the pending sync that existed when the read began.

        An order in FB_PROCESSING that its platform does not know any more is recorded as vanished.

        Raises:
            OrderContended: others kept writing the order's copy.
        """
        pending = self.syncs.get(order_id)
        read_at = self.clock()
        stored = self.orders.get(order_id)
        # An order nobody has read yet waits for its acknowledgement: its read has the priority of commands.
        first = stored is None or cause in _WAITED_FOR
        read = self._read(stored, order_id, shop_id, Purpose.COMMAND if first else Purpose.READ)
        if isinstance(read, PlatformAway):
            return read
        if isinstance(read, NotOnPlatform):
            self.record_order.vanished(order_id, read_at=read_at, cause=cause)
            result: SyncResult = read
        else:
            result = self.record_order.record(read, read_at=read_at, cause=cause, known=stored)
        if pending is not None:
            self.syncs.done(order_id, pending.seq)
        return result

    def process(self, order_id: str) -> None:
        """Sync the order if a sync of it is pending; read it again when one was added meanwhile.

        A sync that killed its worker `MAX_LOST_RUNS` times in a row waits for `QUARANTINE_S`, and an alert
        opens.
        """
        for _ in range(MAX_READS):
            pending = self.syncs.begin(order_id)
            if pending is None:
                return
            if pending.lost_runs >= MAX_LOST_RUNS:
                self._quarantine(pending)
                return
            try:
                result = self.sync(order_id, cause=pending.cause, shop_id=pending.shop_id)
            except OrderContended as error:
                result = PlatformAway(detail=str(error), retry_after_s=FIRST_DELAY_S)
            if isinstance(result, PlatformAway):
                self._again_later(pending, result)
                return
            if isinstance(result, Recorded):
                log.info("sync.finished", order_id=order_id, cause=pending.cause, news=len(result.news))
            else:
                log.warning("sync.not_on_platform", order_id=order_id, cause=pending.cause)
            if pending.failures or pending.error:
                self.alerting.close(AlertKind.QUARANTINE, order_id)
        self.enqueuer.enqueue(sync_job(order_id))

    def _read(
        self, stored: StoredOrder | None, order_id: str, shop_id: str | None, purpose: Purpose
    ) -> PlatformOrder | NotOnPlatform | PlatformAway:
        away: PlatformAway | None = None
        for shop in self._candidates(stored, shop_id):
            try:
                return self.graph.read_order(shop, order_id, purpose=purpose, timeout_s=self.read_timeout_s)
            except OrderNotFound:
                continue
            except ReadPaused as paused:
                wait_s = max((paused.until - self.clock()).total_seconds(), 1.0)
                away = PlatformAway(detail=str(paused), retry_after_s=wait_s, held=True)
            except GraphError as error:
                away = PlatformAway(detail=f"shop {shop.id}: {error}", retry_after_s=self.read_timeout_s)
        return away or NotOnPlatform(order_id=order_id)

    def _candidates(self, stored: StoredOrder | None, shop_id: str | None) -> Iterator[Shop]:
        known = self.shops.get(stored.order.shop_id if stored else shop_id or "")
        if known is not None:
            yield known
        # A copy knows its shop for certain; a webhook may be wrong, so the other shops are asked after it.
        if stored is None:
            others = [shop for shop in self.shops if shop is not known]
            yield from others[:MAX_SHOPS_ASKED]

    def _again_later(self, pending: PendingSync, away: PlatformAway) -> None:
        # A paused shop is no failure of this read: the read does not wait longer because of it.
        failures = pending.failures if away.held else pending.failures + 1
        growing_s = FIRST_DELAY_S * 2.0 ** min(max(failures - 1, 0), 30)
        delay_s = min(away.retry_after_s if away.held else growing_s, MAX_DELAY_S)
        self._reschedule(pending, delay_s, away.detail, failures)

    def _quarantine(self, pending: PendingSync) -> None:
        detail = (
            f"Reading order {pending.order_id} killed its worker {pending.lost_runs} times in a row; it "
            "is not "
            "read for an hour. The workers' log says what they died of; then POST "
            f"/v1/orders/{pending.order_id}/sync."
        )
        self.alerting.open(AlertKind.QUARANTINE, pending.order_id, detail, shop_id=pending.shop_id)
        self._reschedule(pending, QUARANTINE_S, detail, pending.failures)

    def _reschedule(self, pending: PendingSync, delay_s: float, detail: str, failures: int) -> None:
        due_at = self.clock() + timedelta(seconds=delay_s)
        self.syncs.reschedule(pending.order_id, pending.seq, due_at=due_at, error=detail, failures=failures)
        self.enqueuer.enqueue(sync_job(pending.order_id, due_at))
        log.warning(
            "sync.rescheduled", order_id=pending.order_id, failures=failures, delay_s=delay_s, reason=detail
        )
