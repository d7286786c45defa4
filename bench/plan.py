"""How much is measured: everything in about ten minutes, or a quick run in about two."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The sizes of one run. Rounds alternate (A B, B A, A B); a median needs three of them."""

    mode: str
    rounds: int = 3
    ingest_s: float = 3.0
    burst_orders: int = 10_000
    # The naive build handles few orders per second; its rate does not depend on how many wait.
    burst_naive_orders: int = 100
    burst_within_s: float = 90.0
    jobs: int = 900
    jobs_forking: int = 60
    latency_orders: int = 5
    rest_s: float = 5.0
    store_orders: int = 1_000_000
    store_sample: int = 200
    store_reads: int = 200


FULL = Plan(mode="full")
QUICK = Plan(
    mode="quick",
    rounds=1,
    ingest_s=1.0,
    burst_orders=500,
    burst_naive_orders=20,
    burst_within_s=40.0,
    jobs=200,
    jobs_forking=16,
    latency_orders=2,
    rest_s=2.0,
    store_orders=20_000,
    store_sample=30,
    store_reads=60,
)


def say(line: str) -> None:
    """Print progress."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
