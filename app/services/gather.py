"""Gather: acknowledgements wait for each other for a moment and form batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock, Timer

import structlog

from app.domain.commands import CommandKind
from app.graph.requests import MAX_BATCH
from app.queue.specs import command_job
from app.services.enqueue import Enqueuer
from app.store.batches import Alone, Batches, FormedBatch, Gathering
from app.store.connection import StoreUnavailable

log = structlog.get_logger()

# One call forms at most this many batches: five thousand orders, in about 100 ms of Redis's time.
MAX_FORMED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """Forms batches when a hundred gathered, or the oldest waited for the window. Shared by the threads.

    The store records what gathers. The timer that ends a window exists in this process only: if the process
    dies, the next sweep forms the batches of those that waited long enough.
    """

    batches: Batches
    enqueuer: Enqueuer
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    new_key: Callable[[], str]
    window_s: float
    _lock: Lock = field(default_factory=Lock, init=False)
    _timers: dict[str, Timer] = field(default_factory=dict, init=False)

    def joined(self, shop_id: str, gathered: int) -> None:
        """Form batches when the window ends, or now if `gathered`, the count of the shop, fills one."""
        if gathered >= MAX_BATCH:
            self.form(shop_id)
        elif gathered:
            self._later(shop_id, self.window_s)

    def form(self, shop_id: str) -> int:
        """Form and enqueue the batches of the shop that are due; return how many."""
        for formed in range(MAX_FORMED):
            made = self.batches.form(
                shop_id,
                batch_id=self.new_id(),
                idempotency_key=self.new_key(),
                now=self.clock(),
                window_s=self.window_s,
                most=MAX_BATCH,
            )
            match made:
                case FormedBatch():
                    self.enqueuer.enqueue(
                        command_job(CommandKind.ACKNOWLEDGE_BATCH.value, made.id, made.lane)
                    )
                    log.info("batch.formed", shop_id=shop_id, batch_id=made.id, orders=made.orders)
                case Alone():
                    kind = CommandKind.ACKNOWLEDGE.value
                    self.enqueuer.enqueue(command_job(kind, made.command_id, made.order_id))
                case Gathering(since=since):
                    waited_s = (self.clock() - since).total_seconds()
                    self._later(shop_id, max(self.window_s - waited_s, 0.0))
                    return formed
                case None:
                    return formed
        self._later(shop_id, 0.0)
        return MAX_FORMED

    def _later(self, shop_id: str, after_s: float) -> None:
        with self._lock:
            if shop_id in self._timers:
                return
            timer = Timer(after_s, self._form_due, (shop_id,))
            timer.daemon = True
            self._timers[shop_id] = timer
        timer.start()

    def _form_due(self, shop_id: str) -> None:
        with self._lock:
            del self._timers[shop_id]
        try:
            self.form(shop_id)
        except StoreUnavailable as error:
            log.warning("gather.not_formed", shop_id=shop_id, reason=str(error))
