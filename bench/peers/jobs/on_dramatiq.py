# mypy: disable-error-code="import-not-found, untyped-decorator, no-untyped-call"
"""Dramatiq over Redis; its worker runs two processes of threads."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.peers.jobs.pairs import read_pairs
from bench.peers.jobs.work import MAX_TRIES, REDIS_URL, ship

dramatiq.set_broker(RedisBroker(url=REDIS_URL))


@dramatiq.actor(max_retries=MAX_TRIES)
def ship_actor(order_id: str, item_id: str) -> None:
    """Ship one order."""
    ship(order_id, item_id)


if __name__ == "__main__":
    for pair in read_pairs():
        ship_actor.send(*pair)
