"""The naive build: what a good engineer writes in an afternoon with FastAPI, SET NX and RQ.

The route runs in the thread pool. Each entry of a delivery is marked with SET NX and becomes a job of its
own; the job reads its order and acknowledges it, one call each. `BENCH_REDIS_URL`, `BENCH_APP_SECRET`,
`BENCH_GRAPH_URL` and `BENCH_ACCESS_TOKEN` say where and with what. Serve it with `uvicorn
bench.peers.naive:app --no-access-log`; work its jobs off with `rq worker naive`.
"""

from __future__ import annotations

# FastAPI reads the annotations of routes when it runs.
import hashlib
import hmac
import json
import os
import uuid
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from redis import Redis
from rq import Queue

SECRET = os.environ.get("BENCH_APP_SECRET", "bench").encode()
GRAPH_URL = os.environ.get("BENCH_GRAPH_URL", "http://127.0.0.1:8082/v25.0")
ACCESS_TOKEN = os.environ.get("BENCH_ACCESS_TOKEN", "sandbox-token")
MARK_TTL_S = 8 * 24 * 3600

store = Redis.from_url(os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379"))
queue = Queue("naive", connection=store)
app = FastAPI()


async def raw_body(request: Request) -> bytes:
    """Return the bytes that were signed."""
    return await request.body()


@app.post("/webhooks/facebook")
def receive(
    raw: Annotated[bytes, Depends(raw_body)], x_hub_signature_256: Annotated[str, Header()] = ""
) -> dict[str, int]:
    """Mark and enqueue every entry that was not seen before."""
    expected = "sha256=" + hmac.new(SECRET, raw, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, x_hub_signature_256):
        raise HTTPException(401)
    accepted = 0
    for entry in json.loads(raw)["entry"]:
        digest = hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()
        if store.set(f"naive:seen:{digest}", 1, nx=True, ex=MARK_TTL_S):
            queue.enqueue(process_entry, entry)
            accepted += 1
    return {"accepted": accepted}


def process_entry(entry: dict[str, Any]) -> None:
    """Read each order that an entry names, and acknowledge it when it is new."""
    with httpx.Client(headers={"Authorization": f"Bearer {ACCESS_TOKEN}"}, timeout=10) as graph:
        for change in entry["changes"]:
            order_id = change["value"]["order_id"]
            fields = "id,order_status,items,ship_by_date"
            order = graph.get(f"{GRAPH_URL}/{order_id}", params={"fields": fields}).raise_for_status().json()
            if order["order_status"]["state"] == "CREATED":
                body = {"merchant_order_reference": order_id, "idempotency_key": str(uuid.uuid4())}
                graph.post(f"{GRAPH_URL}/{order_id}/acknowledge_order", data=body).raise_for_status()
