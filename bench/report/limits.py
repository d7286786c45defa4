"""What holds a row back, and what ten times its load would cost, told from the CPU of its parts."""

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
    """Say in a sentence which part is the busiest, and whether it is full."""
    cores = _cores(numbers)
    if not cores:
        return "nothing was counted here; it is waiting, not work."
    busiest = max(cores, key=cores.__getitem__)
    shares = ", ".join(f"{_NAMES.get(part, part)} {used:.2f}" for part, used in cores.items())
    name, used = _NAMES.get(busiest, busiest), cores[busiest]
    if used >= _FULL_CORE:
        why = f"{name}, which fills {used:.2f} of a core and would need a second process or less work a unit"
    else:
        why = (
            "nothing of its own is full, but waiting, or the load and the platform on the same cores; "
            f"busiest is {name}"
        )
    return f"{why}. Cores in use: {shares}."


def at_ten_times(numbers: Numbers, units: str) -> str:
    """Say how many cores ten times the measured rate takes, when a unit costs what it costs now."""
    if "rate" not in numbers or "cpu_ms" not in numbers:
        return "the same: what rests costs nothing more."
    rate, cpu_ms = 10 * numbers["rate"]["median"], numbers["cpu_ms"]["median"]
    cores = rate * cpu_ms / 1000
    redis = rate * numbers.get("cpu_redis_ms", {"median": 0.0})["median"] / 1000
    more = (
        f" Redis alone would need {redis:.1f} cores; it has one, so shops go to Redis servers of their own."
        if redis > 1
        else ""
    )
    return f"{rate:,.0f} {units} a second would take {cores:.1f} cores, {ceil(cores)} whole ones.{more}"


def _cores(numbers: Numbers) -> dict[str, float]:
    if "rate" not in numbers:
        return {}
    a_second = numbers["rate"]["median"]
    return {
        name.removeprefix("cpu_").removesuffix("_ms"): spread["median"] * a_second / 1000
        for name, spread in numbers.items()
        if name.startswith("cpu_") and name.endswith("_ms") and name != "cpu_ms"
    }
