"""When each request is due, and how long its response took from that time on.

A generator that waits for answers before it sends the next request is slowed down by the server it measures,
and never notices the requests it did not send (coordinated omission). Here the schedule is fixed before the
first request, and a latency counts from the intended time, whenever the request really left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`count` requests at an even `rate` per second: number n is due n / rate seconds after the start."""

    rate: float
    count: int

    def __post_init__(self) -> None:
        """Refuse a schedule that never ends."""
        if self.rate <= 0 or self.count < 0:
            raise ValueError(f"a schedule needs a rate above 0 and a count, not {self.rate} and {self.count}")

    @classmethod
    def lasting(cls, seconds: float, *, rate: float) -> Schedule:
        """Return the schedule of that rate for that long."""
        return cls(rate=rate, count=round(rate * seconds))

    def meant_s(self, number: int) -> float:
        """Return the seconds from the start to the intended time of a request."""
        return number / self.rate

    def due(self, elapsed_s: float) -> int:
        """Return how many requests should have been sent by now."""
        # A billionth of a request forgives what division loses, so that a moment's own request is due in it.
        return min(self.count, math.floor(elapsed_s * self.rate + 1e-9) + 1) if elapsed_s >= 0 else 0

    @property
    def seconds(self) -> float:
        """How long the schedule lasts."""
        return self.count / self.rate


@dataclass(slots=True, kw_only=True)
class Load:
    """The results: the latency of each request, and the requests not answered with `ok`.

    `began_at` is the start as Unix time, so that what another process saw can be dated against it.
    """

    began_at: float
    ok: int = OK
    seconds: float = 0.0
    latencies_s: dict[int, float] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)
    sent: int = 0

    def answered(self, number: int, *, meant_s: float, now_s: float, status: int) -> None:
        """Record a response that came `now_s` seconds after the start; status 0 is a broken connection."""
        if status == self.ok:
            self.latencies_s[number] = now_s - meant_s
        else:
            self.refused[number] = status

    @property
    def failures(self) -> int:
        """How many requests were sent and did not get the expected response."""
        return self.sent - len(self.latencies_s)

    @property
    def rate(self) -> float:
        """How many got the expected response per second."""
        return len(self.latencies_s) / self.seconds if self.seconds else 0.0


def percentile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that at least `part` of them do not exceed; 0 when there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def milliseconds(values: Sequence[float], part: float) -> float:
    """Return a percentile of seconds in milliseconds."""
    return 1000 * percentile(values, part)
