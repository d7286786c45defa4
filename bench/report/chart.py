"""The chart of the page: units per second of every side, one group of bars per row, as plain SVG."""

from __future__ import annotations

from html import escape
from typing import Any

WIDTH, _LABEL, _VALUE, _BAR, _GAP, _TITLE = 860, 110, 210, 16, 4, 26
_OURS, _OTHER = "#1f6feb", "#9aa4b2"
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.t{font-weight:600}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}"
)


def chart(rows: list[dict[str, Any]]) -> str:
    """Return the SVG of all rows that have a rate; each group is as wide as its fastest side."""
    parts, y = [], 8
    for row in rows:
        rates = {side: numbers["rate"] for side, numbers in row["sides"].items() if "rate" in numbers}
        if not rates:
            continue
        y += _TITLE
        parts.append(f'<text class="t" x="0" y="{y - 8}">{escape(_heading(row))}</text>')
        most = max(rate["high"] for rate in rates.values()) or 1.0
        for side, rate in rates.items():
            parts.append(_bar(side, rate, y, most, ours=side == row["base"]))
            y += _BAR + _GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 8}" '
        f'viewBox="0 0 {WIDTH} {y + 8}" role="img" aria-label="Units a second by row and side">\n'
        f"<style>{_STYLE}</style>\n{body}\n</svg>\n"
    )


def _heading(row: dict[str, Any]) -> str:
    return f"{row['title']} ({row['units']} per second)"


def _bar(side: str, rate: dict[str, float], y: int, most: float, *, ours: bool) -> str:
    scale = (WIDTH - _LABEL - _VALUE) / most
    width = max(1.0, rate["median"] * scale)
    low, high = (_LABEL + rate[end] * scale for end in ("low", "high"))
    middle = y + _BAR / 2
    text = f"{rate['median']:,.0f}" if rate["median"] >= 100 else f"{rate['median']:,.1f}"  # noqa: PLR2004 - three digits say enough
    return (
        f'<text x="{_LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(side)}</text>'
        f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{_OURS if ours else _OTHER}"/>'
        f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#24292f" stroke-width="1.5"/>'
        f'<text x="{max(_LABEL + width, high) + 8:.1f}" y="{y + 12}">{text}</text>'
    )
