"""How far each shop has come: the high-water mark of its reconciliation, and when it last ran."""

from __future__ import annotations

from datetime import datetime

from app.store import keys
from app.store.connection import Store
from app.store.script import load
from app.store.times import micros, time_of, time_or_none


class ShopMarks:
    """Keeps the marks; they only ever move forward, whichever of two runs ends last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._forward = load(store, "shop_forward")

    def mark(self, shop_id: str) -> datetime | None:
        """Return the time up to which everything of the shop was stored, None before the first run."""
        return time_or_none(self._store.execute_command("HGET", keys.shop(shop_id), "mark"))

    def move_mark(self, shop_id: str, to: datetime) -> datetime:
        """Move the mark forward to `to` and return where it stands; an earlier time moves nothing."""
        return time_of(self._forward([keys.shop(shop_id)], ["mark", micros(to)]))
