"""The wire between two processes, and what can go wrong on it: a TCP proxy, as a process of its own.

    python -m tests.chaos.wire 127.0.0.1:7001=127.0.0.1:6379 127.0.0.1:7002=127.0.0.1:8000

Faults come as JSON lines on standard input, such as {"link": 0, "kind": "cut", "for_s": 0.5}; the end of the
input ends the process, so that it never outlives the test.

    latency   every chunk waits `delay_s`, for `for_s`
    stall     nothing moves, for `for_s`; connections stay open
    cut       every connection is closed, and new ones at once, for `for_s`
    reset     every connection ends with RST
    swallow   the next `times` answers are thrown away after the request went through, connection cut
    half      of the next `times` answers only the first half arrives, connection cut
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import Any

CHUNK_BYTES = 64 * 1024
MAX_LINE_BYTES = 4096
POLL_S = 0.02  # how often a stalled pump looks whether it may go on
_RST_AT_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True, kw_only=True)
class Link:
    """One proxied address and the faults that are on; times are of the monotonic clock."""

    target: tuple[str, int]
    delay_s: float = 0.0
    delayed_until_s: float = 0.0
    stalled_until_s: float = 0.0
    cut_until_s: float = 0.0
    swallow_left: int = 0
    half_left: int = 0
    open_ends: set[asyncio.StreamWriter] = field(default_factory=set)

    def fault(self, order: dict[str, Any], now_s: float) -> None:
        """Switch one fault on. Raises ValueError for a kind nobody knows."""
        until_s = now_s + float(order.get("for_s", 0))
        match order["kind"]:
            case "latency":
                self.delay_s, self.delayed_until_s = float(order["delay_s"]), until_s
            case "stall":
                self.stalled_until_s = until_s
            case "cut":
                self.cut_until_s = until_s
                self.close_all(reset=False)
            case "reset":
                self.close_all(reset=True)
            case "swallow":
                self.swallow_left = int(order["times"])
            case "half":
                self.half_left = int(order["times"])
            case "none":
                self.delayed_until_s = self.stalled_until_s = self.cut_until_s = 0.0
                self.swallow_left = self.half_left = 0
            case other:
                raise ValueError(f"{other} is not a fault of a wire")

    def close_all(self, *, reset: bool) -> None:
        """Close every open connection, rudely when `reset`."""
        for end in tuple(self.open_ends):
            _close(end, reset=reset)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side, or a fault, ends it."""
        if time.monotonic() < self.cut_until_s:
            _close(writer, reset=True)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            _close(writer, reset=True)
            return
        ends = {writer, far_writer}
        self.open_ends |= ends
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, ends, answers=False),
                self._pump(far_reader, writer, ends, answers=True),
            )
        finally:
            self.open_ends -= ends
            for end in ends:
                _close(end, reset=False)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ends: set[asyncio.StreamWriter],
        *,
        answers: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._hold_back()
                if answers and self.swallow_left > 0:
                    self.swallow_left -= 1
                    break
                if answers and self.half_left > 0:
                    self.half_left -= 1
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    break
                writer.write(data)
                await writer.drain()
        for end in ends:
            end.close()

    async def _hold_back(self) -> None:
        if time.monotonic() < self.delayed_until_s:
            await asyncio.sleep(self.delay_s)
        while time.monotonic() < self.stalled_until_s:  # noqa: ASYNC110 - until a time that moves
            await asyncio.sleep(POLL_S)


def _close(end: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        plug: socket.socket | None = end.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_AT_CLOSE)  # type: ignore[union-attr]  # suppressed
    end.transport.abort()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


async def _run(pairs: list[str]) -> None:
    links, servers = [], []
    for pair in pairs:
        near, _, far = pair.partition("=")
        link = Link(target=_address(far))
        links.append(link)
        servers.append(await asyncio.start_server(link.serve, *_address(near)))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    orders = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    while line := await orders.readline():
        order = json.loads(line)
        links[order["link"]].fault(order, time.monotonic())
    for link, server in zip(links, servers, strict=True):
        server.close()
        link.close_all(reset=False)


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1:]))
