"""Programs of ours that tests start and stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 45.0
_LOOK_S = 0.05
_OURS = ("ORDERWIRE_", "SANDBOX_", "CHAOS_", "PYTHONPATH")


def orderwire() -> str:
    """Return the path of the command line that belongs to this Python."""
    return str(Path(sys.executable).with_name("orderwire"))


def bare_environment() -> dict[str, str]:
    """Return the shell's variables without those that would reach the programs under test."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def start(
    argv: Sequence[str], *, env: Mapping[str, str], log: Path, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a program in the repository's root, in a session of its own, its output appended to `log`."""
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


def stop(process: subprocess.Popen[bytes], *, at_once: bool = False, within_s: float = STOP_S) -> int:
    """End a child and return its exit code: SIGTERM, `within_s`, SIGKILL; `at_once` skips SIGTERM."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)
    try:
        return process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def eventually(holds: Callable[[], bool], within_s: float = 15.0) -> bool:
    """Whether it holds within this many seconds."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        if holds():
            return True
        time.sleep(_LOOK_S)
    return False
