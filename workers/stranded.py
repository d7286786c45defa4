"""Stranded jobs: popped by a worker that was killed before it started them."""

from __future__ import annotations

from redis import Redis
from rq.job import Job
from rq.utils import as_text

from app.queues import QUEUES, queue_of

STRANDED_AFTER_S = 2.0  # from pop to start takes milliseconds; one given back too early is run in vain
MAX_LOOKED = 1000  # jobs looked at per queue and look

# Gives a job back that was popped and never started. KEYS: intermediate list, queue, job. ARGV: job id.
# Only whoever still finds it in the intermediate list pushes it, so two lookers push once. A job without a
# record (expired, or finished under an id that stood in the queue twice) is forgotten: pushed back it would
# be popped, found to be nothing, and strand again, for ever.
_GIVE_BACK = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
if redis.call('EXISTS', KEYS[3]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[1])
return 1
"""


class Stranded:
    """Gives stranded jobs back to their queues; RQ would leave them in its intermediate list and fail them.

    It remembers from look to look since when it saw each of them.
    """

    def __init__(self, connection: Redis) -> None:
        self._connection = connection
        self._give_back = connection.register_script(_GIVE_BACK)
        self._first_seen: dict[str, float] = {}

    def give_back(self, now_s: float) -> int:
        """Queue those again that were seen `STRANDED_AFTER_S` ago, by any steady clock; return how many."""
        returned, seen = 0, set()
        for name in QUEUES:
            queue = queue_of(name, self._connection)
            popped = queue.intermediate_queue_key
            for raw in self._connection.lrange(popped, 0, MAX_LOOKED - 1):
                job_id = as_text(raw)
                seen.add(job_id)
                if now_s - self._first_seen.setdefault(job_id, now_s) >= STRANDED_AFTER_S:
                    keys = [popped, queue.key, Job.key_for(job_id)]
                    returned += int(self._give_back(keys=keys, args=[job_id]))
                    del self._first_seen[job_id]
        for job_id in self._first_seen.keys() - seen:
            del self._first_seen[job_id]
        return returned
