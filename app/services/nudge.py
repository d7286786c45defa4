"""Nudge: write the jobs that wake promised work, and never fail the promise for it."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from app.queues import Jobs, QueueUnavailable, Wake

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """Wakes work whose promise is durable already: a wake that is lost is made up for by the sweep."""

    jobs: Jobs

    def wake(self, *wakes: Wake) -> None:
        """Write these wakes; trouble is logged, since the ledger still says what is due."""
        if not wakes:
            return
        try:
            self.jobs.wake(wakes)
        except QueueUnavailable as error:
            log.warning("nudge.lost", jobs=len(wakes), first=wakes[0].job_id, reason=str(error))

    def take_back(self, job_id: str) -> None:
        """Take a job out of its queue, since its work is in hand; one that stays finds nothing to do."""
        try:
            self.jobs.take_back(job_id)
        except QueueUnavailable as error:
            log.warning("nudge.not_taken_back", job_id=job_id, reason=str(error))
