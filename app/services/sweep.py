"""The sweep: enqueue jobs for due work that has none. The store knows what is due; jobs can be lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.admission import AdmissionState
from app.domain.alerts import AlertKind
from app.domain.shops import Shops
from app.queue.specs import DRAIN_INBOX, JobSpec, command_job, probe_job, reconcile_job
from app.services.admission import Probe
from app.services.alerts import Alerting
from app.services.enqueue import Enqueuer, sync_jobs
from app.services.gather import Gather
from app.services.monitor import Monitor
from app.store.admission import AdmissionStates
from app.store.commands import Commands, DueCommand
from app.store.drift import Drift
from app.store.inbox import Inbox
from app.store.syncs import Syncs

# The most of each kind that one sweep enqueues; the next one, seconds later, continues with the rest.
MAX_ENQUEUED = 500
# Of commands whose worker died more than once in a row while it ran them, one is the likely cause: they run
# this far apart, so that it stops none of the others.
APART_S = 1.0
# A call limit reached for a few minutes is normal; after a quarter of an hour orders are late.
THROTTLED_LONG_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many commands and syncs were enqueued, and how many entries the inbox had."""

    commands: int
    syncs: int
    inbox: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Enqueues what is due; enqueuing what has a job already changes nothing.

    `max_concurrency` is how many commands all workers together can run at a time.
    """

    commands: Commands
    syncs: Syncs
    gather: Gather
    inbox: Inbox
    shops: Shops
    admission_states: AdmissionStates
    drift: Drift
    probe: Probe
    alerting: Alerting
    monitor: Monitor
    enqueuer: Enqueuer
    max_concurrency: int
    clock: Callable[[], datetime]

    def sweep(self) -> Swept:
        """Enqueue due commands, commands whose lease expired, the inbox if it has entries, and due syncs.

        It also forms the batches whose process died before their window ended, enqueues due probes, releases
        paused commands of shops that are admitted again, and lets drift and long waits open or close alerts.
        """
        now = self.clock()
        inbox = self.inbox.size()
        expired, due = self.commands.expired(now, limit=MAX_ENQUEUED), self._unattended(now)
        orders = self.syncs.due(now, limit=MAX_ENQUEUED)
        specs: list[JobSpec] = [DRAIN_INBOX] if inbox else []
        specs += [command_job(command.kind, command.id, command.order_id) for command in due]
        specs += _apart(expired, now)
        specs += sync_jobs(self.syncs, orders, now)
        specs += [reconcile_job(shop_id) for shop_id in self.syncs.shops_due(now, limit=MAX_ENQUEUED)]
        self.enqueuer.enqueue(*specs)
        for shop in self.shops:
            self.gather.form(shop.id)
        states = self.admission_states.states([shop.id for shop in self.shops])
        self._admission_states(states, now)
        self._drift(now)
        self.monitor.look(now)
        return Swept(commands=len(expired) + len(due), syncs=len(orders), inbox=inbox)

    def _unattended(self, now: datetime) -> list[DueCommand]:
        """Return due commands, but none of a kind and shop that have as many active consumers as can run."""
        due = self.commands.due(now, limit=MAX_ENQUEUED)
        active_consumers = self.commands.active_consumers({(one.kind, one.shop_id) for one in due}, now)
        return [one for one in due if active_consumers[one.kind, one.shop_id] < self.max_concurrency]

    def _admission_states(self, states: Mapping[str, AdmissionState], now: datetime) -> None:
        for shop_id, state in states.items():
            if state.probe_at is not None and state.probe_at <= now:
                self.enqueuer.enqueue(probe_job(shop_id))
            elif state.paused:
                self.probe.release(shop_id, state)
            since = state.usage_since
            if since is not None and now - since >= timedelta(seconds=THROTTLED_LONG_S):
                text = (
                    f"The platform has limited the calls of shop {shop_id} since {since:%Y-%m-%d %H:%M} UTC; "
                    f"{state.paused} commands wait. They continue by themselves; if this is common, check "
                    "which other systems use the same app and ask Meta for a higher limit."
                )
                self.alerting.open(AlertKind.THROTTLED, shop_id, text, shop_id=shop_id)

    def _drift(self, now: datetime) -> None:
        found: dict[str, int] = {}
        for entry in self.drift.settle(now, limit=MAX_ENQUEUED):
            found[entry.shop_id] = found.get(entry.shop_id, 0) + 1
        for shop_id, count in found.items():
            text = (
                f"Reconciliation found {count} orders of shop {shop_id} changed that no webhook announced. "
                "They are right now; see GET /v1/drift, and the app's webhook subscription."
            )
            self.alerting.open(AlertKind.DRIFT, shop_id, text, shop_id=shop_id)


def _apart(expired: Sequence[DueCommand], now: datetime) -> list[JobSpec]:
    """Return the jobs of commands whose worker died: at once, or apart when it was not the first time."""
    first = [command_job(one.kind, one.id, one.order_id) for one in expired if not one.lost_runs]
    again = [one for one in expired if one.lost_runs]
    return first + [
        command_job(one.kind, one.id, one.order_id, now + timedelta(seconds=number * APART_S))
        for number, one in enumerate(again)
    ]
