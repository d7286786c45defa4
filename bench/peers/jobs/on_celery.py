# mypy: disable-error-code="import-not-found, untyped-decorator, no-untyped-call"
"""Celery: its worker runs threads, because the job waits for the network; unfinished jobs are redelivered."""

from __future__ import annotations

from celery import Celery, Task

from bench.peers.jobs.pairs import read_pairs
from bench.peers.jobs.work import MAX_TRIES, REDIS_URL, ship

app = Celery("bench", broker=REDIS_URL)
app.conf.update(task_acks_late=True, task_ignore_result=True, broker_connection_retry_on_startup=True)


@app.task(name="ship", bind=True, autoretry_for=(Exception,), retry_backoff=1, max_retries=MAX_TRIES)
def ship_task(_task: Task, order_id: str, item_id: str) -> None:
    """Ship one order."""
    ship(order_id, item_id)


if __name__ == "__main__":
    for pair in read_pairs():
        ship_task.delay(*pair)
