"""A turn of one side, a row of turns, and the order in which the sides take theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.measure.trees import Memory, cpu_s, memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one side did in one round. `cpu_s` are CPU seconds by part (api, workers, redis, ...).

    `figures` are further numbers, each with its unit last in its name.
    """

    side: str
    round: int
    units: int
    seconds: float
    failures: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_s: Mapping[str, float] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    figures: Mapping[str, float] = field(default_factory=dict)

    def numbers(self) -> dict[str, float]:
        """Return every number of the turn by name, including those per unit (`cpu_ms`, `cpu_api_ms`)."""
        found: dict[str, float] = {"failures": self.failures}
        if self.seconds:
            found["rate"] = self.units / self.seconds
            found["cores"] = sum(self.cpu_s.values()) / self.seconds
        found |= {
            name: value
            for name, value in (("p50_ms", self.p50_ms), ("p99_ms", self.p99_ms))
            if value is not None
        }
        if self.units and self.cpu_s:
            found["cpu_ms"] = 1000 * sum(self.cpu_s.values()) / self.units
            found |= {f"cpu_{part}_ms": 1000 * used / self.units for part, used in self.cpu_s.items()}
        if self.memory.processes:
            found |= {
                "rss_mb": self.memory.rss_mb,
                "pss_mb": self.memory.pss_mb,
                "largest_mb": self.memory.largest_mb,
                "processes": self.memory.processes,
            }
        return found | dict(self.figures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: what was measured in which `units`, how, and every turn of every side.

    The ratios of a row say how many times better `base` is than each other side.
    """

    name: str
    title: str
    units: str
    how: str
    base: str
    turns: tuple[Turn, ...]

    def sides(self) -> tuple[str, ...]:
        """Return the sides in the order of their first turns."""
        return tuple(dict.fromkeys(turn.side for turn in self.turns))


@dataclass(slots=True, kw_only=True)
class Meter:
    """Reads what the parts of a side cost from `start` on: their process trees by part."""

    roots: Mapping[str, Sequence[int]]
    _before: dict[str, float] = field(default_factory=dict)

    def start(self) -> None:
        """Start to count."""
        self._before = {part: cpu_s(*pids) for part, pids in self.roots.items()}

    def used_s(self) -> dict[str, float]:
        """Return the CPU seconds of each part since the start."""
        return {part: cpu_s(*pids) - self._before.get(part, 0.0) for part, pids in self.roots.items()}

    def total_s(self) -> float:
        """Return the CPU seconds of all parts since the start."""
        return sum(self.used_s().values())

    def memory(self) -> Memory:
        """Return the memory of all parts but Redis, whose data is not a cost of a process."""
        return memory(*(pid for part, pids in self.roots.items() if part != "redis" for pid in pids))


def interleaved(sides: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Yield round and side: A B, B A, A B, ... so that changes of the machine affect all sides equally."""
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            yield number, side
