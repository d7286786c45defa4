"""The RQ worker: one process, one queue, some threads, warm clients, and no reason to stop but being told to.

    python -m workers.worker --queue lifecycle

What differs from RQ's SimpleWorker, and why:

- It runs several jobs at a time, each in a thread: commands wait for the platform most of their time. The
  process's own thread only pops, and only for a thread that is free.
- Redis away is waited out; RQ's loop quits on a timeout and on anything it doesn't know.
- SIGTERM only raises a flag. RQ raises out of whatever runs, and between the pop and the start of a job
  that strands the job.
- A thread beats while jobs run, for the worker and for the jobs, so that a killed worker is known within
  seconds and not after a job's timeout.
- A job that was enqueued again while it ran stays enqueued: RQ would mark it finished and let it expire.
- A job that succeeded leaves no result: ours return nothing, and the stream that RQ keeps for it takes 4 kB.
- RQ's pubsub thread for remote commands isn't started; it is a connection and a thread nobody uses.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any
from uuid import uuid4

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, worker_registration
from rq.exceptions import DequeueTimeout
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty
from rq.utils import now, utcformat
from rq.worker import WorkerStatus

from app.queue.jobs import connect_queues
from app.queue.specs import QUEUES, THREADS
from app.settings import Settings, SettingsError, load_settings
from app.telemetry import configure_logging

BEAT_S = 2.0  # four beats fit into the 8 s after which others give a worker up
WORKER_TTL_S = 30  # a killed worker leaves the dashboard this soon
POP_TIMEOUT_S = 1  # how long a SIGTERM can wait for an idle worker
MAINTENANCE_INTERVAL_S = 60  # RQ's registries are tidied this often, not every ten minutes
REDIS_PAUSES_S = (0.1, 0.25, 0.5, 1.0)  # back within 2 s of Redis's return; the last one repeats

_log = structlog.get_logger("workers.worker")


class LeanJob(Job):
    """A job that keeps what became of it, and a result only of its failure."""

    def _handle_success(self, result_ttl: int, pipeline: Pipeline, *_: object, **__: object) -> None:
        self.set_status(JobStatus.FINISHED, pipeline=pipeline)
        self.save(pipeline=pipeline, include_meta=False, include_result=False)
        if result_ttl != 0:
            self.finished_job_registry.add(self, result_ttl, pipeline)


class LaneWorker(SimpleWorker):
    """Runs the jobs of exactly one queue, some at a time, in this process, until `request_stop`."""

    log_result_lifespan = False
    death_penalty_class = TimerDeathPenalty  # signals reach the process's own thread alone

    def __init__(self, queue: str, *, connection: Redis, name: str | None = None) -> None:
        """Register nothing yet: Redis may be away while this is built, and `serve` waits for it."""
        threads = THREADS[queue]
        super().__init__(
            [queue],
            name=name or f"{queue}-{os.getpid()}-{uuid4().hex[:8]}",
            connection=connection,
            job_class=LeanJob,
            serializer=JSONSerializer,
            maintenance_interval=MAINTENANCE_INTERVAL_S,
            log_job_description=False,
            prepare_for_work=False,  # it would call Redis; the two facts it learns are set here
        )
        self.hostname = os.uname().nodename
        self.pid = os.getpid()
        self.birth_date = self.last_heartbeat = now()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._free = threading.Semaphore(threads)
        self._running: dict[str, Job] = {}
        self._done = threading.Event()

    @property
    def connection_timeout(self) -> int:
        """The socket timeout RQ asks for; ours is set where the connection is made."""
        return POP_TIMEOUT_S + 1

    def serve(self) -> None:
        """Run jobs until told to stop; running jobs are finished first. Outlives every outage of Redis."""
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        failures = 0
        while not self._stop_requested:
            try:
                self._serve_once()
                failures = 0
            except RedisError as error:
                pause_s = REDIS_PAUSES_S[min(failures, len(REDIS_PAUSES_S) - 1)]
                failures += 1
                _log.warning("redis_away", queue=self.queues[0].name, error=str(error), pause_s=pause_s)
                time.sleep(pause_s)
        self._threads.shutdown()
        self._done.set()
        self._say_goodbye()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler
        """Finish the running jobs, then stop."""
        self._stop_requested = True

    def stopped(self) -> bool:
        """Return whether the worker was told to stop."""
        return self._stop_requested

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:  # noqa: ARG002
        """Keep the worker's record alive for WORKER_TTL_S, whatever RQ asks for: the thread beats often."""
        super().heartbeat(WORKER_TTL_S, pipeline)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job in this thread and log what came of it, by id and without arguments."""
        started_s = time.monotonic()
        execution = self.prepare_execution(job)
        self._running[execution.id] = job
        try:
            self.perform_job(job, queue, execution)
        finally:
            del self._running[execution.id]
            self.executions.pop(execution.id, None)  # still there when Redis went away
        took_ms = round((time.monotonic() - started_s) * 1000, 1)
        status = job.get_status(refresh=False).value
        _log.info("job", job_id=job.id, queue=queue.name, status=status, took_ms=took_ms)

    def handle_job_success(
        self, job: Job, queue: Queue, started_job_registry: Any, execution: Execution
    ) -> None:
        """Finish the job, unless it was enqueued again meanwhile."""
        if not self._settled_as_enqueued(job, execution):
            super().handle_job_success(job, queue, started_job_registry, execution)

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Put the job into the failed registry, unless it was enqueued again meanwhile."""
        if not self._settled_as_enqueued(job, execution):
            super().handle_job_failure(job, queue, started_job_registry, exc_string, execution)

    def _serve_once(self) -> None:
        if self.should_run_maintenance_tasks:
            self._announce()
            self.run_maintenance_tasks()  # type: ignore[no-untyped-call]  # RQ leaves it untyped
        if not self._free.acquire(timeout=POP_TIMEOUT_S):
            return
        found = None
        try:
            found = None if self._stop_requested else self._pop()
        finally:
            if found is None:
                self._free.release()
        if found is not None:
            self._threads.submit(self._run, *found)

    def _run(self, job: Job, queue: Queue) -> None:
        try:
            self.execute_job(job, queue)
        except RedisError as error:
            # Its record still says that it runs; without a heartbeat, the sweep soon enqueues its work.
            _log.warning("job_left", job_id=job.id, queue=queue.name, error=str(error))
        except Exception:  # noqa: BLE001 - the edge of a thread, where nobody else would hear of it
            # Nothing of the job itself comes here: RQ puts that into the failed registry.
            _log.exception("job_broken", job_id=job.id, queue=queue.name)
        finally:
            self._free.release()

    def _pop(self) -> tuple[Job, Queue] | None:
        try:
            return Queue.dequeue_any(
                self.queues,
                POP_TIMEOUT_S,
                connection=self.connection,
                job_class=LeanJob,
                serializer=JSONSerializer,
            )
        except DequeueTimeout:
            return None
        except RedisError:
            raise
        except Exception as error:
            # A record nobody can read, written by something else: it must not stop the jobs behind it.
            job_id = getattr(error, "job_id", None)
            if job_id is None:
                raise
            _log.exception("unreadable_job_dropped", job_id=job_id, queue=self.queues[0].name)
            self.queues[0].intermediate_queue.remove(job_id)
            return None

    def _settled_as_enqueued(self, job: Job, execution: Execution | None) -> bool:
        status = self.connection.hget(job.key, "status")
        if status not in (JobStatus.QUEUED.value.encode(), JobStatus.SCHEDULED.value.encode()):
            return False
        with self.connection.pipeline() as pipe:
            self.cleanup_execution(job, pipe, execution)
            self.increment_successful_job_count(pipe)
            pipe.execute()
        return True

    def _beat(self) -> None:
        while not self._done.wait(BEAT_S):
            try:
                self._announce()
            except RedisError:
                continue  # the main loop says so, once for both

    def _announce(self) -> None:
        """Write the whole record, not only a beat: RQ's keys may have been deleted under us."""
        self.last_heartbeat = now()
        running = list(self._running.values())
        with self.connection.pipeline() as pipe:
            pipe.hset(self.key, mapping=self.serialize())
            pipe.hset(self.key, "state", WorkerStatus.BUSY if running else WorkerStatus.IDLE)
            worker_registration.register(self, pipe)
            self.heartbeat(pipeline=pipe)
            for job in running:
                pipe.hset(job.key, "last_heartbeat", utcformat(self.last_heartbeat))
            answers = pipe.execute()
        stumps = [job.key for job, new in zip(reversed(running), reversed(answers), strict=False) if new]
        if stumps:
            self.connection.delete(*stumps)  # these records were deleted meanwhile

    def _say_goodbye(self) -> None:
        try:
            self.register_death()  # type: ignore[no-untyped-call]  # RQ leaves it untyped
        except RedisError as error:
            _log.warning("farewell_unheard", error=str(error))  # the record expires by itself


def main(argv: list[str] | None = None) -> int:
    """Run one worker until SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m workers.worker", description="Run the jobs of one queue."
    )
    parser.add_argument("--queue", choices=QUEUES, required=True)
    queue: str = parser.parse_args(argv).queue
    try:
        settings = load_settings(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"The worker can't start: {error}\n")
        return 2
    configure_logging(level=settings.log_level, role="worker")
    return serve(queue, settings)


def serve(queue: str, settings: Settings) -> int:
    """Run one worker of this queue in this process until SIGTERM; return the exit code."""
    worker = LaneWorker(queue, connection=connect_queues(settings.require_redis_url()))
    install_stop(worker.request_stop)
    from workers import jobs  # noqa: PLC0415 - it builds what every job shares, and only a worker may

    jobs.prepare(settings, worker.stopped)
    _log.info("worker_ready", queue=queue, pid=worker.pid)
    worker.serve()
    _log.info("worker_stopped", queue=queue, pid=worker.pid)
    return 0


def install_stop(stop: Callable[[int, FrameType | None], None]) -> None:
    """Let SIGTERM and SIGINT both mean: finish what runs, then stop."""
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


if __name__ == "__main__":
    sys.exit(main())
