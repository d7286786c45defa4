# mypy: disable-error-code="import-not-found"
"""SAQ: one event loop, as many jobs at a time as the others have threads, one HTTP client for all."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import redis.asyncio
from saq import Queue

from bench.peers.jobs.pairs import read_pairs
from bench.peers.jobs.work import CONCURRENCY, HEADERS, MAX_TRIES, REDIS_URL, TIMEOUT_S, ship_async

queue = Queue.from_url(REDIS_URL)


async def ship(context: dict[str, Any], *, order_id: str, item_id: str) -> None:
    """Ship one order."""
    await ship_async(context["http"], context["store"], order_id, item_id)


async def startup(context: dict[str, Any]) -> None:
    """Make the clients of all jobs."""
    context["http"] = httpx.AsyncClient(headers=HEADERS, timeout=TIMEOUT_S)
    context["store"] = redis.asyncio.Redis.from_url(REDIS_URL)


settings = {"queue": queue, "functions": [ship], "concurrency": CONCURRENCY, "startup": startup}


async def enqueue() -> None:
    """Enqueue every pair."""
    await queue.connect()
    for order_id, item_id in read_pairs():
        await queue.enqueue("ship", order_id=order_id, item_id=item_id, retries=MAX_TRIES)


if __name__ == "__main__":
    asyncio.run(enqueue())
