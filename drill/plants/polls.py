"""Planted bugs of reconciliation."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def mark_past_failure(module: ModuleType) -> None:
    """Move the mark to the start of every poll, however it ended."""
    reconcile = module.Reconcile.reconcile

    def hopeful(self: Any, shop_id: str) -> Any:
        started = self.clock()
        result = reconcile(self, shop_id)
        self.marks.move_mark(shop_id, started)
        return result

    module.Reconcile.reconcile = hopeful
