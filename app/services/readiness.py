"""Readiness: may traffic come in? Every check by name, so that the answer says what to mend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.queues import QueueUnavailable
from app.store.connection import Store
from app.store.health import Check, check


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Checks what our promises rest on: the store's durability, and workers to keep them."""

    store: Store
    live_workers: Callable[[], Mapping[str, int]]

    def check(self) -> tuple[Check, ...]:
        """Return every check; a failed one says what is wrong and what to do."""
        return (*check(self.store), self._workers())

    def _workers(self) -> Check:
        try:
            alive = self.live_workers()
        except QueueUnavailable as error:
            return Check(name="workers", ok=False, detail=str(error))
        missing = sorted(queue for queue, count in alive.items() if count == 0)
        if missing:
            detail = f"no worker on {', '.join(missing)}; start `orderwire worker --queue {missing[0]}`"
            return Check(name="workers", ok=False, detail=detail)
        shown = ", ".join(f"{count} on {queue}" for queue, count in sorted(alive.items()))
        return Check(name="workers", ok=True, detail=shown)
