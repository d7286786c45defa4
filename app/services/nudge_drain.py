"""Nudge drain: have the inbox drained, from the event loop, outside the way of any answer."""

from __future__ import annotations

import asyncio
from contextvars import Context

from app.queues import DRAIN_INBOX
from app.services.nudge import Nudge

# A wake is some round trips and 2 ms of CPU. Workers that keep up empty the inbox between any two deliveries,
# and each would ask: so often is enough, since one drain takes all that waits.
REST_S = 0.05


class NudgeDrain:
    """Wakes the drainer once for all who ask while a wake is written or was just now; has one loop."""

    def __init__(self, nudge: Nudge) -> None:
        self._nudge = nudge
        self._asked = False
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Have the inbox drained after this moment; the first who asks is served at once.

        A process that ends before it has asked leaves that to the sweep.
        """
        self._asked = True
        if self._task is None:
            self._task = asyncio.create_task(self._run(), context=Context())

    async def _run(self) -> None:
        try:
            while self._asked:
                self._asked = False
                # Not the threads of the routes: those may all be waiting for commands to finish.
                await asyncio.to_thread(self._nudge.wake, DRAIN_INBOX)
                await asyncio.sleep(REST_S)
        finally:
            self._task = None
