"""Seeded bugs of reconciliation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def mark_past_failure(reconcile: Any, _module: Any) -> Callable[..., Any]:
    """Move the mark to the start of every poll, however it ended."""

    def hopeful(self: Any, shop_id: str) -> Any:
        started = self.clock()
        result = reconcile(self, shop_id)
        self.marks.move_mark(shop_id, started)
        return result

    return hopeful
