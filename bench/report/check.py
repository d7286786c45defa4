"""The check against the committed results: no ratio may have fallen by more than 15 %."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Runs on one quiet machine differ by some percent; 15 is beyond that, and far below what a slip costs.
MAX_FALL = 0.15


def fallen(committed: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    """Return a line for every ratio that fell too far, of the rows and sides that both runs have.

    Failures of ours count as well: a run that does wrong work has no ratios to compare.
    """
    lines = [
        f"{row['name']}: ours failed {numbers['failures']['high']:.0f} times; see its turns"
        for row in fresh["rows"]
        for side, numbers in row["sides"].items()
        if side == row["base"] and numbers["failures"]["high"] > 0
    ]
    now = dict(_ratios(fresh))
    for name, before in _ratios(committed):
        if name in now and now[name] < before * (1 - MAX_FALL):
            row, other, figure = name
            fall = 100 * (1 - now[name] / before)
            lines.append(
                f"{row}: {figure} beside {other} fell by {fall:.0f} %, "
                f"from {before:.2f} to {now[name]:.2f} times"
            )
    return lines


def compared(committed: dict[str, Any], fresh: dict[str, Any]) -> int:
    """Return how many ratios both runs have."""
    return len(dict(_ratios(committed)).keys() & dict(_ratios(fresh)).keys())


def _ratios(results: dict[str, Any]) -> Iterator[tuple[tuple[str, str, str], float]]:
    for row in results["rows"]:
        for other, figures in row["ratios"].items():
            for figure, spread in figures.items():
                yield (row["name"], other, figure), spread["median"]
