"""How much of the platform's allowance is used, from the usage headers of any answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The tightest limit seen. `percent` can pass 100; `regain_s` seconds, None while nothing is closed."""

    percent: int
    regain_s: float | None


def read_usage(headers: Mapping[str, str]) -> Usage | None:
    """Return the usage the headers tell, or None when they tell none.

    Reads `X-App-Usage` and `X-Page-Usage` (flat) and `X-Business-Use-Case-Usage` (lists of figures under the
    business id); every figure is a percentage, and `estimated_time_to_regain_access` is in minutes (Graph
    API, Rate Limits). A header that cannot be read counts as absent: it must never fail a call.
    """
    percents: list[int] = []
    waits_s: list[float] = []
    for name, value in headers.items():
        if name.lower() in _HEADERS and len(value) <= MAX_HEADER:
            for figures in _figures(value):
                percents += [_number(figures[key]) for key in _PERCENTAGES if key in figures]
                waits_s.append(60.0 * _number(figures.get("estimated_time_to_regain_access", 0)))
    if not percents and not any(waits_s):
        return None
    wait_s = max(waits_s, default=0.0)
    return Usage(percent=max(percents, default=100), regain_s=min(wait_s, MAX_REGAIN_S) if wait_s else None)


# 32 objects of under 200 characters are the most the platform sends; ten times that is not from it.
MAX_HEADER = 65_536
# The windows roll over 24 hours at most; a longer wait would be a mistake that stops a shop for good.
MAX_REGAIN_S = 86_400.0
# A header nests business id, list, figures; nothing deeper means anything.
_DEPTH = 3

_HEADERS = frozenset({"x-app-usage", "x-page-usage", "x-business-use-case-usage"})
_PERCENTAGES = ("call_count", "total_time", "total_cputime")


def _figures(text: str) -> Iterator[dict[str, Any]]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return
    level: list[Any] = [parsed]
    for _ in range(_DEPTH):
        yield from (part for part in level if isinstance(part, dict) and _tells(part))
        inner = [list(part.values()) if isinstance(part, dict) else part for part in level if _holds(part)]
        level = [part for parts in inner for part in parts]


def _tells(part: dict[str, Any]) -> bool:
    return any(key in part for key in (*_PERCENTAGES, "estimated_time_to_regain_access"))


def _holds(part: object) -> bool:
    return isinstance(part, list) or (isinstance(part, dict) and not _tells(part))


def _number(value: object) -> int:
    try:
        number = float(value) if isinstance(value, str | int | float) else 0.0
        return max(0, int(number))
    except (ValueError, OverflowError):
        return 0
