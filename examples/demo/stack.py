"""The stack of the demo: `orderwire up` with its sandbox, on free loopback ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
# The demo waits for one reconciliation; 5 s is the shortest interval Orderwire allows. Its orders come one by
# one, so no acknowledgement needs to wait for others.
DEMO_SETTINGS = {
    "ORDERWIRE_RECONCILE_INTERVAL_S": "5",
    "ORDERWIRE_ACKNOWLEDGE_WINDOW_S": "0.1",
    "ORDERWIRE_LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Addresses and keys of the running stack, read from its ready file."""

    api_url: str
    sandbox_url: str
    rq_dashboard_url: str
    api_key: str
    app_secret: str
    shop_id: str


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Start the stack in a temporary folder; at the end stop it and remove the folder.

    Raises:
        SystemExit: the stack did not become ready; the message holds its log.
    """
    with tempfile.TemporaryDirectory(prefix="orderwire-demo-") as folder:
        ready_file = Path(folder, "ready.json")
        log_path = Path(folder, "up.log")
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [
                    *(str(Path(sys.executable).with_name("orderwire")), "up", "--sandbox"),
                    *("--port", "0", "--sandbox-port", "0", "--dashboard-port", "0"),
                    *("--data-dir", str(Path(folder, "data")), "--ready-file", str(ready_file)),
                ],
                env=_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_ready(process, ready_file, log_path)
            ready = json.loads(ready_file.read_text())
            yield Stack(**{name: ready[name] for name in Stack.__dataclass_fields__})
        finally:
            _stop(process)


def _environment() -> dict[str, str]:
    # Settings in the caller's shell must not affect the demo.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDERWIRE_")}
    return inherited | DEMO_SETTINGS


def _wait_ready(process: subprocess.Popen[bytes], ready_file: Path, log_path: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    shown = 0
    while not ready_file.exists():
        lines = log_path.read_text(errors="replace").splitlines()
        for line in lines[shown:]:
            print(f"  {line}", flush=True)
        shown = len(lines)
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(
                f"The stack did not start; the log of `orderwire up`:\n{log_path.read_text(errors='replace')}"
            )
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
