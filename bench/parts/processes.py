"""Processes of a measurement: started in their own sessions, awaited, and always ended.

Exceptions:

    BenchFailed (Exception)     something that is measured did not start, ended by itself, or did wrong work
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
START_S = 60.0
STOP_S = 15.0
POLL_S = 0.02
# Tail of a log that goes into the message of a failure.
_TAIL_CHARS = 2_000
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


class BenchFailed(Exception):
    """Something that is measured did not start, ended by itself, or did wrong work; the message says what."""


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def environment(**variables: str) -> dict[str, str]:
    """Return the variables of a child: the given ones, and of the shell's only what is needed to start."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # The tree this bench stands in is the one it measures, wherever another may be installed.
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)} | variables


@contextlib.contextmanager
def process(
    argv: Sequence[str], *, env: Mapping[str, str], log: Path, stdin: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of ours until the block ends, its output appended to `log`."""
    with log.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603 - our own programs, and those the bench compares with
            list(argv),
            env=dict(env),
            stdin=stdin,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child and all processes in its session: SIGTERM, a grace period, SIGKILL."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def wait_for(
    what: str,
    ready: Callable[[], bool],
    *,
    child: subprocess.Popen[bytes],
    log: Path,
    within_s: float = START_S,
) -> None:
    """Wait until `ready`.

    Raises:
        BenchFailed: the child ended, or the time is up; the message shows the end of its log.
    """
    until = time.monotonic() + within_s
    while not ready():
        ended = child.poll() is not None
        if ended or time.monotonic() > until:
            why = f"ended with code {child.returncode}" if ended else f"was not ready within {within_s:.0f} s"
            raise BenchFailed(f"{what} {why}:\n{log.read_text(errors='replace')[-_TAIL_CHARS:]}")
        time.sleep(POLL_S)


def listens(port: int) -> bool:
    """Whether a process accepts connections on a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def run(argv: Sequence[str], *, env: Mapping[str, str], given: str = "", within_s: float = START_S) -> str:
    """Run a program to its end and return what it printed.

    Raises:
        BenchFailed: it ended with another code than 0, or not in time.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own programs, and those the bench compares with
            list(argv),
            env=dict(env),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
            cwd=ROOT,
        )
    except subprocess.TimeoutExpired as late:
        raise BenchFailed(f"{' '.join(argv)} did not end within {within_s:.0f} s") from late
    if done.returncode:
        raise BenchFailed(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr[-_TAIL_CHARS:]}")
    return done.stdout
