"""Clear RQ's failed registry of jobs that failed for nothing but the death of their worker.

The work of such a job is woken again from the ledger, so its entry says nothing; left there, it would hide
the dead letters, which are what people look for.
"""

from __future__ import annotations

import zlib
from base64 import b64decode

from redis import Redis
from rq.exceptions import AbandonedJobError
from rq.job import Job

from app.queues import QUEUES, queue_of

# The newest failures of a queue looked at each time; workers die by ones and twos.
MAX_LOOKED = 100


def forget_abandoned(connection: Redis) -> int:
    """Drop the newest failed jobs whose worker died while it ran them; return how many."""
    forgotten = 0
    for name in QUEUES:
        registry = queue_of(name, connection).failed_job_registry
        job_ids = registry.get_job_ids(start=-MAX_LOOKED, cleanup=False)
        with connection.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.xrevrange(_results_key(job_id), count=1)
            results = pipe.execute()
        abandoned = [
            job_id for job_id, rows in zip(job_ids, results, strict=True) if rows and _abandoned(rows[0][1])
        ]
        with connection.pipeline(transaction=True) as pipe:
            for job_id in abandoned:
                pipe.zrem(registry.key, job_id)
                pipe.delete(Job.key_for(job_id), _results_key(job_id))
            pipe.execute()
        forgotten += len(abandoned)
    return forgotten


def _results_key(job_id: str) -> str:
    return f"rq:results:{job_id}"


def _abandoned(payload: dict[bytes, bytes]) -> bool:
    packed = payload.get(b"exc_string")
    return packed is not None and AbandonedJobError.__name__ in zlib.decompress(b64decode(packed)).decode()
