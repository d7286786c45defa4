"""Supervises a tree of processes: starts them, starts again what dies, stops all in order.

Children live in sessions of their own, so that Ctrl-C reaches the supervisor alone and the order of stopping
is ours; on Linux the kernel ends them when the supervisor is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

POLL_S = 0.05
STABLE_AFTER_S = 30.0  # a child that lived this long has earned a quick restart
RESTART_PAUSES_S = (0.05, 0.25, 0.5, 1.0, 2.0)  # the last one repeats: at most thirty starts a minute
START_DEATHS = 3  # a child that dies this often before the stack ever was ready is misconfigured
KILL_WAIT_S = 5.0

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # loaded before any fork


class StartFailed(Exception):
    """A process did not come up; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process to keep running. `ready` is asked until it says yes; `grace_s` is its time to stop.

    One that `forks` is started with `--report-fd N` and writes the pids of its own children there, a JSON
    list a line; these stand for it in `pids`.
    """

    role: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], bool] | None = None
    grace_s: float = 10.0
    pass_fds: tuple[int, ...] = ()
    forks: bool = False


@dataclass(slots=True, kw_only=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes]
    started_s: float
    deaths: int = 0
    start_again_s: float | None = None
    was_ready: bool = False
    reports: _Reports | None = None


class _Reports:
    """The reading end of the pipe on which a forking program names its children."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.pids: list[int] = []
        self._rest = b""

    def look(self) -> bool:
        """Read what was written; whether the children changed."""
        with suppress(BlockingIOError):
            while part := os.read(self.reading, 65_536):
                self._rest += part
        *lines, self._rest = self._rest.split(b"\n")
        if lines:
            self.pids = json.loads(lines[-1])
        return bool(lines)

    def close(self) -> None:
        os.close(self.reading)
        os.close(self.writing)


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Keeps programs running until `stop`. `say` takes lines for people; `changed` hears of new pids."""

    say: Callable[[str], None]
    changed: Callable[[], None]
    stopping: bool = False
    _children: list[_Child] = field(default_factory=list)

    def start(self, programs: Sequence[Program]) -> None:
        """Start these, without waiting."""
        for program in programs:
            reports = _Reports() if program.forks else None
            process = _spawn(program, reports)
            now_s = time.monotonic()
            self._children.append(_Child(program=program, process=process, started_s=now_s, reports=reports))

    def wait_ready(self, *, timeout_s: float) -> bool:
        """Keep all running until each is ready; False when told to stop. Raises StartFailed."""
        deadline_s = time.monotonic() + timeout_s
        while not self.stopping:
            self._tend(starting=True)
            waiting = [child for child in self._children if not self._is_ready(child)]
            if not waiting:
                return True
            if time.monotonic() > deadline_s:
                roles = ", ".join(sorted({child.program.role for child in waiting}))
                raise StartFailed(
                    f"Not ready within {timeout_s:.0f} s: {roles}. The log lines above say more."
                )
            time.sleep(POLL_S)
        return False

    def watch(self) -> None:
        """Start again whatever dies, until told to stop."""
        while not self.stopping:
            self._tend(starting=False)
            time.sleep(POLL_S)

    def stop(self, order: Sequence[Sequence[str]]) -> None:
        """Stop the groups of roles one after the other: SIGTERM, their grace, SIGKILL."""
        self.stopping = True
        for roles in order:
            group = [child for child in self._children if child.program.role in roles]
            running = [child for child in group if child.process.poll() is None]
            for child in running:
                child.process.send_signal(signal.SIGTERM)
            started_s = time.monotonic()
            for child in running:
                self._await_end(child, started_s + child.program.grace_s)
        for child in self._children:
            if child.reports is not None:
                child.reports.close()
        self._children.clear()

    def pids(self) -> dict[str, list[int]]:
        """Return the living processes by role."""
        found: dict[str, list[int]] = {}
        for child in self._children:
            pids = found.setdefault(child.program.role, [])
            if child.process.poll() is None:
                pids += child.reports.pids if child.reports is not None else [child.process.pid]
        return found

    def _await_end(self, child: _Child, deadline_s: float) -> None:
        try:
            child.process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.say(f"{child.program.role} ({child.process.pid}) did not stop in time and is killed")
            child.process.kill()
            child.process.wait(KILL_WAIT_S)

    def _is_ready(self, child: _Child) -> bool:
        if not child.was_ready and child.process.poll() is None:
            child.was_ready = child.program.ready is None or child.program.ready()
        return child.was_ready

    def _tend(self, *, starting: bool) -> None:
        now_s = time.monotonic()
        for child in self._children:
            if child.reports is not None and child.reports.look():
                self.changed()
            if child.start_again_s is None:
                code = child.process.poll()
                if code is not None:
                    self._plan_restart(child, code, now_s, starting=starting)
            elif now_s >= child.start_again_s:
                child.process = _spawn(child.program, child.reports)
                child.started_s, child.start_again_s = now_s, None
                self.changed()

    def _plan_restart(self, child: _Child, code: int, now_s: float, *, starting: bool) -> None:
        if now_s - child.started_s > STABLE_AFTER_S:
            child.deaths = 0
        child.deaths += 1
        role, ended = child.program.role, _ended(code)
        if starting and child.deaths >= START_DEATHS:
            raise StartFailed(f"The {role} process {ended} {child.deaths} times while starting.")
        pause_s = RESTART_PAUSES_S[min(child.deaths, len(RESTART_PAUSES_S)) - 1]
        self.say(f"{role} ({child.process.pid}) {ended}; started again in {pause_s:g} s")
        child.start_again_s = now_s + pause_s
        child.was_ready = False


def end_with_parent(parent: int, how: signal.Signals) -> None:
    """Ask the kernel to end this process when its parent does; called in the child, works on Linux only."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, how)
        if os.getppid() != parent:  # it died in between
            os._exit(1)


def _spawn(program: Program, reports: _Reports | None) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    fds = (reports.writing,) if reports is not None else ()
    return subprocess.Popen(  # noqa: S603 - our own programs
        [*program.argv, *(("--report-fd", str(fds[0])) if fds else ())],
        env=dict(program.env),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=(*program.pass_fds, *fds),
        preexec_fn=lambda: end_with_parent(parent, signal.SIGTERM),  # noqa: PLW1509 - one thread here
    )


def _ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
