"""The job every queue does: ship one order, under a key that is stored before the call.

Two commands to Redis and one call to the platform. What the call answered is written down; a job that runs
again finds its key, so that the platform recognizes a repetition. `BENCH_REDIS_URL`, `BENCH_GRAPH_URL` and
`BENCH_ACCESS_TOKEN` say where and with what.
"""

from __future__ import annotations

import json
import os
import threading
import uuid

import httpx
import redis
import redis.asyncio

REDIS_URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379")
GRAPH_URL = os.environ.get("BENCH_GRAPH_URL", "http://127.0.0.1:8082/v25.0")
HEADERS = {"Authorization": f"Bearer {os.environ.get('BENCH_ACCESS_TOKEN', 'sandbox-token')}"}
TIMEOUT_S = 10.0
MAX_TRIES = 5
# Jobs at a time, for each queue that can do several in a process.
CONCURRENCY = 32

_of_thread = threading.local()


def ship(order_id: str, item_id: str) -> None:
    """Ship both units of the order's item; raises httpx.HTTPError, so that the queue tries again."""
    if not hasattr(_of_thread, "http"):
        _of_thread.http = httpx.Client(headers=HEADERS, timeout=TIMEOUT_S)
        _of_thread.store = redis.Redis.from_url(REDIS_URL, decode_responses=True)
    store, name = _of_thread.store, f"work:{order_id}"
    made = str(uuid.uuid4())
    key = store.set(f"{name}:key", made, nx=True, get=True) or made
    answer = _of_thread.http.post(f"{GRAPH_URL}/{order_id}/shipments", data=_form(order_id, item_id, key))
    store.set(f"{name}:answer", answer.raise_for_status().text)


async def ship_async(
    http: httpx.AsyncClient, store: redis.asyncio.Redis, order_id: str, item_id: str
) -> None:
    """Do the same on an event loop."""
    made = str(uuid.uuid4())
    known = await store.set(f"work:{order_id}:key", made, nx=True, get=True)
    key = made if known is None else str(known.decode() if isinstance(known, bytes) else known)
    answer = await http.post(f"{GRAPH_URL}/{order_id}/shipments", data=_form(order_id, item_id, key))
    await store.set(f"work:{order_id}:answer", answer.raise_for_status().text)


def _form(order_id: str, item_id: str, key: str) -> dict[str, str]:
    return {
        "idempotency_key": key,
        "items": json.dumps([{"item_id": item_id, "quantity": 2}]),
        "tracking_info": json.dumps({"carrier": "UPS", "tracking_number": f"1Z{order_id}"}),
    }
