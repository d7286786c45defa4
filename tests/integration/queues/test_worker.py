"""The worker and the scheduler as threads on a real server; kill -9 is tried on real processes in e2e."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from app.queue.jobs import Jobs, connect_queues, live_workers, queue_of, scheduler_alive
from app.queue.specs import LIFECYCLE, SWEEP, THREADS, command_job
from workers.schedule import Periodic, Schedule, run
from workers.worker import LaneWorker

PATIENCE_S = 8.0


@pytest.fixture
def connection(redis_url: str) -> Iterator[Redis]:
    connection = connect_queues(redis_url)
    yield connection
    connection.close()


def eventually(holds: Callable[[], bool]) -> bool:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if holds():
            return True
        time.sleep(0.02)
    return False


@contextmanager
def working(redis_url: str) -> Iterator[LaneWorker]:
    worker = LaneWorker(LIFECYCLE, connection=connect_queues(redis_url))
    thread = threading.Thread(target=worker.serve)
    thread.start()
    try:
        yield worker
    finally:
        worker.request_stop(15, None)
        thread.join(PATIENCE_S)
        worker.connection.close()
    assert not thread.is_alive()


def enqueue(connection: Redis, func: str, *args: object, job_id: str, timeout_s: int = 60) -> Job:
    queue = queue_of(LIFECYCLE, connection)
    return queue.enqueue(
        func,
        args=args,
        kwargs={},
        job_id=job_id,
        job_timeout=timeout_s,
        result_ttl=600,
        failure_ttl=600,
    )


def status_of(connection: Redis, job_id: str) -> JobStatus | None:
    return Job.fetch(job_id, connection=connection, serializer=JSONSerializer).get_status()


def test_a_worker_runs_its_queue_and_is_counted_while_it_lives(redis_url: str, connection: Redis) -> None:
    with working(redis_url):
        enqueue(connection, "math.sqrt", 4, job_id="j1")
        assert eventually(lambda: status_of(connection, "j1") == JobStatus.FINISHED)
        assert live_workers(connection, now=datetime.now(UTC))[LIFECYCLE] == 1
        assert live_workers(connection, now=datetime.now(UTC) + timedelta(seconds=16))[LIFECYCLE] == 0
    assert live_workers(connection, now=datetime.now(UTC))[LIFECYCLE] == 0


def test_a_job_that_raises_lands_in_the_failed_registry_and_the_worker_goes_on(
    redis_url: str, connection: Redis
) -> None:
    with working(redis_url):
        enqueue(connection, "operator.truediv", 1, 0, job_id="bad")
        enqueue(connection, "math.sqrt", 4, job_id="good")
        assert eventually(lambda: status_of(connection, "good") == JobStatus.FINISHED)
    assert queue_of(LIFECYCLE, connection).failed_job_registry.get_job_ids() == ["bad"]


def test_a_job_that_succeeded_shows_as_finished_and_leaves_no_result(
    redis_url: str, connection: Redis
) -> None:
    with working(redis_url):
        enqueue(connection, "math.sqrt", 4, job_id="good")
        assert eventually(lambda: status_of(connection, "good") == JobStatus.FINISHED)
    assert queue_of(LIFECYCLE, connection).finished_job_registry.get_job_ids() == ["good"]
    assert 0 < connection.ttl("rq:job:good") <= 600
    assert not connection.exists("rq:results:good")


def test_a_job_that_raised_tells_why(redis_url: str, connection: Redis) -> None:
    with working(redis_url):
        job = enqueue(connection, "operator.truediv", 1, 0, job_id="bad")
        assert eventually(lambda: status_of(connection, "bad") == JobStatus.FAILED)
    result = job.latest_result()
    assert result is not None
    assert "ZeroDivisionError" in (result.exc_string or "")


def test_a_job_scheduled_again_while_it_runs_stays_scheduled_after_it(
    redis_url: str, connection: Redis
) -> None:
    with working(redis_url):
        enqueue(connection, "time.sleep", 0.6, job_id="ship-cmd_1")
        assert eventually(lambda: status_of(connection, "ship-cmd_1") == JobStatus.STARTED)
        at = datetime.now(UTC) + timedelta(hours=2)
        Jobs(connection).enqueue([command_job("ship", "cmd_1", "1", at=at)])
        queue = queue_of(LIFECYCLE, connection)
        assert eventually(lambda: connection.zcard(queue.started_job_registry.key) == 0)
    assert status_of(connection, "ship-cmd_1") == JobStatus.SCHEDULED
    assert connection.ttl("rq:job:ship-cmd_1") == -1
    assert queue.scheduled_job_registry.get_job_ids() == ["ship-cmd_1"]


def test_being_told_to_stop_finishes_the_running_job_first(redis_url: str, connection: Redis) -> None:
    with working(redis_url) as worker:
        enqueue(connection, "time.sleep", 0.5, job_id="slow")
        assert eventually(lambda: status_of(connection, "slow") == JobStatus.STARTED)
        worker.request_stop(15, None)
    assert status_of(connection, "slow") == JobStatus.FINISHED


def test_jobs_run_beside_each_other_as_many_as_there_are_threads(redis_url: str, connection: Redis) -> None:
    threads = THREADS[LIFECYCLE]
    for number in range(threads + 2):
        enqueue(connection, "time.sleep", 0.7, job_id=f"j{number}")
    queue = queue_of(LIFECYCLE, connection)
    with working(redis_url):
        assert eventually(lambda: connection.zcard(queue.started_job_registry.key) == threads)
        assert queue.count == 2
        assert eventually(lambda: queue.finished_job_registry.count == threads + 2)
    assert connection.zcard(queue.started_job_registry.key) == 0


def test_being_told_to_stop_finishes_every_running_job_and_starts_no_other(
    redis_url: str, connection: Redis
) -> None:
    threads = THREADS[LIFECYCLE]
    for number in range(threads + 1):
        enqueue(connection, "time.sleep", 0.7, job_id=f"j{number}")
    queue = queue_of(LIFECYCLE, connection)
    with working(redis_url) as worker:
        assert eventually(lambda: connection.zcard(queue.started_job_registry.key) == threads)
        worker.request_stop(15, None)
    assert queue.finished_job_registry.count == threads
    assert queue.get_job_ids() == [f"j{threads}"]


def test_a_job_that_takes_too_long_fails_and_the_others_go_on(redis_url: str, connection: Redis) -> None:
    # One long sleep would be interrupted only at its end: time is up between two steps of Python.
    enqueue(connection, "tests.integration.queues.steps.many", 60, job_id="endless", timeout_s=1)
    enqueue(connection, "time.sleep", 1.5, job_id="other")
    with working(redis_url):
        assert eventually(lambda: status_of(connection, "endless") == JobStatus.FAILED)
        assert eventually(lambda: status_of(connection, "other") == JobStatus.FINISHED)


def test_every_running_job_beats(redis_url: str, connection: Redis) -> None:
    for number in range(3):
        enqueue(connection, "time.sleep", 2.7, job_id=f"j{number}")
    with working(redis_url):
        assert eventually(lambda: all(status_of(connection, f"j{n}") == JobStatus.STARTED for n in range(3)))
        started = [connection.hget(f"rq:job:j{number}", "last_heartbeat") for number in range(3)]
        assert eventually(
            lambda: all(
                connection.hget(f"rq:job:j{number}", "last_heartbeat") != started[number]
                and status_of(connection, f"j{number}") == JobStatus.STARTED
                for number in range(3)
            )
        )


def test_a_worker_registers_again_after_all_keys_of_rq_were_deleted(
    redis_url: str, connection: Redis
) -> None:
    with working(redis_url):
        assert eventually(lambda: live_workers(connection, now=datetime.now(UTC))[LIFECYCLE] == 1)
        connection.flushdb()
        assert eventually(lambda: live_workers(connection, now=datetime.now(UTC))[LIFECYCLE] == 1)


def test_a_record_nobody_can_read_does_not_stop_the_jobs_behind_it(redis_url: str, connection: Redis) -> None:
    queue = queue_of(LIFECYCLE, connection)
    connection.hset("rq:job:junk", mapping={"created_at": "yesterday", "data": b"junk", "origin": LIFECYCLE})
    connection.rpush(queue.key, "junk")
    with working(redis_url):
        enqueue(connection, "math.sqrt", 4, job_id="good")
        assert eventually(lambda: status_of(connection, "good") == JobStatus.FINISHED)
    assert connection.llen(queue.intermediate_queue_key) == 0


@contextmanager
def scheduling(redis_url: str, *, sweep_every_s: float = 1000.0) -> Iterator[Schedule]:
    connection = connect_queues(redis_url)
    schedule = Schedule(
        connection=connection,
        jobs=Jobs(connection),
        periodic=[Periodic(spec=SWEEP, every_s=sweep_every_s)],
    )
    stopped = threading.Event()
    thread = threading.Thread(target=run, args=(schedule, stopped))
    thread.start()
    try:
        yield schedule
    finally:
        stopped.set()
        thread.join(PATIENCE_S)
        connection.close()


def test_a_retry_is_queued_within_two_seconds_of_its_time_and_not_before(
    redis_url: str, connection: Redis
) -> None:
    due_at = datetime.now(UTC) + timedelta(seconds=1.3)
    Jobs(connection).enqueue([command_job("ship", "cmd_1", "1", at=due_at)])
    queue = queue_of(LIFECYCLE, connection)
    with scheduling(redis_url):
        assert eventually(lambda: queue.count == 1)
        late_s = (datetime.now(UTC) - due_at).total_seconds()
    assert 0 <= late_s < 2
    assert queue.scheduled_job_registry.count == 0


def test_of_two_schedulers_one_acts_and_the_other_takes_over(connection: Redis) -> None:
    first = Schedule(connection=connection, jobs=Jobs(connection), periodic=[Periodic(spec=SWEEP, every_s=9)])
    second = Schedule(
        connection=connection, jobs=Jobs(connection), periodic=[Periodic(spec=SWEEP, every_s=9)]
    )
    first.tick(100.0)
    connection.delete(queue_of(SWEEP.queue, connection).key)
    second.tick(100.0)
    assert queue_of(SWEEP.queue, connection).count == 0
    assert scheduler_alive(connection)
    first.release()
    second.tick(101.0)
    assert queue_of(SWEEP.queue, connection).count == 1


def test_what_is_periodic_is_woken_each_time_its_interval_has_passed(
    connection: Redis,
) -> None:
    schedule = Schedule(
        connection=connection, jobs=Jobs(connection), periodic=[Periodic(spec=SWEEP, every_s=10)]
    )
    woken = []
    for now_s in (100.0, 105.0, 110.0, 119.9, 120.0):
        connection.delete(queue_of(SWEEP.queue, connection).key)
        schedule.tick(now_s)
        if queue_of(SWEEP.queue, connection).count:
            woken.append(now_s)
    assert woken == [100.0, 110.0, 120.0]
