"""Seeded bugs of the inbox."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from typing import Any

_LATER_S = 0.05
_pending: set[asyncio.Task[Any]] = set()


def answer_before_write(accept: Any, module: Any) -> Callable[..., Any]:
    """Answer at once, write a moment later, and say nothing when that fails."""

    async def lazy(self: Any, delivery_id: str, entries: Any, kept: Any, now: Any) -> Any:
        async def later() -> None:
            await asyncio.sleep(_LATER_S)
            with contextlib.suppress(Exception):
                await accept(self, delivery_id, entries, kept, now)

        task = asyncio.ensure_future(later())
        _pending.add(task)
        task.add_done_callback(_pending.discard)
        return module.Receipt(accepted=len(entries), duplicates=0, reused=0, was_empty=True)

    return lazy


def get_then_set(accept: Any, module: Any) -> Callable[..., Any]:
    """Look whether an entry was seen, accept it, and only then mark it as seen."""

    async def racy(self: Any, delivery_id: str, entries: Any, kept: Any, now: Any) -> Any:
        ask = self._store.execute_command
        marks = {entry.digest: f"{module.keys.SEEN_PREFIX}{entry.digest}" for entry in entries}
        fresh = [entry for entry in entries if await ask("GET", marks[entry.digest]) is None]
        if not fresh:
            return module.Receipt(accepted=0, duplicates=len(entries), reused=0, was_empty=False)
        # Under a name nobody else uses, so that the script's own look finds nothing.
        unmarked = [entry._replace(digest=f"{entry.digest}-{uuid.uuid4()}") for entry in fresh]
        receipt = await accept(self, delivery_id, unmarked, kept, now)
        for entry in fresh:
            await ask("SET", marks[entry.digest], "seeded")
        return receipt

    return racy
