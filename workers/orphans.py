"""Orphaned jobs: RQ jobs whose worker died, before it started them or while it ran them."""

from __future__ import annotations

import zlib
from base64 import b64decode

from redis import Redis
from rq.exceptions import AbandonedJobError
from rq.job import Job
from rq.utils import as_text

from app.queue.jobs import queue_of
from app.queue.specs import QUEUES

ORPHANED_AFTER_S = 2.0  # from pop to start takes milliseconds; a job given back too early finds nothing to do
MAX_POPPED = 1000  # popped jobs looked at per queue and look
MAX_FAILED = 100  # the newest failures looked at per queue; workers die by ones and twos

# Gives a job back that was popped and never started. KEYS: intermediate list, queue, job. ARGV: job id.
# Only the caller that still finds it in the intermediate list pushes it, so two callers push once. A job
# without a record (expired, or finished under an id that stood in the queue twice) is dropped: given back, it
# would be popped, have no record, and be orphaned again without end.
_GIVE_BACK = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
if redis.call('EXISTS', KEYS[3]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[1])
return 1
"""


class PoppedOrphans:
    """Gives popped, never started jobs back to their queues; RQ would leave them in its intermediate list.

    It remembers between two looks since when it saw each of them.
    """

    def __init__(self, connection: Redis) -> None:
        self._connection = connection
        self._give_back = connection.register_script(_GIVE_BACK)
        self._first_seen: dict[str, float] = {}

    def give_back(self, now_s: float) -> int:
        """Queue again what was first seen `ORPHANED_AFTER_S` ago, by any steady clock; return how many."""
        returned, seen = 0, set()
        for name in QUEUES:
            queue = queue_of(name, self._connection)
            popped = queue.intermediate_queue_key
            for raw in self._connection.lrange(popped, 0, MAX_POPPED - 1):
                job_id = as_text(raw)
                seen.add(job_id)
                if now_s - self._first_seen.setdefault(job_id, now_s) >= ORPHANED_AFTER_S:
                    keys = [popped, queue.key, Job.key_for(job_id)]
                    returned += int(self._give_back(keys=keys, args=[job_id]))
                    del self._first_seen[job_id]
        for job_id in self._first_seen.keys() - seen:
            del self._first_seen[job_id]
        return returned


def forget_failed_orphans(connection: Redis) -> int:
    """Drop failed jobs that failed only because their worker died; return how many.

    The sweep enqueues their work again from the ledger. Left in the failed registry, they would hide the dead
    letters that operators look for there.
    """
    forgotten = 0
    for name in QUEUES:
        registry = queue_of(name, connection).failed_job_registry
        job_ids = registry.get_job_ids(start=-MAX_FAILED, cleanup=False)
        with connection.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.xrevrange(_results_key(job_id), count=1)
            results = pipe.execute()
        orphans = [
            job_id for job_id, rows in zip(job_ids, results, strict=True) if rows and _orphaned(rows[0][1])
        ]
        with connection.pipeline(transaction=True) as pipe:
            for job_id in orphans:
                pipe.zrem(registry.key, job_id)
                pipe.delete(Job.key_for(job_id), _results_key(job_id))
            pipe.execute()
        forgotten += len(orphans)
    return forgotten


def _results_key(job_id: str) -> str:
    return f"rq:results:{job_id}"


def _orphaned(payload: dict[bytes, bytes]) -> bool:
    packed = payload.get(b"exc_string")
    return packed is not None and AbandonedJobError.__name__ in zlib.decompress(b64decode(packed)).decode()
