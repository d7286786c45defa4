"""The naive build's worker: RQ's own, which forks for every job, with the jobs' module imported before.

`rq worker naive` alone would import FastAPI and httpx anew in each forked child, half a second a job; RQ's
page on workers advises this script instead (Performance Notes).
"""

from __future__ import annotations

from rq import Worker

from bench.peers.naive import queue, store

if __name__ == "__main__":
    Worker([queue], connection=store).work(logging_level="WARNING")
