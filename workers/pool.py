"""The workers of every queue in one tree: imported once, then forked; they start fast and share memory.

    python -m workers.pool [--report-fd N]

A worker that dies is forked again. The pool itself opens no connection and runs no job: what is forked must
hold no client, since two processes can't share a socket. With `--report-fd` it writes the pids of its workers
as one JSON line whenever they change, for the supervisor's ready file.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

import structlog

from app.devstack.supervisor import RESTART_PAUSES_S, STABLE_AFTER_S, end_with_parent
from app.queue.specs import INTAKE, LIFECYCLE, SYNC
from app.settings import Settings, SettingsError, load_settings
from app.telemetry import configure_logging
from workers import jobs, worker

POLL_S = 0.05

_log = structlog.get_logger("workers.pool")


@dataclass(slots=True, kw_only=True)
class Slot:
    """One worker to keep running: its queue, its process, and when it may be forked again."""

    queue: str
    pid: int | None = None
    started_s: float = 0.0
    deaths: int = 0
    not_before_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Pool:
    """Keeps one worker in each slot until told to stop, then lets each finish its job."""

    settings: Settings
    slots: list[Slot]
    report_fd: int | None = None
    stopping: bool = False
    _reported: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Fork, watch and fork again; return when told to stop and every worker has ended."""
        while not self.stopping:
            self._collect()
            for slot in self.slots:
                if slot.pid is None and time.monotonic() >= slot.not_before_s and not self.stopping:
                    self._fork(slot)
            self._report()
            time.sleep(POLL_S)
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        while self._pids():
            self._collect()
            time.sleep(POLL_S)

    def stop(self, _signum: int, _frame: FrameType | None) -> None:
        """Let every worker finish its job, then end; a signal handler."""
        self.stopping = True

    def _fork(self, slot: Slot) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            end_with_parent(parent, signal.SIGKILL)
            # Whatever happens here must never return into the pool's own loop.
            code = 1
            try:
                code = worker.serve(slot.queue, self.settings)
            finally:
                os._exit(code)
        slot.pid, slot.started_s = pid, time.monotonic()

    def _collect(self) -> None:
        for slot in self.slots:
            if slot.pid is None:
                continue
            pid, status = os.waitpid(slot.pid, os.WNOHANG)
            if pid == 0:
                continue
            slot.pid = None
            if self.stopping:
                continue
            now_s = time.monotonic()
            slot.deaths = 1 if now_s - slot.started_s > STABLE_AFTER_S else slot.deaths + 1
            pause_s = RESTART_PAUSES_S[min(slot.deaths, len(RESTART_PAUSES_S)) - 1]
            slot.not_before_s = now_s + pause_s
            code = os.waitstatus_to_exitcode(status)
            _log.warning("worker_died", queue=slot.queue, pid=pid, code=code, again_in_s=pause_s)

    def _pids(self) -> list[int]:
        return [slot.pid for slot in self.slots if slot.pid is not None]

    def _report(self) -> None:
        pids = self._pids()
        if self.report_fd is not None and pids != self._reported:
            os.write(self.report_fd, json.dumps(pids).encode() + b"\n")
            self._reported = pids


def keys_around(settings: Settings) -> list[Slot]:
    """Return one slot for each worker that the settings ask for."""
    counts = {
        INTAKE: settings.intake_workers,
        SYNC: settings.sync_workers,
        LIFECYCLE: settings.lifecycle_workers,
    }
    return [Slot(queue=queue) for queue, count in counts.items() for _ in range(count)]


def main(argv: list[str] | None = None) -> int:
    """Run the pool until SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m workers.pool")
    parser.add_argument("--report-fd", type=int)
    report_fd: int | None = parser.parse_args(argv).report_fd
    try:
        settings = load_settings(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"The workers can't start: {error}\n")
        return 2
    configure_logging(level=settings.log_level, role="worker")
    pool = Pool(settings=settings, slots=keys_around(settings), report_fd=report_fd)
    worker.install_stop(pool.stop)
    _log.debug("imported", module=jobs.__name__)  # what every job needs is loaded by now, once for all
    gc.freeze()  # what was imported is never collected, so its pages stay shared
    pool.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
