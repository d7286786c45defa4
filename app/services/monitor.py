"""Monitor: conditions that open alerts because something lasts too long, and readiness for traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.alerts import AlertKind
from app.domain.shops import Shops
from app.queue.jobs import QueueUnavailable
from app.queue.specs import TELL_OPERATORS
from app.services.alerts import Alerting, Trouble
from app.services.enqueue import Enqueuer
from app.store.connection import Store
from app.store.health import Check, check
from app.store.monitor import ShopSnapshot, Snapshot, Watch

# An alert opens at its limit and closes below half of it, so that a value at the limit does not flap.
CLOSES_BELOW = 0.5
# A platform that reuses entry ids does so in every delivery; an hour without one means that it stopped.
REUSE_LASTS_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long, in seconds, something may last before an alert opens."""

    inbox_age_s: float
    due_age_s: float
    silence_s: float


@dataclass(slots=True)
class _Findings:
    troubles: list[Trouble] = field(default_factory=list)
    ended: list[tuple[AlertKind, str]] = field(default_factory=list)

    def add(self, *, trouble: Trouble, stands: bool, ended: bool) -> None:
        if stands:
            self.troubles.append(trouble)
        elif ended:
            self.ended.append((trouble.kind, trouble.subject))

    def add_wait(self, trouble: Trouble, age_s: float, limit_s: float) -> None:
        self.add(trouble=trouble, stands=age_s >= limit_s, ended=age_s < limit_s * CLOSES_BELOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """Opens and closes the alerts of conditions that last; the sweep calls it."""

    watch: Watch
    alerting: Alerting
    enqueuer: Enqueuer
    shops: Shops
    limits: Limits

    def look(self, now: datetime) -> int:
        """Look once, in two round trips; return how many alerts opened or closed.

        It also enqueues a new job for news that an earlier job took and did not send.

        Raises:
            StoreUnavailable: Redis did not answer.
        """
        shop_ids = [shop.id for shop in self.shops]
        sight = self.watch.look(shop_ids, now)
        findings = _Findings()
        self._inbox(findings, sight, now)
        self._due(findings, sight, now)
        _reused(findings, sight, now)
        for shop_id, shop in sight.shops.items():
            self._silence(findings, shop_id, shop)
        findings.ended += sight.lapsed
        changed = self.alerting.change(findings.troubles, findings.ended)
        if sight.untold and self.alerting.telling:
            self.enqueuer.enqueue(TELL_OPERATORS)
        return changed

    def _inbox(self, findings: _Findings, sight: Snapshot, now: datetime) -> None:
        age_s = _age_s(sight.inbox_since, now)
        text = (
            f"The oldest of {sight.inbox_size} webhook entries has waited {age_s:.0f} s in the inbox. They "
            "are safe, but no worker drains them: see that a worker of the intake queue runs (GET /readyz), "
            "and the RQ dashboard for a drain_inbox job that fails."
        )
        trouble = Trouble(kind=AlertKind.INBOX_OLD, subject="inbox", text=text)
        findings.add_wait(trouble, age_s, self.limits.inbox_age_s)

    def _due(self, findings: _Findings, sight: Snapshot, now: datetime) -> None:
        oldest = min(sight.due_since.items(), key=lambda item: item[1], default=None)
        commands_s = _age_s(oldest[1] if oldest else None, now)
        kind = oldest[0].value if oldest else ""
        text = (
            f"A due {kind} command has waited {commands_s:.0f} s for a worker. Commands are safe, but late: "
            "see that workers of the lifecycle queue run (GET /readyz); when they do and this stays, start "
            "more (ORDERWIRE_LIFECYCLE_WORKERS)."
        )
        trouble = Trouble(kind=AlertKind.DUE_OLD, subject="commands", text=text)
        findings.add_wait(trouble, commands_s, self.limits.due_age_s)
        syncs_s = _age_s(sight.syncs_since, now)
        text = (
            f"A due read of an order has waited {syncs_s:.0f} s for a worker, so copies of orders are old: "
            "see that workers of the sync queue run (GET /readyz); when they do and this stays, start more "
            "(ORDERWIRE_SYNC_WORKERS)."
        )
        trouble = Trouble(kind=AlertKind.DUE_OLD, subject="syncs", text=text)
        findings.add_wait(trouble, syncs_s, self.limits.due_age_s)

    def _silence(self, findings: _Findings, shop_id: str, shop: ShopSnapshot) -> None:
        # Measured to the last change found and not to now: a shop where nothing happens is quiet, not silent.
        since = shop.last_webhook_at or shop.busy_since
        silent_s = _age_s(since, shop.busy_at) if shop.busy_at else 0.0
        text = (
            f"Reconciliation found changes in shop {shop_id}, but no webhook has come for {silent_s:.0f} s. "
            "Orders are still found, minutes late. See in the App Dashboard that the webhook is subscribed "
            "for the page, that its URL is reachable from outside, and GET /v1/webhooks/counters for refused "
            "ones."
        )
        findings.add(
            trouble=Trouble(kind=AlertKind.SILENCE, subject=shop_id, text=text, shop_id=shop_id),
            stands=silent_s >= self.limits.silence_s,
            ended=True,
        )


def _reused(findings: _Findings, sight: Snapshot, now: datetime) -> None:
    grew = sight.reused_grew_at
    text = (
        f"Webhook entries came with an entry id seen before but other content, {sight.reused} times so far. "
        "Each was taken as new, so nothing is lost and nothing has to be done; the platform uses its entry "
        "ids otherwise than its best-practice page says."
    )
    findings.add(
        trouble=Trouble(kind=AlertKind.ENTRY_ID_REUSED, subject="webhooks", text=text),
        stands=grew == now,
        ended=grew is None or _age_s(grew, now) >= REUSE_LASTS_S,
    )


def _age_s(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Checks that the store is durable, and that every queue has a worker."""

    store: Store
    live_workers: Callable[[], Mapping[str, int]]

    def check(self) -> tuple[Check, ...]:
        """Return every check; a failed one says what is wrong and what to do."""
        return (*check(self.store), self._workers())

    def _workers(self) -> Check:
        try:
            alive = self.live_workers()
        except QueueUnavailable as error:
            return Check(name="workers", ok=False, detail=str(error))
        missing = sorted(queue for queue, count in alive.items() if count == 0)
        if missing:
            detail = f"no worker on {', '.join(missing)}; start `orderwire worker --queue {missing[0]}`"
            return Check(name="workers", ok=False, detail=detail)
        shown = ", ".join(f"{count} on {queue}" for queue, count in sorted(alive.items()))
        return Check(name="workers", ok=True, detail=shown)
