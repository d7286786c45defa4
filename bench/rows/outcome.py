"""What happened on the platform, order by order, and when the processes were idle again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.measure.schedule import milliseconds
from bench.measure.turns import Meter
from bench.parts.platform import Effect, Platform

_LOOK_S = 0.1
# A tree that used less than this part of a core over such a pause has nothing left to do.
_QUIET_CORES = 0.1
_QUIET_LOOK_S = 0.5
_QUIET_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The orders that were done exactly once. `wrong` counts the others: missing, or done twice."""

    done_at: tuple[float, ...]
    latencies_s: tuple[float, ...]
    wrong: int

    @classmethod
    def of(cls, effects: Sequence[Effect], *, meant_at: Mapping[str, float]) -> Outcome:
        """Compare effects with the orders that were meant, by the Unix time each latency counts from.

        Effects of other orders count as wrong too.
        """
        times = Counter(effect.order_id for effect in effects)
        missing = sum(1 for order_id in meant_at if order_id not in times)
        again = sum(count - 1 for count in times.values())
        unmeant = sum(1 for order_id in times if order_id not in meant_at)
        first: dict[str, float] = {}
        for effect in effects:
            first.setdefault(effect.order_id, effect.at)
        done = {order_id: at for order_id, at in first.items() if order_id in meant_at}
        return cls(
            done_at=tuple(sorted(done.values())),
            latencies_s=tuple(at - meant_at[order_id] for order_id, at in done.items()),
            wrong=missing + again + unmeant,
        )

    def p_ms(self, part: float) -> float:
        """Return a percentile of the latencies in milliseconds."""
        return milliseconds(self.latencies_s, part)


def await_effects(platform: Platform, kind: str, count: int, *, within_s: float) -> int:
    """Wait until the platform counts so many effects of a kind, or the time is up; return how many it has."""
    until = time.monotonic() + within_s
    while (found := platform.count_effects(kind)) < count and time.monotonic() < until:
        time.sleep(_LOOK_S)
    return found


def await_quiet(meter: Meter) -> None:
    """Wait until the measured processes are idle, for at most half a minute."""
    until = time.monotonic() + _QUIET_WITHIN_S
    before_s = meter.total_s()
    while time.monotonic() < until:
        time.sleep(_QUIET_LOOK_S)
        now_s = meter.total_s()
        if now_s - before_s < _QUIET_CORES * _QUIET_LOOK_S:
            return
        before_s = now_s
