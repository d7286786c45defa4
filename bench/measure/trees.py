"""What a tree of processes costs, as the kernel counts it: CPU seconds and memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_MAX_PROCESSES = 10_000  # of one machine; more than that is no machine to measure on
# Places in /proc/<pid>/stat after the name, which may hold spaces: parent, then user and system time of the
# process and of those children of it that have ended and been waited for.
_PARENT, _TIMES = 1, slice(11, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Megabytes of a tree: RSS counts shared pages in every process, PSS once; `largest` is a process's RSS.

    `largest_mb` is the most that any process alive now ever had.
    """

    rss_mb: float = 0.0
    pss_mb: float = 0.0
    largest_mb: float = 0.0
    processes: int = 0


def cpu_s(*roots: int) -> float:
    """Return the CPU seconds the roots and everything below them have used so far.

    A process that ended counts through the parent that waited for it. The kernel tells hundredths.
    """
    return sum(_process_cpu_s(pid) for pid in tree(*roots))


def memory(*roots: int) -> Memory:
    """Return what the roots and everything below them hold now."""
    rss = pss = largest = 0.0
    pids = tree(*roots)
    for pid in pids:
        rolled = _fields(pid, "smaps_rollup")
        rss += rolled.get("Rss", 0.0)
        pss += rolled.get("Pss", 0.0)
        largest = max(largest, _fields(pid, "status").get("VmHWM", 0.0))
    return Memory(rss_mb=rss, pss_mb=pss, largest_mb=largest, processes=len(pids))


def tree(*roots: int) -> list[int]:
    """Return the roots that live and all their descendants."""
    children: dict[int, list[int]] = {}
    for folder in list(Path("/proc").glob("[0-9]*"))[:_MAX_PROCESSES]:
        stat = _stat(int(folder.name))
        if stat:
            children.setdefault(int(stat[_PARENT]), []).append(int(folder.name))
    found: list[int] = []
    waiting = [pid for pid in roots if _stat(pid)]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.append(pid)
            waiting += children.get(pid, [])
    return found


def _process_cpu_s(pid: int) -> float:
    return sum(int(ticks) for ticks in _stat(pid)[_TIMES]) / _TICKS


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:  # it has ended
        return []


def _fields(pid: int, name: str) -> dict[str, float]:
    """Return the lines of a /proc file that give kilobytes, as megabytes."""
    try:
        lines = Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has ended, or is not ours
        return {}
    found = {}
    for line in lines:
        key, _, rest = line.partition(":")
        if rest.endswith("kB"):
            found[key] = int(rest.split()[0]) / 1024
    return found
