"""What tests ask of RQ's queues."""

from __future__ import annotations

from collections.abc import Sequence

from app.queue.jobs import Jobs


def live_jobs(jobs: Jobs, job_ids: Sequence[str]) -> set[str]:
    """Return which of these jobs RQ will run or is running: queued, scheduled, or started and beating."""
    standings = jobs._standings(job_ids)  # noqa: SLF001 - what RQ holds is private to Jobs
    return {job_id for job_id, one in standings.items() if one.name not in ("ABSENT", "ORPHANED")}
