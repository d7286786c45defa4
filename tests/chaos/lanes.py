"""Judging lanes: one writer an order, every call written down before it is made, nobody and nothing left."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from tests.chaos.facts import Facts, Finding, Json


def lane_findings(facts: Facts) -> list[Finding]:
    """Return every fault of a lane."""
    return [*_overlaps(facts), *_unwritten(facts), *_stuck(facts), *_undone(facts)]


def _overlaps(facts: Facts) -> Iterator[Finding]:
    """Find attempts of one order that were under way at once; those never finished have no known end."""
    lanes: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for row in facts.commands:
        for attempt in row["attempts"]:
            if attempt["finished_at"] is not None:
                span = _time(attempt["started_at"]), _time(attempt["finished_at"])
                lanes[row["order_id"]].append((*span, f"{row['kind']} {row['id']} #{attempt['number']}"))
    for order_id, attempts in lanes.items():
        attempts.sort()
        for (_, ended, first), (started, _, second) in pairwise(attempts):
            if started < ended:
                overlap_s = (ended - started).total_seconds()
                detail = f"{first} and {second} were under way at once for {overlap_s:.3f} s"
                yield Finding(check="lane-overlap", order_id=order_id, detail=detail)


def _unwritten(facts: Facts) -> Iterator[Finding]:
    """Find calls the platform received under a key more often than any command's attempts account for."""
    written: Counter[str] = Counter()
    for row in facts.commands:
        own = Counter(attempt["idempotency_key"] for attempt in row["attempts"])
        written |= own  # the most of any command: a batch is one call, and an attempt of each of its commands
    called = Counter(call["idempotency_key"] for call in facts.writes if call["idempotency_key"])
    orders = {call["idempotency_key"]: call["order_id"] for call in facts.writes}
    for key, count in called.items():
        if count > written[key]:
            detail = f"{count} calls under key {key}, of which {written[key]} were written down first"
            yield Finding(check="call-unwritten", order_id=orders[key], detail=detail)


def _stuck(facts: Facts) -> Iterator[Finding]:
    for order_id, seen in facts.stuck.items():
        yield Finding(check="lane-stuck", order_id=order_id, detail=seen)


def _undone(facts: Facts) -> Iterator[Finding]:
    for name, count in facts.undone.items():
        detail = f"{name} is {count:.0f} when all should be at rest"
        yield Finding(check="left-undone", order_id=None, detail=detail)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def lost_attempts(commands: Sequence[Json]) -> Iterator[tuple[datetime, datetime]]:
    """Yield, for each attempt whose worker never told its end, when it began and when the command went on."""
    for row in commands:
        for attempt, after in pairwise([*row["attempts"], None]):
            if attempt["finished_at"] is None:
                resumed = after["started_at"] if after else row["finished_at"]
                if resumed is not None:
                    yield _time(attempt["started_at"]), _time(resumed)
