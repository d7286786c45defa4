"""Plain counters of what came in, by name, for health pages and metrics."""

from __future__ import annotations

from app.store import keys
from app.store.connection import AsyncStore, Store


class Counters:
    """Counts. The inbox counts by itself: entries_accepted, entries_duplicate, entry_id_reused, kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def count(self, name: str, by: int = 1) -> None:
        """Add to one counter; names are words of our own code, never of callers."""
        self._store.execute_command("HINCRBY", keys.COUNTERS, name, by)

    def counters(self) -> dict[str, int]:
        """Return every counter by its name."""
        found = self._store.execute_command("HGETALL", keys.COUNTERS)
        return {name: int(value) for name, value in found.items()}


class AsyncCounters:
    """Counts from the webhook route."""

    def __init__(self, store: AsyncStore) -> None:
        self._store = store

    async def count(self, name: str) -> None:
        """Add one to one counter."""
        await self._store.execute_command("HINCRBY", keys.COUNTERS, name, 1)
