from __future__ import annotations

import asyncio
import time

from app.queue.jobs import Jobs, connect_queues
from app.services.enqueue import Enqueuer
from app.services.intake import REST_S, DrainRequests
from app.store.connection import Store
from tests.queues import live_jobs


def looks(redis: Store) -> int:
    """Return how often the drainer was nudged: a enqueuer looks once how its job stands."""
    return int(redis.info("commandstats").get("cmdstat_hmget", {"calls": 0})["calls"])


def test_the_first_who_asks_is_served_at_once_and_many_more_share_one_nudge(
    redis: Store, redis_url: str
) -> None:
    jobs = Jobs(connect_queues(redis_url))
    redis.config_resetstat()

    async def run() -> None:
        enqueuer = DrainRequests(Enqueuer(jobs=jobs))
        enqueuer.ask()
        began = time.monotonic()
        while not live_jobs(jobs, ["drain_inbox"]):
            assert time.monotonic() - began < 5, "nothing was enqueued"
            await asyncio.sleep(0.001)
        before = looks(redis)
        for _ in range(100):
            enqueuer.ask()
            await asyncio.sleep(0)
        assert looks(redis) == before
        await asyncio.sleep(4 * REST_S)
        assert looks(redis) == before + 1

    asyncio.run(run())


def test_what_is_asked_after_a_rest_is_nudged_again(redis: Store, redis_url: str) -> None:
    jobs = Jobs(connect_queues(redis_url))

    async def run() -> None:
        enqueuer = DrainRequests(Enqueuer(jobs=jobs))
        for _ in range(2):
            enqueuer.ask()
            await asyncio.sleep(4 * REST_S)
            assert live_jobs(jobs, ["drain_inbox"]) == {"drain_inbox"}
            redis.flushdb()

    asyncio.run(run())
