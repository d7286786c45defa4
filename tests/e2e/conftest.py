"""One stack of `orderwire up` with its sandbox for the whole session, as an operator would start it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import STOP_S, bare_environment, eventually, orderwire, start, stop

START_S = 60.0
HERE = Path(__file__).parent
# Retries and polls that a person would wait minutes for; tests that need other values start their own stack.
QUICK = {
    "ORDERWIRE_RETRY_DELAY_S": "2",
    "ORDERWIRE_RECONCILE_INTERVAL_S": "5",
    "ORDERWIRE_SWEEP_INTERVAL_S": "2",
    "ORDERWIRE_ACKNOWLEDGE_WINDOW_S": "0.1",
    "ORDERWIRE_LOG_LEVEL": "WARNING",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            # All on one worker of xdist, so that the stack starts once.
            item.add_marker(pytest.mark.xdist_group("stack"))


@dataclass(slots=True)
class Stack:
    """A running `orderwire up`; `ready` is what its ready file says at this moment."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def ready(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "ready.json").read_text())
        return document

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the internal REST routes with the development key."""
        ready = self.ready
        headers = {"Authorization": f"Bearer {ready['api_key']}", **options.pop("headers", {})}
        return httpx.request(method, ready["api_url"] + path, headers=headers, timeout=35, **options)

    def sandbox(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the sandbox; control routes start with /_sandbox."""
        return httpx.request(method, self.ready["sandbox_url"] + path, timeout=35, **options)

    def log(self) -> str:
        return (self.folder / "up.log").read_text(errors="replace")


def start_stack(folder: Path, **settings: str) -> Stack:
    """Start a stack in this folder and wait until it is ready."""
    # A folder that had a stack before has its data and secrets again.
    arguments = [
        "--port",
        "0",
        "--data-dir",
        str(folder / "data"),
        "--ready-file",
        str(folder / "ready.json"),
    ]
    process = start(
        [orderwire(), "up", "--sandbox", *arguments],
        env={**bare_environment(), **QUICK, **settings},
        log=folder / "up.log",
    )
    stack = Stack(process, folder)
    if not eventually(lambda: (folder / "ready.json").exists() or process.poll() is not None, START_S):
        process.terminate()
    if not (folder / "ready.json").exists():
        process.wait(STOP_S)
        pytest.fail(f"the stack did not become ready:\n{stack.log()}")
    return stack


def stop_stack(stack: Stack) -> int:
    """Stop it as systemd or Ctrl-C would; return the exit code."""
    return stop(stack.process)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = start_stack(tmp_path_factory.mktemp("stack"))
    try:
        yield running
    finally:
        stop_stack(running)
