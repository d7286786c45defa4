"""Job specs: which RQ job does which work, on which queue, under which stable id.

intake      drain_inbox, sweep          short, Redis only, so that recovery never waits for the platform
sync        sync, sync_burst,           reads the platform
            reconcile, probe
            tell_operators              sends to the operators' addresses
            archive                     writes files
lifecycle   the five kinds of commands, changes the platform
            acknowledge_batch
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

INTAKE = "intake"
SYNC = "sync"
LIFECYCLE = "lifecycle"
QUEUES = (INTAKE, SYNC, LIFECYCLE)
# Jobs that one worker of a queue runs at a time. Commands wait for the platform most of the time; the other
# jobs are short or are better run one after the other. Measured in docs/decisions (worker density).
THREADS = {INTAKE: 1, SYNC: 1, LIFECYCLE: 32}

RESULT_TTL_S = 600  # long enough to look at in the dashboard, short enough to hold a burst in memory
UPKEEP_RESULT_TTL_S = 60  # these run all day and their result says little
_COMMAND_TIMEOUT_S = 300  # one job may run further due commands of its kind and shop
_DRAIN_TIMEOUT_S = 60
_SWEEP_TIMEOUT_S = 60
_SYNC_TIMEOUT_S = 120  # an order with every page of every edge, at the slowest platform we wait for
_BURST_TIMEOUT_S = 600  # a run's pages, each with the rest of its long edges, at the slowest platform
_TELL_TIMEOUT_S = 120  # every address in turn, at the slowest that a notification service may be
_PROBE_TIMEOUT_S = 60
_ARCHIVE_TIMEOUT_S = 300  # a bounded run takes seconds; a slow disk is no reason to stop it half-way
_RECONCILE_TIMEOUT_S = 900  # the first reconciliation of a shop lists all of its orders
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One job to enqueue: `func` of `workers.jobs` with `args`, now or at a time (aware, UTC).

    `again_while_running` says whether the job is queued once more when it is running right now.
    """

    job_id: str
    queue: str
    func: str
    args: tuple[str, ...] = ()
    description: str
    timeout_s: int
    result_ttl_s: int = RESULT_TTL_S
    at: datetime | None = None
    front: bool = False
    again_while_running: bool = True


def command_job_id(kind: str, command_id: str) -> str:
    """Return the id of the job that runs a command, as the dashboard shows it."""
    return f"{kind}-{command_id}"


def command_job(kind: str, command_id: str, order_id: str, at: datetime | None = None) -> JobSpec:
    """Return the job of one command; with `at`, it waits in the scheduled registry until then."""
    # A batch's lane is named after what it carries: 100_orders_of_1234_01J...
    named = order_id if kind == "acknowledge_batch" else f"order {order_id} ({command_id})"
    return JobSpec(
        job_id=command_job_id(kind, command_id),
        queue=LIFECYCLE,
        func=kind,
        args=(command_id,),
        description=f"{kind} {named}",
        timeout_s=_COMMAND_TIMEOUT_S,
        at=at,
    )


def sync_job(order_id: str, at: datetime | None = None) -> JobSpec:
    """Return the job that reads one order from the platform."""
    return JobSpec(
        job_id=f"sync-{_safe(order_id)}",
        queue=SYNC,
        func="sync",
        args=(order_id,),
        description=f"sync order {order_id}",
        timeout_s=_SYNC_TIMEOUT_S,
        at=at,
    )


def sync_burst_job(shop_id: str) -> JobSpec:
    """Return the job that reads many changed orders of a shop by its list."""
    return JobSpec(
        job_id=f"sync_burst-{_safe(shop_id)}",
        queue=SYNC,
        func="sync_burst",
        args=(shop_id,),
        description=f"sync a burst of changed orders of shop {shop_id}",
        timeout_s=_BURST_TIMEOUT_S,
    )


def reconcile_job(shop_id: str) -> JobSpec:
    """Return the job that reconciles one shop."""
    return JobSpec(
        job_id=f"reconcile-{_safe(shop_id)}",
        queue=SYNC,
        func="reconcile",
        args=(shop_id,),
        description=f"reconcile shop {shop_id}",
        timeout_s=_RECONCILE_TIMEOUT_S,
        again_while_running=False,
    )


def probe_job(shop_id: str, at: datetime | None = None) -> JobSpec:
    """Return the job that probes the platform for one paused shop."""
    return JobSpec(
        job_id=f"probe-{_safe(shop_id)}",
        queue=SYNC,
        func="probe",
        args=(shop_id,),
        description=f"probe the platform for shop {shop_id}",
        timeout_s=_PROBE_TIMEOUT_S,
        result_ttl_s=UPKEEP_RESULT_TTL_S,
        at=at,
        front=True,  # a shop's commands wait for it
        again_while_running=at is not None,
    )


DRAIN_INBOX = JobSpec(
    job_id="drain_inbox",
    queue=INTAKE,
    func="drain_inbox",
    description="drain the inbox",
    timeout_s=_DRAIN_TIMEOUT_S,
    result_ttl_s=UPKEEP_RESULT_TTL_S,
)
SWEEP = JobSpec(
    job_id="sweep",
    queue=INTAKE,
    func="sweep",
    description="sweep: enqueue what is due and has no job",
    timeout_s=_SWEEP_TIMEOUT_S,
    result_ttl_s=UPKEEP_RESULT_TTL_S,
    # Recovery goes before other work. A sweep whose worker was killed looks as if it still ran, so the next
    # one is queued without waiting for it.
    front=True,
)
# On the sync queue, because it waits for the notification services' servers: recovery must never wait.
TELL_OPERATORS = JobSpec(
    job_id="tell_operators",
    queue=SYNC,
    func="tell_operators",
    description="tell operators which alerts opened and closed",
    timeout_s=_TELL_TIMEOUT_S,
    result_ttl_s=UPKEEP_RESULT_TTL_S,
    front=True,
)
ARCHIVE = JobSpec(
    job_id="archive",
    queue=SYNC,
    func="archive",
    description="archive orders that ended long ago",
    timeout_s=_ARCHIVE_TIMEOUT_S,
)


def _safe(text: str) -> str:
    # Ids come from webhooks and RQ takes only these letters; any other id gets a stable name instead.
    return text if _ID.fullmatch(text) else "x" + hashlib.sha256(text.encode()).hexdigest()[:32]
