"""Group commit: what waits while one write is on its way shares the next write.

One write costs a round trip and a flush to disk however much it carries, so that carrying what has gathered
meanwhile makes a busy store cheaper, and an idle one no slower: who comes first never waits for company.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.store.failures import StoreUnavailable

# A script of so many entries holds the store for some 2 ms, which every other client of it waits.
MAX_GROUP_ENTRIES = 500
# What one write carries, above what is written at once anyway: one larger delivery goes alone.
MAX_GROUP_BYTES = 1024 * 1024
# What the store takes in within the second that a sender is answered in; more would be answered too late.
MAX_WAITING_ENTRIES = 20_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
# After a write that failed, who has waited longer than this is told so, too: its own write could take the
# whole timeout again, and 503 is promised within a second.
MAX_PATIENCE_S = 0.1

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What one caller wants written, packed: its number of arguments, and the entries it counts for."""

    packed: bytes
    arguments: int
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting(Generic[Answer]):
    parcel: Parcel
    answer: asyncio.Future[Answer]
    since_s: float


class GroupCommit(Generic[Answer]):
    """Writes parcels in groups, one after the other in their order; belongs to one event loop."""

    def __init__(self, write: Callable[[Sequence[Parcel]], Awaitable[Sequence[Answer]]]) -> None:
        """`write` writes one group, all of it or nothing, and returns the answer of each parcel in order."""
        self._write = write
        self._waiting: deque[_Waiting[Answer]] = deque()
        self._entries = 0
        self._bytes = 0
        self._writer: asyncio.Task[None] | None = None

    async def commit(self, parcel: Parcel) -> Answer:
        """Return the answer of this parcel once the group that carries it is written.

        A caller that goes away takes nothing back: what it handed over is written all the same.

        Raises:
            StoreUnavailable: the group was not written, or more waits already than can be written in time.
        """
        if self._entries >= MAX_WAITING_ENTRIES or self._bytes >= MAX_WAITING_BYTES:
            raise StoreUnavailable(
                "more deliveries wait for Redis than it takes in a second; send them again"
            )
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        waiting = _Waiting(parcel=parcel, answer=answer, since_s=loop.time())
        self._waiting.append(waiting)
        self._entries += parcel.entries
        self._bytes += len(parcel.packed)
        if self._writer is None:
            # In a context of its own: what the first caller bound to its log lines is not the others'.
            self._writer = asyncio.create_task(self._run(), context=Context())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._write_group(self._next_group())
        finally:
            # At once: a delivery committed before the loop has ended would rely on this writer.
            self._writer = None

    def _next_group(self) -> list[_Waiting[Answer]]:
        group = [self._taken()]
        entries, size = group[0].parcel.entries, len(group[0].parcel.packed)
        while self._waiting:
            parcel = self._waiting[0].parcel
            entries, size = entries + parcel.entries, size + len(parcel.packed)
            if entries > MAX_GROUP_ENTRIES or size > MAX_GROUP_BYTES:
                break
            group.append(self._taken())
        return group

    def _taken(self) -> _Waiting[Answer]:
        waiting = self._waiting.popleft()
        self._entries -= waiting.parcel.entries
        self._bytes -= len(waiting.parcel.packed)
        return waiting

    async def _write_group(self, group: Sequence[_Waiting[Answer]]) -> None:
        try:
            answers = await self._write([waiting.parcel for waiting in group])
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody in the group may be told "durable"
            _fail(group, str(error))
            _fail(self._impatient(), str(error))
        except asyncio.CancelledError:
            # The loop is shut down, and nobody would write what waits.
            _fail([*group, *self._waiting], "the process ends")
            self._waiting.clear()
            raise
        else:
            for waiting, answer in zip(group, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)

    def _impatient(self) -> list[_Waiting[Answer]]:
        until_s = asyncio.get_running_loop().time() - MAX_PATIENCE_S
        taken = []
        while self._waiting and self._waiting[0].since_s < until_s:
            taken.append(self._taken())
        return taken


def _fail(group: Iterable[_Waiting[Answer]], reason: str) -> None:
    for waiting in group:
        if not waiting.answer.done():
            waiting.answer.set_exception(StoreUnavailable(reason))
