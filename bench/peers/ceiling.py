"""The ceiling of ingest: what uvicorn and Redis allow when one delivery is one request is one Lua call.

A bare ASGI application without framework, ids, limits or problem answers. It verifies the same HMAC, parses
the same JSON, and takes the entries in with one script: marked as seen for 8 days by their content, the new
ones appended to a list. 200 only when that is durable. `BENCH_REDIS_URL` and `BENCH_APP_SECRET` say where and
with what; serve it with `uvicorn bench.peers.ceiling:app --no-access-log`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Any

import redis.asyncio

SECRET = os.environ.get("BENCH_APP_SECRET", "bench").encode()
MARK_TTL_S = 8 * 24 * 3600
MAX_CONNECTIONS = 64

# KEYS: inbox. ARGV: lifetime of a mark, then digest and text of each entry. Returns how many were new.
TAKE_IN = """
local new = 0
for i = 2, #ARGV, 2 do
  if redis.call('SET', 'ceiling:seen:' .. ARGV[i], 1, 'NX', 'EX', ARGV[1]) then
    redis.call('RPUSH', KEYS[1], ARGV[i + 1])
    new = new + 1
  end
end
return new
"""

store: Any = redis.asyncio.Redis(
    connection_pool=redis.asyncio.BlockingConnectionPool.from_url(
        os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379"), max_connections=MAX_CONNECTIONS
    )
)
take_in = store.register_script(TAKE_IN)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer one delivery: 200 with the number of its new entries, or 401."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    claimed = dict(scope["headers"]).get(b"x-hub-signature-256", b"").decode()
    signature = "sha256=" + hmac.digest(SECRET, body, "sha256").hex()
    if not hmac.compare_digest(signature, claimed):
        await answer(send, 401, b"{}")
        return
    arguments: list[str | int] = [MARK_TTL_S]
    for entry in json.loads(body)["entry"]:
        text = json.dumps(entry, sort_keys=True)
        arguments += (hashlib.sha256(text.encode()).hexdigest(), text)
    new = await take_in(["ceiling:inbox"], arguments)
    await answer(send, 200, b'{"accepted":%d}' % new)


async def answer(send: Any, status: int, body: bytes) -> None:
    """Send one JSON answer."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
