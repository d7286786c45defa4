"""Signed deliveries over keep-alive connections, from a client that is too simple to become the limit."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from typing import cast

from bench.ingest.sides import SECRET

ORDER_ID = 64_000_000_000_000_000


class Load:
    """Sends deliveries of a given number of entries, each with its own orders, and records their latency."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self.latencies_s: list[float] = []
        self.failures = 0
        self._next = 0

    def request(self) -> bytes:
        """Return the next delivery as HTTP/1.1."""
        first, self._next = self._next, self._next + self.entries
        entries = [
            {
                "id": "900000000000017",
                "time": 1_767_225_600,
                "changes": [{"field": "orders", "value": {"order_id": str(ORDER_ID + first + n)}}],
            }
            for n in range(self.entries)
        ]
        body = json.dumps({"object": "commerce_account", "entry": entries}, separators=(",", ":")).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return (
            "POST /webhooks/facebook HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    async def closed(self, port: int, *, connections: int, seconds: float) -> float:
        """Keep that many deliveries open for that long; return the deliveries answered per second."""
        until = time.monotonic() + seconds
        began = time.monotonic()
        lines = [await _Line.open(port) for _ in range(connections)]
        await asyncio.gather(*(self._again_and_again(line, until) for line in lines))
        return len(self.latencies_s) / (time.monotonic() - began)

    async def opened(self, port: int, *, rate: float, connections: int, seconds: float) -> float:
        """Send on a fixed schedule, independent of the answers; a latency starts at the intended time."""
        idle = deque([await _Line.open(port) for _ in range(connections)])
        tasks: set[asyncio.Task[None]] = set()
        began = time.monotonic()
        for n in range(int(rate * seconds)):
            meant = began + n / rate
            delay = meant - time.monotonic()
            if delay > 0:
                await asyncio.sleep(delay)
            line = idle.popleft() if idle else await _Line.open(port)
            task = asyncio.create_task(self._once(line, meant, idle))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        return len(self.latencies_s) / (time.monotonic() - began)

    async def _again_and_again(self, line: _Line, until: float) -> None:
        while time.monotonic() < until:
            await self._ask(line, time.monotonic())

    async def _once(self, line: _Line, meant: float, idle: deque[_Line]) -> None:
        await self._ask(line, meant)
        idle.append(line)

    async def _ask(self, line: _Line, since: float) -> None:
        answer = await line.ask(self.request())
        self.latencies_s.append(time.monotonic() - since)
        self.failures += not answer.startswith(b"HTTP/1.1 200")


class _Line(asyncio.Protocol):
    """One connection with one request at a time; responses are short and end with their JSON."""

    transport: asyncio.Transport
    answer: asyncio.Future[bytes]

    @classmethod
    async def open(cls, port: int) -> _Line:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(cls, "127.0.0.1", port)
        return line

    async def ask(self, request: bytes) -> bytes:
        self.received = b""
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.received.endswith(b"}") and not self.answer.done():
            self.answer.set_result(self.received)

    def connection_lost(self, exc: Exception | None) -> None:
        if hasattr(self, "answer") and not self.answer.done():
            self.answer.set_exception(exc or ConnectionResetError("the server closed the connection"))
