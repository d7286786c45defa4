"""Medians, ranges, and how many times better one side is than another in the same round."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from bench.measure.turns import Row, Turn

# Of these more is better; of everything else that is compared, less.
_MORE = frozenset({"rate"})
COMPARED = ("rate", "cpu_ms", "sync_cpu_ms", "ship_cpu_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of the rounds, with the lowest and the highest value."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Return the spread of at least one value."""
        found = list(values)
        return cls(median=statistics.median(found), low=min(found), high=max(found))


def summary(row: Row) -> dict[str, dict[str, Spread]]:
    """Return the spread of every number by side and name."""
    return {side: _spreads([turn for turn in row.turns if turn.side == side]) for side in row.sides()}


def ratios(row: Row) -> dict[str, dict[str, Spread]]:
    """Return, by other side and figure, how many times better the row's base was, round by round.

    3.0 means three times the rate, or a third of the CPU a unit. A round in which one of the two did nothing
    has no ratio.
    """
    return {
        other: {
            figure: Spread.of(values) for figure in COMPARED if (values := _round_ratios(row, other, figure))
        }
        for other in row.sides()
        if other != row.base
    }


def _spreads(turns: list[Turn]) -> dict[str, Spread]:
    numbers = [turn.numbers() for turn in turns]
    names = dict.fromkeys(name for found in numbers for name in found)
    return {name: Spread.of(found[name] for found in numbers if name in found) for name in names}


def _round_ratios(row: Row, other: str, figure: str) -> list[float]:
    found = []
    for number in sorted({turn.round for turn in row.turns}):
        pair = {turn.side: turn.numbers().get(figure) for turn in row.turns if turn.round == number}
        ours, theirs = pair.get(row.base), pair.get(other)
        if ours and theirs:
            found.append(ours / theirs if figure in _MORE else theirs / ours)
    return found
