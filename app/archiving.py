"""Archiving by hand: every order that may leave Redis leaves it now."""

from __future__ import annotations

from collections.abc import Callable

from app.settings import Settings
from app.wiring import build

# Runs of 5,000 orders: a hundred million of them, so the end is always reached before.
MAX_RUNS = 20_000


def archive_all(settings: Settings, say: Callable[[str], None]) -> None:
    """Run the archiving until nothing more may leave, and say how many orders did.

    Raises ArchiveBroken when a file cannot be written; what left Redis before stays archived.
    """
    if not settings.archive_after_days:
        say("archiving is off: ORDERWIRE_ARCHIVE_AFTER_DAYS is 0")
        return
    archive_orders, moved = build(settings).archive_orders, 0
    for _ in range(MAX_RUNS):
        run = archive_orders.archive()
        moved += run.moved
        if not (run.more and run.moved):
            say(f"{moved} orders moved to {settings.data_dir / 'archive'}; {run.stayed} as old ones stay")
            return
        say(f"{moved} orders moved so far")
