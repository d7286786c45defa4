"""Sends requests: on a fixed schedule (open loop), or as fast as they are answered (closed loop)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

import uvloop

from bench.load.line import Line
from bench.measure.schedule import OK, Load, Schedule

# More connections than a busy proxy keeps open to us; beyond that requests wait here, and their time runs.
MAX_LINES = 512
# After the last request was due. Whoever is that far behind is measured by what was answered.
DRAIN_S = 15.0
_CLOSED_DRAIN_S = 60.0


def open_loop(
    port: int,
    requests: Sequence[bytes],
    schedule: Schedule,
    *,
    lines: int = 64,
    drain_s: float = DRAIN_S,
    seen: Callable[[int, int, bytes], None] | None = None,
) -> Load:
    """Send request n at its intended time, independent of the answers, and return the results.

    `seen` is handed number, status and body of each answer.
    """
    return uvloop.run(_Sender(port, requests, seen).on_schedule(schedule, lines, drain_s))


def closed_loop(
    port: int,
    requests: Sequence[bytes],
    *,
    lines: int = 64,
    seconds: float = _CLOSED_DRAIN_S,
    seen: Callable[[int, int, bytes], None] | None = None,
    ok: int = OK,
) -> Load:
    """Keep `lines` requests open until all are sent or the time is up, and return the results.

    `ok` is the status a good answer has.
    """
    return uvloop.run(_Sender(port, requests, seen, ok).closed(lines, seconds))


class _Sender:
    """One run. It uses callbacks of the connections, because one task per request would cost more."""

    def __init__(
        self,
        port: int,
        requests: Sequence[bytes],
        seen: Callable[[int, int, bytes], None] | None,
        ok: int = OK,
    ) -> None:
        self._ok = ok
        self._port = port
        self._requests = requests
        self._seen = seen
        self._idle: deque[Line] = deque()
        self._lines: list[Line] = []
        self._waiting: deque[int] = deque()
        self._meant: list[float] = []
        self._again: Callable[[Line], None] | None = None
        self._opening = 0
        self._over = asyncio.Event()

    async def on_schedule(self, schedule: Schedule, lines: int, drain_s: float) -> Load:
        count = min(schedule.count, len(self._requests))
        await self._open(min(lines, max(1, count)))
        self._begin()
        while self._load.sent < count:
            now_s = self._now_s()
            for number in range(self._load.sent, min(count, schedule.due(now_s))):
                self._load.sent += 1
                self._meant.append(schedule.meant_s(number))
                self._dispatch(number)
            if self._load.sent < count:
                await asyncio.sleep(max(0.0, schedule.meant_s(self._load.sent) - self._now_s()))
        return await self._ended(drain_s)

    async def closed(self, lines: int, seconds: float) -> Load:
        count = len(self._requests)
        await self._open(min(lines, max(1, count)))
        self._begin()

        def again(line: Line) -> None:
            now_s = self._now_s()
            if line.usable and self._load.sent < count and now_s < seconds:
                number = self._load.sent
                self._load.sent += 1
                self._meant.append(now_s)
                line.send(number, self._requests[number])

        self._again = again
        for line in list(self._lines):
            again(line)
        return await self._ended(seconds + _CLOSED_DRAIN_S)

    def _begin(self) -> None:
        self._load = Load(began_at=time.time(), ok=self._ok)
        self._began_s = time.perf_counter()

    async def _ended(self, drain_s: float) -> Load:
        self._check_over()
        try:
            async with asyncio.timeout(drain_s):
                await self._over.wait()
        except TimeoutError:
            pass
        self._load.seconds = self._now_s()
        self._again, self._seen = None, None
        for line in self._lines:
            line.close()
        return self._load

    def _now_s(self) -> float:
        return time.perf_counter() - self._began_s

    async def _open(self, lines: int) -> None:
        for _ in range(lines):
            line = await Line.open(self._port, self._answered)
            self._lines.append(line)
            self._idle.append(line)

    def _dispatch(self, number: int) -> None:
        while self._idle:
            line = self._idle.popleft()
            if line.usable:
                line.send(number, self._requests[number])
                return
            self._lines.remove(line)
        self._waiting.append(number)
        if len(self._lines) + self._opening < MAX_LINES:
            self._opening += 1
            self._task = asyncio.get_running_loop().create_task(self._open_one())

    async def _open_one(self) -> None:
        try:
            line = await Line.open(self._port, self._answered)
        except OSError:
            return  # the requests that wait go on the lines there are
        finally:
            self._opening -= 1
        self._lines.append(line)
        self._free(line)

    def _free(self, line: Line) -> None:
        if self._waiting and line.usable:
            number = self._waiting.popleft()
            line.send(number, self._requests[number])
        else:
            self._idle.append(line)

    def _answered(self, line: Line, status: int, body: bytes) -> None:
        number = line.number
        self._load.answered(number, meant_s=self._meant[number], now_s=self._now_s(), status=status)
        if self._seen is not None:
            self._seen(number, status, body)
        if self._again is not None:
            self._again(line)
        elif line.usable:
            self._free(line)
        self._check_over()

    def _check_over(self) -> None:
        if self._load.sent == len(self._load.latencies_s) + len(self._load.refused) and not self._waiting:
            self._over.set()
        else:
            self._over.clear()
