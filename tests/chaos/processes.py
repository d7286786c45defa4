"""Processes of the chaos tests: pids to kill, and waiting for what starts.

Exceptions:

    StackFailed (Exception)     a process of the stack did not come up, or ended by itself
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


class StackFailed(Exception):
    """A process of the stack did not come up, or ended by itself; the message names it and its log."""


def signal_if(pid: int, word: str, number: signal.Signals) -> bool:
    """Send the signal when `pid` still is the process whose command line contains `word`; False: it is not.

    A pid read a moment ago may be somebody else's by now.
    """
    try:
        if word.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return False
        os.kill(pid, number)
    except (OSError, ProcessLookupError):
        return False
    return True


def parent_of(pid: int) -> int | None:
    """Return the pid of a process's parent, None when the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def wait_for(what: str, ready: Callable[[], bool], *, timeout_s: float, alive: Callable[[], bool]) -> None:
    """Wait until `ready`. Raises StackFailed when the time is up, or when nothing is `alive` that could."""
    deadline_s = time.monotonic() + timeout_s
    while not ready():
        if not alive():
            raise StackFailed(f"{what} ended while it started")
        if time.monotonic() > deadline_s:
            raise StackFailed(f"{what} did not come up within {timeout_s:.0f} s")
        time.sleep(0.05)
