"""Processes of the chaos tests: free ports, children that are ended for certain, and pids to kill.

Exceptions:

    StackFailed (Exception)     a process of the stack did not come up, or ended by itself
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Below Linux's range for outgoing connections, where a free port can be taken a moment later.
_PORTS = range(20_000, 32_000)
_MAX_TRIES = 200
_STOP_S = 20.0


class StackFailed(Exception):
    """A process of the stack did not come up, or ended by itself; the message names it and its log."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    for _ in range(_MAX_TRIES):
        port = secrets.choice(_PORTS)
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise StackFailed("No free port was found between 20000 and 32000.")


def start(
    argv: Sequence[str], *, env: Mapping[str, str], log: Path, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a program of ours in the repository's root, in a session of its own, its output in `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 - our own programs
            list(argv),
            env=dict(env),
            stdin=stdin,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes] | None, *, at_once: bool = False) -> None:
    """End a child: SIGTERM and its grace, then SIGKILL; `at_once` goes to SIGKILL straight."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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
