"""Archive: move finished orders from Redis to files, so that memory depends on open orders only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.queue.specs import ARCHIVE
from app.services.enqueue import Enqueuer
from app.store.archive_moves import ArchiveMoves, Candidate

log = structlog.get_logger()

# Orders of one file: some 4 MB in memory, 100 ms to compress, and Redis is free between any two of them.
FILE_ORDERS = 500
# Files per run, some seconds of work; a run that leaves more enqueues the next, behind the syncs that wait.
MAX_FILES = 10
# Orders that one run may pass over because something about them is not finished.
MAX_PASSED_OVER = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What a run did: orders moved, old orders that have to stay, and whether more can be moved."""

    moved: int
    stayed: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOrders:
    """Moves finished orders; `after_days` 0 moves nothing."""

    moves: ArchiveMoves
    enqueuer: Enqueuer
    clock: Callable[[], datetime]
    after_days: int

    def archive(self) -> Archived:
        """Move COMPLETED orders to which nothing happened for `after_days`, one bounded run of them.

        An order stays while it has open units, an open or dead command, or a pending sync.

        Raises:
            ArchiveBroken: a file cannot be written; the orders stay in Redis.
        """
        if not self.after_days:
            return Archived(moved=0, stayed=0, more=False)
        before = self.clock() - timedelta(days=self.after_days)
        moved, stayed, more = 0, 0, True
        for _ in range(MAX_FILES):
            found = self.moves.candidates(before, skip=stayed, limit=FILE_ORDERS)
            over = [one for one in found if _is_over(one, before)]
            left = self.moves.put(over)
            moved += left
            stayed += len(found) - left
            more = bool(found) and stayed < MAX_PASSED_OVER
            if not more:
                break
        log.info("archive.finished", moved=moved, stayed=stayed, more=more)
        return Archived(moved=moved, stayed=stayed, more=more)

    def archive_and_go_on(self) -> Archived:
        """Run once as `archive` does, and enqueue the next run if this one moved orders and left some."""
        archived = self.archive()
        if archived.more and archived.moved:
            self.enqueuer.enqueue(ARCHIVE)
        return archived


def _is_over(candidate: Candidate, before: datetime) -> bool:
    return not candidate.busy and not candidate.order.open_units and candidate.changed_at < before
