"""Gather: acknowledgements wait for each other a moment, and go out together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Lock, Timer

import structlog

from app.domain.commands import CommandKind
from app.graph.requests import MAX_BATCH
from app.queues import command_wake
from app.services.nudge import Nudge
from app.store.batches import Alone, Batches, FormedBatch, Gathering
from app.store.connection import StoreUnavailable

log = structlog.get_logger()

# Batches that one call forms at the most: five thousand orders, in some 100 ms of Redis's time.
MAX_FORMED = 50


class Gather:
    """Forms batches when a hundred gathered, or the oldest waited for the window. Shared by the threads.

    What gathers stands in the ledger. The timer that ends a window lives in this process only: when the
    process dies, the next sweep forms what waited long enough.
    """

    def __init__(
        self,
        *,
        batches: Batches,
        nudge: Nudge,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        new_key: Callable[[], str],
        window_s: float,
    ) -> None:
        self._batches = batches
        self._nudge = nudge
        self._clock = clock
        self._new_id = new_id
        self._new_key = new_key
        self._window_s = window_s
        self._lock = Lock()
        self._timers: dict[str, Timer] = {}

    def joined(self, shop_id: str, gathered: int) -> None:
        """Have those that gathered in the shop go out in time; `gathered` is how many they are by now."""
        if gathered >= MAX_BATCH:
            self.form(shop_id)
        elif gathered:
            self._later(shop_id, self._window_s)

    def form(self, shop_id: str) -> int:
        """Form the batches of the shop whose time has come and wake them; return how many."""
        for formed in range(MAX_FORMED):
            made = self._batches.form(
                shop_id,
                batch_id=self._new_id(),
                idempotency_key=self._new_key(),
                now=self._clock(),
                window_s=self._window_s,
                most=MAX_BATCH,
            )
            match made:
                case FormedBatch():
                    self._nudge.wake(command_wake(CommandKind.ACKNOWLEDGE_BATCH.value, made.id, made.lane))
                    log.info("batch.formed", shop_id=shop_id, batch_id=made.id, orders=made.orders)
                case Alone():
                    self._nudge.wake(
                        command_wake(CommandKind.ACKNOWLEDGE.value, made.command_id, made.order_id)
                    )
                case Gathering(since=since):
                    waited_s = (self._clock() - since).total_seconds()
                    self._later(shop_id, max(self._window_s - waited_s, 0.0))
                    return formed
                case None:
                    return formed
        self._later(shop_id, 0.0)
        return MAX_FORMED

    def _later(self, shop_id: str, after_s: float) -> None:
        with self._lock:
            if shop_id in self._timers:
                return
            timer = Timer(after_s, self._ring, (shop_id,))
            timer.daemon = True
            self._timers[shop_id] = timer
        timer.start()

    def _ring(self, shop_id: str) -> None:
        with self._lock:
            del self._timers[shop_id]
        try:
            self.form(shop_id)
        except StoreUnavailable as error:
            log.warning("gather.not_formed", shop_id=shop_id, reason=str(error))
