"""`orderwire archive`: move every order that may leave Redis to the archive, now."""

from __future__ import annotations

from collections.abc import Callable

from app.container import Container
from app.settings import Settings

# Runs of 5,000 orders each: one hundred million orders, more than any installation holds.
MAX_RUNS = 20_000


def archive_all(settings: Settings, say: Callable[[str], None]) -> None:
    """Archive until no order is left that may move, and say how many moved.

    Raises:
        ArchiveBroken: a file cannot be written; the orders that moved before stay archived.
    """
    if not settings.archive_after_days:
        say("archiving is off: ORDERWIRE_ARCHIVE_AFTER_DAYS is 0")
        return
    archive_orders, moved = Container(settings).archive_orders, 0
    for _ in range(MAX_RUNS):
        run = archive_orders.archive()
        moved += run.moved
        if not (run.more and run.moved):
            say(f"{moved} orders moved to {settings.data_dir / 'archive'}; {run.stayed} old ones stay")
            return
        say(f"{moved} orders moved so far")
