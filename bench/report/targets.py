"""The targets of the rows as numbers, and whether the medians of a run meet them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target: a figure of a row's side, or its ratio to another side if `against` names one.

    `at_least` or `at_most` is the bound. `whole` targets apply to a full run only: a quick run is too small.
    """

    row: str
    text: str
    figure: str
    side: str = "ours"
    against: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    whole: bool = False

    def verdict(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Compare the target with a row; None when the row does not have the figure."""
        numbers = (
            row["ratios"].get(self.against, {}) if self.against else row["sides"].get(self._side(row), {})
        )
        if self.figure not in numbers:
            return None
        value = numbers[self.figure]["median"]
        bound = self.at_least if self.at_least is not None else self.at_most
        met = (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )
        return {"row": self.row, "text": self.text, "value": value, "bound": bound, "met": met}

    def _side(self, row: dict[str, Any]) -> str:
        return str(row["base"]) if self.side == "base" else self.side


def _of_store(figure: str, text: str, at_most: float, *, whole: bool = False) -> Target:
    return Target(row="store", text=text, side="base", figure=figure, at_most=at_most, whole=whole)


TARGETS = (
    Target(
        row="ingest-1-closed",
        text="1 entry: no slower than the bare ASGI ceiling",
        figure="rate",
        against="ceiling",
        at_least=1.0,
    ),
    Target(
        row="ingest-1-closed",
        text="1 entry: at least 6 times the naive rate",
        figure="rate",
        against="naive",
        at_least=6,
    ),
    Target(
        row="ingest-100-closed",
        text="100 entries: no slower than the bare ASGI ceiling",
        figure="rate",
        against="ceiling",
        at_least=1.0,
    ),
    Target(
        row="ingest-100-closed",
        text="100 entries: at least 20 times the naive rate",
        figure="rate",
        against="naive",
        at_least=20,
    ),
    Target(row="ingest-1-closed", text="CPU ms per request, Redis included", figure="cpu_ms", at_most=0.5),
    Target(row="ingest-1-open", text="p99 ms at 500 per second, open loop", figure="p99_ms", at_most=40),
    Target(row="burst", text="orders per second (10,000 in 20 s)", figure="rate", at_least=500, whole=True),
    Target(row="burst", text="Graph calls per order", figure="calls_an_order", at_most=0.06, whole=True),
    Target(row="burst", text="MB of the largest process", figure="largest_mb", at_most=150),
    Target(row="burst", text="times the naive rate", figure="rate", against="naive", at_least=20, whole=True),
    Target(row="burst", text="times less CPU than naive", figure="cpu_ms", against="naive", at_least=20),
    Target(row="burst", text="orders not acknowledged exactly once", figure="failures", at_most=0),
    # Acknowledgements wait 2 s by default for others; 100 ms remain for the work.
    Target(row="latency", text="ms from webhook to acknowledged, p50", figure="p50_ms", at_most=2_100),
    # A quick run has hardly more jobs than threads.
    Target(row="jobs", text="jobs per second", figure="rate", at_least=300, whole=True),
    Target(row="jobs", text="CPU ms per job, all in", figure="cpu_ms", at_most=6, whole=True),
    Target(row="jobs", text="MB of all processes (PSS)", figure="pss_mb", at_most=300),
    Target(row="jobs", text="orders not shipped exactly once", figure="failures", at_most=0),
    _of_store("list_p95_ms", "ms for a list, p95", 100),
    _of_store("reference_p95_ms", "ms for a lookup by reference, p95", 100),
    _of_store("order_p95_ms", "ms for one order, p95", 100),
    _of_store("redis_bytes_an_order_stored", "bytes of Redis per order, stored", 8_000),
    # A quick run has so few orders that each is read by its own job, and RQ keeps a job for ten minutes.
    _of_store("redis_bytes_an_order_lived", "bytes of Redis per order, all in", 8_000, whole=True),
    *(
        Target(
            row="store",
            text=f"CPU of {what}, with 1,000 stored orders relative to all (1.0: the same)",
            figure=figure,
            against="1,000 orders",
            at_least=1 / 1.2,
        )
        for what, figure in (
            ("an order up to its acknowledgement", "cpu_ms"),
            ("a sync", "sync_cpu_ms"),
            ("a shipment", "ship_cpu_ms"),
        )
    ),
)


def verdicts(rows: Sequence[dict[str, Any]], *, mode: str = "full") -> list[dict[str, Any]]:
    """Return the verdict on every target whose row was measured."""
    by_name = {row["name"]: row for row in rows}
    held = [
        target.verdict(by_name[target.row])
        for target in TARGETS
        if target.row in by_name and (mode == "full" or not target.whole)
    ]
    return [verdict for verdict in held if verdict]
