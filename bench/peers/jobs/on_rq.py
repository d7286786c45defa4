"""RQ: `python -m bench.peers.jobs.on_rq fork|simple` works; with `enqueue` it takes pairs from its input."""

from __future__ import annotations

import sys

from redis import Redis
from rq import Queue, Retry, SimpleWorker, Worker

from bench.peers.jobs.pairs import read_pairs
from bench.peers.jobs.work import MAX_TRIES, REDIS_URL, ship

if __name__ == "__main__":
    store = Redis.from_url(REDIS_URL)
    queue = Queue("bench", connection=store)
    if sys.argv[1] == "enqueue":
        retry = Retry(max=MAX_TRIES)
        queue.enqueue_many([Queue.prepare_data(ship, args=pair, retry=retry) for pair in read_pairs()])
    else:
        kind = Worker if sys.argv[1] == "fork" else SimpleWorker
        kind([queue], connection=store).work(logging_level="WARNING")
