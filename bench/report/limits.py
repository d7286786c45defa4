"""What limits a row, and what ten times its load would cost, calculated from the CPU of its parts."""

from __future__ import annotations

from math import ceil

Numbers = dict[str, dict[str, float]]

# An event loop or a server with one thread that is this busy has no room left.
_FULL_CORE = 0.85
_NAMES = {
    "api": "the API process",
    "workers": "the workers",
    "scheduler": "the scheduler",
    "redis": "Redis",
    "answerer": "the answering server",
}


def limit(numbers: Numbers) -> str:
    """Return a sentence that names the busiest part and says whether it uses a whole core."""
    cores = _cores(numbers)
    if not cores:
        return "no CPU was counted per unit; the processes mostly wait."
    busiest = max(cores, key=cores.__getitem__)
    shares = ", ".join(f"{_NAMES.get(part, part)} {used:.2f}" for part, used in cores.items())
    name, used = _NAMES.get(busiest, busiest), cores[busiest]
    if used >= _FULL_CORE:
        why = f"{name} with {used:.2f} cores; more needs a second process or less work per unit"
    else:
        why = (
            "no process uses a whole core; the rest is waiting, or the load and the platform on the same "
            f"cores. The busiest part: {name}"
        )
    return f"{why}. Cores in use: {shares}."


def at_ten_times(numbers: Numbers, units: str) -> str:
    """Return a sentence on the cores that ten times the measured rate needs at the same cost per unit."""
    if "rate" not in numbers or "cpu_ms" not in numbers:
        return "the same, because idle processes cost no more."
    rate, cpu_ms = 10 * numbers["rate"]["median"], numbers["cpu_ms"]["median"]
    cores = rate * cpu_ms / 1000
    redis = rate * numbers.get("cpu_redis_ms", {"median": 0.0})["median"] / 1000
    more = (
        f" Redis alone would need {redis:.1f} cores; a server uses one, so shops need several Redis servers."
        if redis > 1
        else ""
    )
    return f"{rate:,.0f} {units} per second need {cores:.1f} cores, so {ceil(cores)}.{more}"


def _cores(numbers: Numbers) -> dict[str, float]:
    if "rate" not in numbers:
        return {}
    a_second = numbers["rate"]["median"]
    return {
        name.removeprefix("cpu_").removesuffix("_ms"): spread["median"] * a_second / 1000
        for name, spread in numbers.items()
        if name.startswith("cpu_") and name.endswith("_ms") and name != "cpu_ms"
    }
