"""Wakes: which job of RQ's wakes which work, on which queue, under which stable id.

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
# Jobs that one worker of a queue runs at a time. Commands mostly wait for the platform; what the others do is
# little, or is better done in turn. Measured in docs/decisions/0013-worker-density.md.
THREADS = {INTAKE: 1, SYNC: 1, LIFECYCLE: 32}

RESULT_TTL_S = 600  # long enough to look at in the dashboard, short enough to hold a burst in memory
UPKEEP_RESULT_TTL_S = 60  # these run all day long and say little
_COMMAND_TIMEOUT_S = 300  # one job may go on with the next due commands of its kind
_DRAIN_TIMEOUT_S = 60
_SWEEP_TIMEOUT_S = 60
_SYNC_TIMEOUT_S = 120  # an order with every page of every edge, at the slowest platform we wait for
_BURST_TIMEOUT_S = 600  # a run's pages, each with the rest of its long edges, at the slowest platform
_TELL_TIMEOUT_S = 120  # every address in turn, at the slowest that a notification service may be
_PROBE_TIMEOUT_S = 60
_ARCHIVE_TIMEOUT_S = 300  # a bounded run takes seconds; a slow disk is no reason to stop it half-way
_RECONCILE_TIMEOUT_S = 900  # the first poll of a shop lists all of its orders
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """One job to be enqueued: `func` of `workers.jobs` with `args`, now or at a time (aware, UTC).

    `again_while_running` False leaves a job alone that runs right now; True queues it once more.
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
    """Return the id of the job that wakes a command, as `live` and the dashboard know it."""
    return f"{kind}-{command_id}"


def sync_job_id(order_id: str) -> str:
    """Return the id of the job that reads an order."""
    return f"sync-{_safe(order_id)}"


def reconcile_job_id(shop_id: str) -> str:
    """Return the id of the job that polls a shop."""
    return f"reconcile-{_safe(shop_id)}"


def command_wake(kind: str, command_id: str, order_id: str, at: datetime | None = None) -> Wake:
    """Return the wake of one command; with `at`, it waits in the scheduled registry until then."""
    return Wake(
        job_id=command_job_id(kind, command_id),
        queue=LIFECYCLE,
        func=kind,
        args=(command_id,),
        description=_described(kind, command_id, order_id),
        timeout_s=_COMMAND_TIMEOUT_S,
        at=at,
    )


def sync_wake(order_id: str, at: datetime | None = None) -> Wake:
    """Return the wake that reads one order from the platform."""
    return Wake(
        job_id=sync_job_id(order_id),
        queue=SYNC,
        func="sync",
        args=(order_id,),
        description=f"sync order {order_id}",
        timeout_s=_SYNC_TIMEOUT_S,
        at=at,
    )


def sync_burst_wake(shop_id: str) -> Wake:
    """Return the wake that reads many changed orders of a shop by its list."""
    return Wake(
        job_id=f"sync_burst-{_safe(shop_id)}",
        queue=SYNC,
        func="sync_burst",
        args=(shop_id,),
        description=f"sync a burst of changed orders of shop {shop_id}",
        timeout_s=_BURST_TIMEOUT_S,
    )


def reconcile_wake(shop_id: str) -> Wake:
    """Return the wake that polls one shop."""
    return Wake(
        job_id=reconcile_job_id(shop_id),
        queue=SYNC,
        func="reconcile",
        args=(shop_id,),
        description=f"reconcile shop {shop_id}",
        timeout_s=_RECONCILE_TIMEOUT_S,
        again_while_running=False,
    )


def probe_wake(shop_id: str, at: datetime | None = None) -> Wake:
    """Return the wake that probes the closed gate of one shop."""
    return Wake(
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


DRAIN_INBOX = Wake(
    job_id="drain_inbox",
    queue=INTAKE,
    func="drain_inbox",
    description="drain the inbox",
    timeout_s=_DRAIN_TIMEOUT_S,
    result_ttl_s=UPKEEP_RESULT_TTL_S,
)
SWEEP = Wake(
    job_id="sweep",
    queue=INTAKE,
    func="sweep",
    description="sweep: wake what is due and has no job",
    timeout_s=_SWEEP_TIMEOUT_S,
    result_ttl_s=UPKEEP_RESULT_TTL_S,
    # Recovery goes before work; and a sweep whose worker was killed looks as if it still ran, so the next one
    # does not wait for it.
    front=True,
)
# Beside the reads of the platform, since it waits for somebody else's servers, too: recovery never does.
TELL_OPERATORS = Wake(
    job_id="tell_operators",
    queue=SYNC,
    func="tell_operators",
    description="tell operators what alerts opened and closed",
    timeout_s=_TELL_TIMEOUT_S,
    result_ttl_s=UPKEEP_RESULT_TTL_S,
    front=True,
)


def _described(kind: str, command_id: str, order_id: str) -> str:
    # A batch's lane is named after what it carries: 100_orders_of_1234_01J...
    return f"{kind} {order_id}" if kind == "acknowledge_batch" else f"{kind} order {order_id} ({command_id})"


ARCHIVE = Wake(
    job_id="archive",
    queue=SYNC,
    func="archive",
    description="archive orders that are long over",
    timeout_s=_ARCHIVE_TIMEOUT_S,
)


def _safe(text: str) -> str:
    # Ids come from webhooks and RQ takes only these letters; a strange id gets a stable name instead.
    return text if _ID.fullmatch(text) else "x" + hashlib.sha256(text.encode()).hexdigest()[:32]
