"""Enqueueing: job specs become RQ jobs. A job only names work; the ledger says what is due.

Every job has a stable id, so that one command, sync or sweep is in one place of RQ at a time: in its queue,
in the scheduled registry, running, or in the failed registry. Enqueueing what already waits in its queue
changes nothing; enqueueing what is scheduled, failed or finished moves it.

Exceptions:

    QueueUnavailable        the job was not written; the caller logs it, and the next sweep enqueues it again
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

from app.queue.specs import INTAKE, LIFECYCLE, QUEUES, JobSpec

FAILURE_TTL_S = 30 * 86_400  # a dead letter stays visible for a month; its command record stays longer
HEARTBEAT_FRESH_S = 8  # workers beat every 2 s; four missed beats mean that the worker is gone
REDIS_TIMEOUT_S = 5.0  # above the worker's blocking pop of 1 s
MAX_SPECS = 1000  # jobs written in one round trip

# Withdraws a job that waits, now or for its time. KEYS: queue, scheduled registry, job. ARGV: job id.
# A job that runs, failed or finished is in neither, and stays.
_WITHDRAW = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) + redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('DEL', KEYS[3])
return 1
"""


class QueueUnavailable(Exception):
    """Redis did not take the job."""


class _Standing(Enum):
    ABSENT = auto()  # unknown, finished or failed: RQ will not run it
    QUEUED = auto()
    SCHEDULED = auto()
    RUNNING = auto()
    ORPHANED = auto()  # started by a worker that no longer beats


def connect_queues(url: str, *, timeout_s: float = REDIS_TIMEOUT_S) -> Redis:
    """Return a connection as RQ needs it: bytes, bounded waits, and no command sent twice by a retry."""
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
    """Writes jobs to RQ. Every method raises QueueUnavailable when Redis does not answer."""

    def __init__(self, connection: Redis) -> None:
        """`connection` comes from `connect_queues` and is shared by the threads of a process."""
        self._connection = connection
        self._queues = {name: queue_of(name, connection) for name in QUEUES}
        self._withdraw = connection.register_script(_WITHDRAW)

    def enqueue(self, specs: Sequence[JobSpec]) -> int:
        """Write these jobs, each id once, in two or three round trips per MAX_SPECS; return how many."""
        unique = list({spec.job_id: spec for spec in specs}.values())
        written = 0
        with _reported():
            for start in range(0, len(unique), MAX_SPECS):
                written += self._enqueue_some(unique[start : start + MAX_SPECS])
        return written

    def withdraw(self, job_id: str) -> bool:
        """Remove a job of the lifecycle queue that has not started; False when there is none."""
        queue = self._queues[LIFECYCLE]
        keys = [queue.key, queue.scheduled_job_registry.key, Job.key_for(job_id)]
        with _reported():
            return bool(self._withdraw(keys=keys, args=[job_id]))

    def _enqueue_some(self, specs: Sequence[JobSpec]) -> int:
        standings = self._standings([spec.job_id for spec in specs])
        writing = [spec for spec in specs if _to_write(spec, standings[spec.job_id])]
        executions = self._executions(
            [spec for spec in writing if standings[spec.job_id] is _Standing.ORPHANED]
        )
        if not writing:
            return 0
        with self._connection.pipeline(transaction=True) as pipe:
            for spec in writing:
                self._write(pipe, spec, executions.get(spec.job_id, ()))
            pipe.execute()
        return len(writing)

    def _write(self, pipe: Pipeline, spec: JobSpec, executions: Sequence[str]) -> None:
        queue = self._queues[spec.queue]
        # The old hash goes first: RQ would keep its expiry, and a scheduled job would vanish before its time.
        pipe.delete(Job.key_for(spec.job_id))
        for registry in (
            queue.finished_job_registry,
            queue.failed_job_registry,
            queue.scheduled_job_registry,
        ):
            pipe.zrem(registry.key, spec.job_id)
        for (
            execution
        ) in executions:  # or RQ's maintenance would fail the new run for the death of the old one
            pipe.zrem(queue.started_job_registry.key, f"{spec.job_id}:{execution}")
        options: dict[str, Any] = {
            "job_id": spec.job_id,
            "args": list(spec.args),
            "description": spec.description,
            "result_ttl": spec.result_ttl_s,
            "failure_ttl": FAILURE_TTL_S,
        }
        func = f"workers.jobs.{spec.func}"
        if spec.at is None:
            data = Queue.prepare_data(func, timeout=spec.timeout_s, at_front=spec.front, **options)
            queue.enqueue_many([data], pipeline=pipe)
        else:
            due_at = _whole_second_after(spec.at)
            queue.enqueue_at(due_at, func, kwargs={}, job_timeout=spec.timeout_s, pipeline=pipe, **options)

    def _standings(self, job_ids: Sequence[str]) -> dict[str, _Standing]:
        with self._connection.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hmget(Job.key_for(job_id), "status", "origin", "last_heartbeat")
            rows = pipe.execute()
            claims = [_claim(row) for row in rows]
            for job_id, claim, row in zip(job_ids, claims, rows, strict=True):
                self._verify(pipe, job_id, claim, row[1])
            answers = iter(pipe.execute())
        # A hash can outlive its place in a queue (a list was deleted by hand), so the queue itself decides.
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

    def _executions(self, specs: Sequence[JobSpec]) -> Mapping[str, list[str]]:
        if not specs:
            return {}
        with self._connection.pipeline(transaction=False) as pipe:
            for spec in specs:
                pipe.zrange(f"rq:executions:{spec.job_id}", 0, -1)
            rows = pipe.execute()
        return {spec.job_id: [raw.decode() for raw in row] for spec, row in zip(specs, rows, strict=True)}


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
    """Return whether a scheduler holds the lock of the intake queue, which it renews twice a second."""
    with _reported():
        return bool(connection.exists(f"rq:scheduler-lock:{INTAKE}"))


_LOOKS = {_Standing.QUEUED: 2, _Standing.SCHEDULED: 1}


def _to_write(spec: JobSpec, standing: _Standing) -> bool:
    if standing is _Standing.RUNNING:
        return spec.again_while_running
    return standing is not _Standing.QUEUED


def _claim(row: Sequence[bytes | None]) -> _Standing:
    status, _, beat = row
    if status == b"queued":
        return _Standing.QUEUED
    if status == b"scheduled":
        return _Standing.SCHEDULED
    if status == b"started":
        return _Standing.RUNNING if _fresh(beat, datetime.now(UTC)) else _Standing.ORPHANED
    return _Standing.ABSENT


def _fresh(beat: bytes | None, now: datetime) -> bool:
    if not beat:
        return False
    at = datetime.strptime(beat.decode(), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return now - at < timedelta(seconds=HEARTBEAT_FRESH_S)


def _whole_second_after(at: datetime) -> datetime:
    # RQ cuts fractions off, and would run a command before it is due.
    return at.replace(microsecond=0) + timedelta(seconds=1) if at.microsecond else at


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise QueueUnavailable(f"Redis did not take the job: {error}") from error
