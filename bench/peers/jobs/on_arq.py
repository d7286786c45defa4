# mypy: disable-error-code="import-not-found"
"""arq: one event loop, as many jobs at a time as the others have threads, one HTTP client for all."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import httpx
from arq import create_pool
from arq.connections import RedisSettings

from bench.peers.jobs.pairs import read_pairs
from bench.peers.jobs.work import CONCURRENCY, HEADERS, MAX_TRIES, REDIS_URL, TIMEOUT_S, ship_async


async def ship(context: dict[str, Any], order_id: str, item_id: str) -> None:
    """Ship one order."""
    await ship_async(context["http"], context["redis"], order_id, item_id)


async def startup(context: dict[str, Any]) -> None:
    """Make the client of all jobs."""
    context["http"] = httpx.AsyncClient(headers=HEADERS, timeout=TIMEOUT_S)


class WorkerSettings:
    """What arq's command line reads."""

    functions: ClassVar[list[Any]] = [ship]
    on_startup = startup
    redis_settings = RedisSettings.from_dsn(REDIS_URL)
    max_jobs = CONCURRENCY
    max_tries = MAX_TRIES


async def enqueue() -> None:
    """Enqueue every pair."""
    pool = await create_pool(WorkerSettings.redis_settings)
    for pair in read_pairs():
        await pool.enqueue_job("ship", *pair)


if __name__ == "__main__":
    asyncio.run(enqueue())
