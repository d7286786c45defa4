"""Enqueue: write the jobs of work that is durable already, and choose between single reads and bursts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from app.queue.jobs import Jobs, QueueUnavailable
from app.queue.specs import JobSpec, sync_burst_job, sync_job
from app.store.syncs import PendingSync, Syncs

log = structlog.get_logger()


# One page of a shop's list has 25 whole orders (Using the API): from two pages on, listing is surely cheaper,
# even when orders in between did not change.
BURST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueuer:
    """Writes jobs for work that is durable already; the sweep writes those that get lost."""

    jobs: Jobs

    def enqueue(self, *specs: JobSpec) -> None:
        """Write these jobs; a queue that is away is only logged, because the store still says what is due."""
        if not specs:
            return
        try:
            self.jobs.enqueue(specs)
        except QueueUnavailable as error:
            log.warning("enqueuer.lost", jobs=len(specs), first=specs[0].job_id, reason=str(error))

    def withdraw(self, job_id: str) -> None:
        """Take a job out of its queue, because its work is leased; a job that stays finds nothing to do."""
        try:
            self.jobs.withdraw(job_id)
        except QueueUnavailable as error:
            log.warning("enqueuer.not_taken_back", job_id=job_id, reason=str(error))


def sync_jobs(syncs: Syncs, pending: Sequence[PendingSync], now: datetime) -> list[JobSpec]:
    """Return the jobs of these due reads: one per shop with a burst of them, one per order for the others."""
    shops = sorted({one.shop_id for one in pending if one.shop_id is not None})
    bursts = {shop_id for shop_id, count in syncs.counts_due(shops, now).items() if count >= BURST}
    single = [sync_job(one.order_id) for one in pending if one.shop_id not in bursts]
    return single + [sync_burst_job(shop_id) for shop_id in sorted(bursts)]
