"""RQ from the outside: the names of the queues, and enqueueing by dotted name. A job only wakes work up.

Every wake is a job with a stable id, so that one command, sync or sweep is in one place of RQ's at a time:
in its queue, in the scheduled registry, running, or in the failed registry. Waking what already waits in its
queue changes nothing; waking what is scheduled, failed or finished moves it.

Exceptions:

    QueueUnavailable        the wake was not written; whoever asked logs it, and the next sweep heals it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from app.wakes import (
    ARCHIVE,
    DRAIN_INBOX,
    INTAKE,
    LIFECYCLE,
    QUEUES,
    SWEEP,
    SYNC,
    TELL_OPERATORS,
    THREADS,
    Wake,
    command_job_id,
    command_wake,
    probe_wake,
    reconcile_job_id,
    reconcile_wake,
    sync_burst_wake,
    sync_job_id,
    sync_wake,
)

__all__ = [
    "ARCHIVE",
    "DRAIN_INBOX",
    "INTAKE",
    "LIFECYCLE",
    "QUEUES",
    "SWEEP",
    "SYNC",
    "TELL_OPERATORS",
    "THREADS",
    "Jobs",
    "QueueUnavailable",
    "Wake",
    "command_job_id",
    "command_wake",
    "connect_queues",
    "live_workers",
    "probe_wake",
    "queue_of",
    "reconcile_job_id",
    "reconcile_wake",
    "scheduler_alive",
    "sync_burst_wake",
    "sync_job_id",
    "sync_wake",
]

FAILURE_TTL_S = 30 * 86_400  # a dead letter stays in sight for a month; its command record stays longer
HEARTBEAT_FRESH_S = 8  # workers beat every 2 s; four missed beats mean the worker is gone
REDIS_TIMEOUT_S = 5.0  # above the worker's blocking pop of 1 s
MAX_WAKES = 1000  # wakes written in one round trip


# Takes a job back that waits, now or for its time. KEYS: queue, scheduled registry, job. ARGV: job id.
# A job that runs, failed or finished is in neither, and stays.
_TAKE_BACK = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) + redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('DEL', KEYS[3])
return 1
"""


class QueueUnavailable(Exception):
    """Redis did not take the wake."""


class _Standing(Enum):
    ABSENT = auto()  # unknown, finished, failed: nothing of RQ's will run it
    QUEUED = auto()
    SCHEDULED = auto()
    RUNNING = auto()
    ABANDONED = auto()  # started by a worker that no longer beats


def connect_queues(url: str, *, timeout_s: float = REDIS_TIMEOUT_S) -> Redis:
    """Return a connection as RQ needs it: bytes, bounded waits, nothing sent twice behind our back."""
    return Redis.from_url(
        url,
        decode_responses=False,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
    )


def queue_of(name: str, connection: Redis) -> Queue:
    """Return the RQ queue of that name, JSON on both sides."""
    return Queue(name, connection=connection, serializer=JSONSerializer)


class Jobs:
    """Writes wakes to RQ. Every method raises QueueUnavailable when Redis does not answer."""

    def __init__(self, connection: Redis) -> None:
        """`connection` comes from `connect_queues` and is shared by the threads of a process."""
        self._connection = connection
        self._queues = {name: queue_of(name, connection) for name in QUEUES}
        self._take_back = connection.register_script(_TAKE_BACK)

    def drain_inbox(self) -> None:
        """Wake the job that empties the inbox."""
        self.wake([DRAIN_INBOX])

    def sweep(self) -> None:
        """Wake the sweep."""
        self.wake([SWEEP])

    def sync(self, order_id: str) -> None:
        """Wake the job that reads this order from the platform."""
        self.wake([sync_wake(order_id)])

    def sync_many(self, order_ids: Sequence[str]) -> None:
        """Wake the jobs that read these orders."""
        self.wake([sync_wake(order_id) for order_id in order_ids])

    def reconcile(self, shop_id: str) -> None:
        """Wake the job that polls this shop."""
        self.wake([reconcile_wake(shop_id)])

    def run(self, kind: str, command_id: str, order_id: str, at: datetime | None = None) -> None:
        """Wake the job of this command, now or at a time; an earlier wake of it gives way."""
        self.wake([command_wake(kind, command_id, order_id, at)])

    def wake(self, wakes: Sequence[Wake]) -> int:
        """Write these wakes, each job id once, in two or three round trips a thousand; return how many."""
        unique = list({wake.job_id: wake for wake in wakes}.values())
        written = 0
        with _reported():
            for start in range(0, len(unique), MAX_WAKES):
                written += self._wake_some(unique[start : start + MAX_WAKES])
        return written

    def take_back(self, job_id: str) -> bool:
        """Take a job of the lifecycle queue back that has not started; False when there is none."""
        queue = self._queues[LIFECYCLE]
        keys = [queue.key, queue.scheduled_job_registry.key, Job.key_for(job_id)]
        with _reported():
            return bool(self._take_back(keys=keys, args=[job_id]))

    def live(self, job_ids: Sequence[str]) -> set[str]:
        """Return which of these jobs RQ will run or is running: queued, scheduled, or started and beating."""
        dead = (_Standing.ABSENT, _Standing.ABANDONED)
        with _reported():
            return {job_id for job_id, standing in self._standings(job_ids).items() if standing not in dead}

    def workers(self, now: datetime) -> dict[str, int]:
        """Return how many workers of each queue have beaten lately."""
        return live_workers(self._connection, now=now)

    def _wake_some(self, wakes: Sequence[Wake]) -> int:
        standings = self._standings([wake.job_id for wake in wakes])
        writing = [wake for wake in wakes if _to_write(wake, standings[wake.job_id])]
        abandoned = [wake for wake in writing if standings[wake.job_id] is _Standing.ABANDONED]
        executions = self._executions(abandoned)
        if not writing:
            return 0
        with self._connection.pipeline(transaction=True) as pipe:
            for wake in writing:
                self._write(pipe, wake, executions.get(wake.job_id, ()))
            pipe.execute()
        return len(writing)

    def _write(self, pipe: Pipeline, wake: Wake, executions: Sequence[str]) -> None:
        queue = self._queues[wake.queue]
        # The old hash goes first: RQ would keep its expiry, and a scheduled job would vanish before its time.
        pipe.delete(Job.key_for(wake.job_id))
        for registry in (
            queue.finished_job_registry,
            queue.failed_job_registry,
            queue.scheduled_job_registry,
        ):
            pipe.zrem(registry.key, wake.job_id)
        for execution in executions:  # or RQ's upkeep would fail the new run for the death of the old one
            pipe.zrem(queue.started_job_registry.key, f"{wake.job_id}:{execution}")
        options: dict[str, Any] = {
            "job_id": wake.job_id,
            "args": list(wake.args),
            "description": wake.description,
            "result_ttl": wake.result_ttl_s,
            "failure_ttl": FAILURE_TTL_S,
        }
        func = f"workers.jobs.{wake.func}"
        if wake.at is None:
            data = Queue.prepare_data(func, timeout=wake.timeout_s, at_front=wake.front, **options)
            queue.enqueue_many([data], pipeline=pipe)
        else:
            due_at = _whole_second_after(wake.at)
            queue.enqueue_at(due_at, func, kwargs={}, job_timeout=wake.timeout_s, pipeline=pipe, **options)

    def _standings(self, job_ids: Sequence[str]) -> dict[str, _Standing]:
        with self._connection.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hmget(Job.key_for(job_id), "status", "origin", "last_heartbeat")
            rows = pipe.execute()
            claims = [_claim(row) for row in rows]
            for job_id, (claim, row) in zip(job_ids, zip(claims, rows, strict=True), strict=True):
                self._verify(pipe, job_id, claim, row[1])
            answers = iter(pipe.execute())
        # A hash can outlive its place in a queue (a list was deleted by hand), so the place itself decides.
        standings = {}
        for job_id, claim in zip(job_ids, claims, strict=True):
            looks = _LOOKS.get(claim, 0)
            found = [next(answers) is not None for _ in range(looks)]
            standings[job_id] = _Standing.ABSENT if looks and not any(found) else claim
        return standings

    def _verify(self, pipe: Pipeline, job_id: str, claim: _Standing, origin: bytes | None) -> None:
        queue = self._queues.get((origin or b"").decode(), self._queues[LIFECYCLE])
        if claim is _Standing.QUEUED:
            pipe.lpos(queue.key, job_id)
            pipe.lpos(queue.intermediate_queue_key, job_id)
        elif claim is _Standing.SCHEDULED:
            pipe.zscore(queue.scheduled_job_registry.key, job_id)

    def _executions(self, wakes: Sequence[Wake]) -> Mapping[str, list[str]]:
        if not wakes:
            return {}
        with self._connection.pipeline(transaction=False) as pipe:
            for wake in wakes:
                pipe.zrange(f"rq:executions:{wake.job_id}", 0, -1)
            rows = pipe.execute()
        return {wake.job_id: [raw.decode() for raw in row] for wake, row in zip(wakes, rows, strict=True)}


def live_workers(connection: Redis, *, now: datetime) -> dict[str, int]:
    """Return how many workers of each queue have beaten lately. Raises QueueUnavailable."""
    with _reported(), connection.pipeline(transaction=False) as pipe:
        for name in QUEUES:
            pipe.smembers(f"rq:workers:{name}")
        members = [sorted(keys) for keys in pipe.execute()]
        for keys in members:
            for key in keys:
                pipe.hget(key, "last_heartbeat")
        beats = iter(pipe.execute())
    return {
        name: sum(_fresh(next(beats), now) for _ in keys) for name, keys in zip(QUEUES, members, strict=True)
    }


def scheduler_alive(connection: Redis) -> bool:
    """Whether a scheduler holds the lock of the intake queue, which it renews twice a second."""
    with _reported():
        return bool(connection.exists(f"rq:scheduler-lock:{INTAKE}"))


_LOOKS = {_Standing.QUEUED: 2, _Standing.SCHEDULED: 1}


def _to_write(wake: Wake, standing: _Standing) -> bool:
    if standing is _Standing.RUNNING:
        return wake.again_while_running
    return standing is not _Standing.QUEUED


def _claim(row: Sequence[bytes | None]) -> _Standing:
    status, _, beat = row
    if status == b"queued":
        return _Standing.QUEUED
    if status == b"scheduled":
        return _Standing.SCHEDULED
    if status == b"started":
        return _Standing.RUNNING if _fresh(beat, datetime.now(UTC)) else _Standing.ABANDONED
    return _Standing.ABSENT


def _fresh(beat: bytes | None, now: datetime) -> bool:
    if not beat:
        return False
    at = datetime.strptime(beat.decode(), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return now - at < timedelta(seconds=HEARTBEAT_FRESH_S)


def _whole_second_after(at: datetime) -> datetime:
    # RQ cuts fractions off, and would wake a command before it is due.
    return at.replace(microsecond=0) + timedelta(seconds=1) if at.microsecond else at


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise QueueUnavailable(f"Redis did not take the job: {error}") from error
