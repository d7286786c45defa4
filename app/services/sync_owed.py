"""Pay an owed sync: read the order until nothing newer is owed for it, or put it off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.domain.alerts import AlertKind
from app.queues import sync_wake
from app.services.alerting import Alerting
from app.services.nudge import Nudge
from app.services.record_order import OrderContended
from app.services.sync_order import NotOnPlatform, PlatformAway, Synced, SyncOrder, SyncResult
from app.store.syncs import OwedSync, Syncs

log = structlog.get_logger()

# An order that webhooks keep touching is read this often in one job; then others have their turn.
MAX_READS = 3
# A read that failed is tried again after this, doubled with each failure up to the cap, and never dropped.
FIRST_DELAY_S = 5.0
MAX_DELAY_S = 3600.0
# A read whose worker died this often in a row is put off, so that it stops taking workers down.
MAX_LOST_RUNS = 3
QUARANTINE_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOwed:
    """Pays what is owed for one order."""

    syncs: Syncs
    sync_order: SyncOrder
    nudge: Nudge
    alerting: Alerting
    clock: Callable[[], datetime]

    def pay(self, order_id: str) -> None:
        """Sync the order if a sync of it is owed; one marked again meanwhile is read again.

        A sync that killed its worker `MAX_LOST_RUNS` times in a row is put off for an hour, and told.
        """
        for _ in range(MAX_READS):
            owed = self.syncs.begin(order_id)
            if owed is None:
                return
            if owed.lost_runs >= MAX_LOST_RUNS:
                self._quarantine(owed)
                return
            result = self._sync(owed)
            if isinstance(result, PlatformAway):
                self._put_off(owed, result)
                return
            self._log(owed, result)
            if owed.failures or owed.error:
                self.alerting.close(AlertKind.QUARANTINE, order_id)
        self.nudge.wake(sync_wake(order_id))

    def _sync(self, owed: OwedSync) -> SyncResult:
        try:
            return self.sync_order.sync(owed.order_id, cause=owed.cause, shop_id=owed.shop_id)
        except OrderContended as error:
            return PlatformAway(detail=str(error), retry_after_s=FIRST_DELAY_S)

    def _put_off(self, owed: OwedSync, away: PlatformAway) -> None:
        # A closed gate is no failure of this read: it is not made to wait longer for it.
        failures = owed.failures if away.held else owed.failures + 1
        growing_s = FIRST_DELAY_S * 2.0 ** min(max(failures - 1, 0), 30)
        delay_s = min(away.retry_after_s if away.held else growing_s, MAX_DELAY_S)
        self._postpone(owed, delay_s, away.detail, failures)

    def _quarantine(self, owed: OwedSync) -> None:
        detail = (
            f"Reading order {owed.order_id} killed its worker {owed.lost_runs} times in a row; it is left "
            "alone for an hour. See the workers' log for what they died of, then POST "
            f"/v1/orders/{owed.order_id}/sync."
        )
        self.alerting.open(AlertKind.QUARANTINE, owed.order_id, detail, shop_id=owed.shop_id)
        self._postpone(owed, QUARANTINE_S, detail, owed.failures)

    def _postpone(self, owed: OwedSync, delay_s: float, detail: str, failures: int) -> None:
        due_at = self.clock() + timedelta(seconds=delay_s)
        self.syncs.postpone(owed.order_id, owed.seq, due_at=due_at, error=detail, failures=failures)
        self.nudge.wake(sync_wake(owed.order_id, due_at))
        log.warning("sync.put_off", order_id=owed.order_id, failures=failures, delay_s=delay_s, reason=detail)

    def _log(self, owed: OwedSync, result: SyncResult) -> None:
        match result:
            case Synced(news=news):
                log.info("sync.finished", order_id=owed.order_id, cause=owed.cause, news=len(news))
            case NotOnPlatform():
                log.warning("sync.not_on_platform", order_id=owed.order_id, cause=owed.cause)
