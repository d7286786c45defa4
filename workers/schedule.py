"""The scheduler: moves scheduled jobs to their queues on time, and enqueues what runs periodically.

    python -m workers.schedule

RQ's own scheduler does the moving. Its loop is replaced, because RQ's waits a second between looks, gives up
when Redis is away and holds its lock for a minute after a kill -9; and its cron enqueues with pickle, which
our JSON workers can't read. Several schedulers may run: RQ's lock of each queue lets one of them act.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass, field
from types import FrameType
from uuid import uuid4

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq.scheduler import RQScheduler
from rq.scripts import acquire_or_refresh_lock, release_lock
from rq.serializers import JSONSerializer

from app.queue.jobs import Jobs, QueueUnavailable, connect_queues
from app.queue.specs import ARCHIVE, INTAKE, QUEUES, SWEEP, JobSpec, reconcile_job
from app.settings import Settings, SettingsError, load_settings
from app.telemetry import configure_logging
from workers.orphans import PoppedOrphans
from workers.worker import install_stop

TICK_S = 0.5  # a retry starts at most this much after the full second it is due at
LOCK_TTL_S = 5  # how long after a kill -9 another scheduler takes over
ORPHAN_LOOK_S = 1.0
ARCHIVE_EVERY_S = 86_400.0  # a day's orders are seconds of work

_log = structlog.get_logger("workers.schedule")


@dataclass(slots=True, kw_only=True)
class Periodic:
    """One job and how often it is enqueued; the first time at once."""

    spec: JobSpec
    every_s: float
    next_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Schedule:
    """What one scheduler does at a tick. Raises RedisError or QueueUnavailable when Redis is away."""

    connection: Redis
    jobs: Jobs
    periodic: list[Periodic]
    token: str = field(default_factory=lambda: uuid4().hex)
    mover: RQScheduler = field(init=False)
    orphans: PoppedOrphans = field(init=False)
    next_look_s: float = 0.0

    def __post_init__(self) -> None:
        """Build RQ's scheduler over the same connection; it takes no lock and starts no process itself."""
        self.mover = RQScheduler(
            list(QUEUES), connection=self.connection, serializer=JSONSerializer, name=self.token
        )
        self.orphans = PoppedOrphans(self.connection)

    def tick(self, now_s: float) -> None:
        """Move what is due, enqueue what is periodic, give orphaned jobs back: on queues we own."""
        owned = [name for name in QUEUES if self._owns(name)]
        if owned:
            self.mover.prepare_registries(owned)
            self.mover.enqueue_scheduled_jobs()  # type: ignore[no-untyped-call]  # RQ leaves it untyped
        if INTAKE not in owned:
            return
        for periodic in self.periodic:
            if now_s >= periodic.next_s:
                self.jobs.enqueue([periodic.spec])
                periodic.next_s = now_s + periodic.every_s
        if now_s >= self.next_look_s:
            returned = self.orphans.give_back(now_s)
            self.next_look_s = now_s + ORPHAN_LOOK_S
            if returned:
                _log.warning("orphaned_jobs_returned", count=returned)

    def release(self) -> None:
        """Give the locks back, so that another scheduler continues at once."""
        for name in QUEUES:
            release_lock(self.connection, RQScheduler.get_locking_key(name), self.token)

    def _owns(self, queue: str) -> bool:
        key = RQScheduler.get_locking_key(queue)
        return acquire_or_refresh_lock(self.connection, key, self.token, LOCK_TTL_S) != "taken"


def periodic_jobs(settings: Settings) -> list[Periodic]:
    """Return what runs periodically: the sweep, the poll of each shop, the archiving unless it is off."""
    polls = [
        Periodic(spec=reconcile_job(shop.id), every_s=settings.reconcile_interval_s)
        for shop in settings.shops()
    ]
    archiving = [Periodic(spec=ARCHIVE, every_s=ARCHIVE_EVERY_S)] if settings.archive_after_days else []
    return [Periodic(spec=SWEEP, every_s=settings.sweep_interval_s), *polls, *archiving]


def run(schedule: Schedule, stopped: threading.Event) -> None:
    """Tick until `stopped`; Redis away is waited out."""
    away = False
    while not stopped.wait(TICK_S):
        try:
            schedule.tick(time.monotonic())
        except (RedisError, QueueUnavailable) as error:
            if not away:
                _log.warning("redis_away", error=str(error))
            away = True
        else:
            if away:
                _log.info("redis_back")
            away = False
    try:
        schedule.release()
    except RedisError as error:
        _log.warning("locks_not_released", error=str(error))  # they expire in LOCK_TTL_S


def main() -> int:
    """Run the scheduler until SIGTERM; return the exit code."""
    try:
        settings = load_settings(os.environ)
        connection = connect_queues(settings.require_redis_url())
    except SettingsError as error:
        sys.stderr.write(f"The scheduler can't start: {error}\n")
        return 2
    configure_logging(level=settings.log_level, role="scheduler")
    stopped = threading.Event()

    def stop(_signum: int, _frame: FrameType | None) -> None:
        stopped.set()

    install_stop(stop)
    schedule = Schedule(connection=connection, jobs=Jobs(connection), periodic=periodic_jobs(settings))
    _log.info("scheduler_ready", periodic=[periodic.spec.job_id for periodic in schedule.periodic])
    run(schedule, stopped)
    return 0


if __name__ == "__main__":
    sys.exit(main())
