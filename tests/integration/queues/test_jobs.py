"""What waking work up does in RQ, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from app.queue.jobs import (
    Jobs,
    QueueUnavailable,
    connect_queues,
    live_workers,
    queue_of,
    scheduler_alive,
)
from app.queue.specs import (
    DRAIN_INBOX,
    LIFECYCLE,
    QUEUES,
    SWEEP,
    command_job,
    command_job_id,
    reconcile_job,
    sync_job,
)
from tests.queues import live_jobs
from workers.orphans import PoppedOrphans

LATER = datetime(2031, 5, 6, 7, 8, 9, 250_000, tzinfo=UTC)
SHIP = command_job_id("ship", "cmd_1")


@pytest.fixture
def connection(redis_url: str) -> Iterator[Redis]:
    connection = connect_queues(redis_url)
    yield connection
    connection.close()


@pytest.fixture
def jobs(connection: Redis) -> Jobs:
    return Jobs(connection)


def queued(connection: Redis, queue: str = LIFECYCLE) -> list[str]:
    return queue_of(queue, connection).get_job_ids()


def fetched(connection: Redis, job_id: str) -> Job:
    return Job.fetch(job_id, connection=connection, serializer=JSONSerializer)


def start(connection: Redis, job_id: str, *, beat: datetime) -> None:
    """Leave the traces of a worker that popped the job and started it."""
    queue = queue_of(LIFECYCLE, connection)
    queue.remove(job_id)
    stamp = beat.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    connection.hset(f"rq:job:{job_id}", mapping={"status": "started", "last_heartbeat": stamp})
    connection.zadd(f"rq:executions:{job_id}", {"e1": 9e12})
    connection.zadd(queue.started_job_registry.key, {f"{job_id}:e1": 9e12})


def test_a_command_s_job_reads_like_the_business_and_carries_only_its_id(
    connection: Redis, jobs: Jobs
) -> None:
    jobs.enqueue([command_job("ship", "cmd_1", "123")])
    job = fetched(connection, SHIP)
    assert job.func_name == "workers.jobs.ship"
    assert list(job.args) == ["cmd_1"]
    assert job.description == "ship order 123 (cmd_1)"
    assert queued(connection) == [SHIP]


def test_waking_twice_what_is_queued_queues_it_once(connection: Redis, jobs: Jobs) -> None:
    jobs.enqueue([command_job("ship", "cmd_1", "123")])
    jobs.enqueue([command_job("ship", "cmd_1", "123")])
    assert queued(connection) == [SHIP]


def test_a_retry_waits_in_the_scheduled_registry_and_never_fires_early(connection: Redis, jobs: Jobs) -> None:
    jobs.enqueue([command_job("ship", "cmd_1", "123", at=LATER)])
    registry = queue_of(LIFECYCLE, connection).scheduled_job_registry
    assert registry.get_scheduled_time(SHIP) == LATER.replace(microsecond=0) + timedelta(seconds=1)
    assert queued(connection) == []


def test_waking_early_takes_the_job_out_of_the_scheduled_registry(connection: Redis, jobs: Jobs) -> None:
    jobs.enqueue([command_job("ship", "cmd_1", "123", at=LATER)])
    jobs.enqueue([command_job("ship", "cmd_1", "123")])
    assert queued(connection) == [SHIP]
    assert queue_of(LIFECYCLE, connection).scheduled_job_registry.count == 0


def test_replaying_takes_the_job_out_of_the_failed_registry(connection: Redis, jobs: Jobs) -> None:
    jobs.enqueue([command_job("ship", "cmd_1", "123")])
    queue = queue_of(LIFECYCLE, connection)
    queue.remove(SHIP)
    job = fetched(connection, SHIP)
    job.set_status("failed")  # type: ignore[arg-type]  # RQ's enum is text
    queue.failed_job_registry.add(job, ttl=1000)
    jobs.enqueue([command_job("ship", "cmd_1", "123")])
    assert queued(connection) == [SHIP]
    assert queue.failed_job_registry.get_job_ids() == []


def test_a_finished_job_s_expiry_does_not_outlive_its_next_wake(connection: Redis, jobs: Jobs) -> None:
    jobs.enqueue([command_job("ship", "cmd_1", "123")])
    queue_of(LIFECYCLE, connection).remove(SHIP)
    connection.hset(f"rq:job:{SHIP}", "status", "finished")
    connection.expire(f"rq:job:{SHIP}", 5)
    jobs.enqueue([command_job("ship", "cmd_1", "123", at=LATER)])
    assert connection.ttl(f"rq:job:{SHIP}") == -1


def test_a_job_whose_place_in_the_queue_was_deleted_is_woken_again(connection: Redis, jobs: Jobs) -> None:
    jobs.enqueue([command_job("ship", "cmd_1", "123")])
    connection.delete(queue_of(LIFECYCLE, connection).key)
    assert live_jobs(jobs, [SHIP]) == set()
    jobs.enqueue([command_job("ship", "cmd_1", "123")])
    assert queued(connection) == [SHIP]


def test_live_names_what_is_queued_scheduled_or_running_and_beating(connection: Redis, jobs: Jobs) -> None:
    jobs.enqueue([command_job("ship", "queued", "1")])
    jobs.enqueue([command_job("ship", "scheduled", "1", at=LATER)])
    jobs.enqueue([command_job("ship", "running", "1")])
    jobs.enqueue([command_job("ship", "killed", "1")])
    start(connection, "ship-running", beat=datetime.now(UTC))
    start(connection, "ship-killed", beat=datetime.now(UTC) - timedelta(seconds=16))
    ids = [f"ship-{name}" for name in ("queued", "scheduled", "running", "killed", "unknown")]
    assert live_jobs(jobs, ids) == {"ship-queued", "ship-scheduled", "ship-running"}


def test_a_killed_worker_s_job_runs_again_without_its_old_execution(connection: Redis, jobs: Jobs) -> None:
    jobs.enqueue([command_job("ship", "cmd_1", "1")])
    start(connection, SHIP, beat=datetime.now(UTC) - timedelta(seconds=16))
    jobs.enqueue([command_job("ship", "cmd_1", "1")])
    assert queued(connection) == [SHIP]
    assert connection.zcard(queue_of(LIFECYCLE, connection).started_job_registry.key) == 0


def test_a_wake_during_a_drain_or_a_sweep_queues_another_but_a_running_poll_is_enough(
    connection: Redis, jobs: Jobs
) -> None:
    running = [DRAIN_INBOX, SWEEP, reconcile_job("shop")]
    jobs.enqueue(running)
    for wake in running:
        connection.lrem(queue_of(wake.queue, connection).key, 0, wake.job_id)
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        connection.hset(f"rq:job:{wake.job_id}", mapping={"status": "started", "last_heartbeat": stamp})
    jobs.enqueue(running)
    assert set(queued(connection, DRAIN_INBOX.queue)) == {DRAIN_INBOX.job_id, SWEEP.job_id}
    assert queued(connection, running[2].queue) == []


def test_the_sweep_goes_before_the_work_that_waits(connection: Redis, jobs: Jobs) -> None:
    jobs.enqueue([DRAIN_INBOX])
    jobs.enqueue([SWEEP])
    assert queued(connection, SWEEP.queue) == [SWEEP.job_id, DRAIN_INBOX.job_id]


def test_many_wakes_are_written_at_once_and_each_id_once(connection: Redis, jobs: Jobs) -> None:
    wakes = [command_job("acknowledge", f"cmd_{number % 1500}", "1") for number in range(3000)]
    assert jobs.enqueue(wakes) == 1500
    assert len(queued(connection)) == 1500


def test_an_order_id_of_strange_letters_still_makes_a_job(connection: Redis, jobs: Jobs) -> None:
    jobs.enqueue([sync_job("../1:2 3")])
    assert queued(connection, "sync") == [sync_job("../1:2 3").job_id]
    assert list(fetched(connection, sync_job("../1:2 3").job_id).args) == ["../1:2 3"]


def test_a_job_popped_by_a_killed_worker_returns_to_the_front_of_its_queue(
    connection: Redis, jobs: Jobs
) -> None:
    jobs.enqueue([command_job("ship", "cmd_1", "1")])
    jobs.enqueue([command_job("ship", "cmd_2", "1")])
    queue = queue_of(LIFECYCLE, connection)
    connection.lmove(queue.key, queue.intermediate_queue_key)
    orphans = PoppedOrphans(connection)
    assert orphans.give_back(100.0) == 0
    assert orphans.give_back(101.9) == 0
    assert orphans.give_back(102.0) == 1
    assert queued(connection) == [SHIP, "ship-cmd_2"]


def test_a_stranded_id_without_a_job_is_forgotten_instead_of_stranding_for_ever(connection: Redis) -> None:
    queue = queue_of(LIFECYCLE, connection)
    connection.lpush(queue.intermediate_queue_key, "ship-gone")
    orphans = PoppedOrphans(connection)
    orphans.give_back(100.0)
    assert orphans.give_back(105.0) == 0
    assert connection.llen(queue.intermediate_queue_key) == 0
    assert queued(connection) == []


def test_redis_away_is_one_exception_that_says_so() -> None:
    jobs = Jobs(connect_queues("redis://127.0.0.1:1/0", timeout_s=0.5))
    with pytest.raises(QueueUnavailable, match="did not take the job"):
        jobs.enqueue([SWEEP])


def test_no_worker_and_no_scheduler_are_counted_as_none(connection: Redis) -> None:
    assert live_workers(connection, now=datetime.now(UTC)) == dict.fromkeys(QUEUES, 0)
    assert scheduler_alive(connection) is False
