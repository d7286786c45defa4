"""The orders to ship, as a peer's enqueueing program gets them: one `order item` a line of its input."""

from __future__ import annotations

import sys

MAX_PAIRS = 100_000


def read_pairs() -> list[tuple[str, str]]:
    """Return pairs of order id and item id."""
    pairs = []
    for line in sys.stdin.read().splitlines()[:MAX_PAIRS]:
        order_id, item_id = line.split()
        pairs.append((order_id, item_id))
    return pairs
