"""The process tree of `orderwire up`: what it writes, what it survives, how it ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import Stack, start_stack, stop_stack
from tests.support.processes import eventually

pytestmark = pytest.mark.timeout(150)
MEMBERS = (
    *("api_url", "sandbox_url", "redis_url", "rq_dashboard_url", "api_key", "app_secret", "verify_token"),
    *("shop_id", "access_token", "pids"),
)
ROLES = ("redis", "api", "worker", "scheduler", "dashboard", "sandbox")


def all_pids(stack: Stack) -> set[int]:
    return {pid for pids in stack.ready["pids"].values() for pid in pids}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A zombie still answers signals; it is gone for our purpose.
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def is_well(stack: Stack) -> bool:
    try:
        ready = httpx.get(stack.ready["api_url"] + "/readyz", timeout=3)
        board = httpx.get(stack.ready["rq_dashboard_url"] + "/livez", timeout=3)
        sandbox = httpx.get(stack.ready["sandbox_url"] + "/_sandbox/health", timeout=3)
    except httpx.HTTPError:
        return False
    return (ready.status_code, board.status_code, sandbox.status_code) == (200, 200, 200)


def test_the_ready_file_is_private_and_says_everything(stack: Stack) -> None:
    mode = stat.S_IMODE((stack.folder / "ready.json").stat().st_mode)
    ready = stack.ready
    assert mode == 0o600
    assert sorted(ready) == sorted(MEMBERS)
    assert sorted(ready["pids"]) == sorted(ROLES)
    assert all(alive(pid) for pid in all_pids(stack))
    assert len(ready["pids"]["worker"]) == 4


def test_no_secret_stands_in_an_argument_list(stack: Stack) -> None:
    ready = stack.ready
    for pid in all_pids(stack):
        arguments = Path(f"/proc/{pid}/cmdline").read_text()
        for secret in ("api_key", "app_secret", "verify_token", "access_token", "redis_url"):
            assert ready[secret] not in arguments


def test_the_development_key_opens_the_routes_and_no_key_opens_none(stack: Stack) -> None:
    assert stack.api("GET", "/v1/orders").status_code == 200
    assert httpx.get(stack.ready["api_url"] + "/v1/orders").status_code == 401


def test_a_second_stack_on_the_same_data_is_refused_and_says_who_holds_it(stack: Stack) -> None:
    orderwire = str(Path(sys.executable).with_name("orderwire"))
    data = str(stack.folder / "data")
    second = subprocess.run(  # noqa: S603 - our own command line
        [orderwire, "up", "--port", "0", "--data-dir", data],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 2
    assert f"process {stack.process.pid}" in second.stderr
    assert "--data-dir" in second.stderr


@pytest.mark.parametrize("role", ROLES)
def test_a_child_that_is_killed_comes_back_with_its_new_pid_in_the_ready_file(
    stack: Stack, role: str
) -> None:
    before = stack.ready
    killed = before["pids"][role][0]
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: killed not in stack.ready["pids"][role])
    assert eventually(lambda: len(stack.ready["pids"][role]) == len(before["pids"][role]))
    assert eventually(lambda: is_well(stack), 20)
    assert {name: stack.ready[name] for name in before if name != "pids"} == {
        name: before[name] for name in before if name != "pids"
    }
    # What was accepted before is still there, whoever died.
    assert stack.api("GET", "/v1/orders").status_code == 200


def test_stopping_ends_every_process_and_starting_again_finds_data_and_secrets(tmp_path: Path) -> None:
    first = start_stack(tmp_path)
    kept, pids = first.ready, all_pids(first)
    assert stop_stack(first) == 0
    assert not any(alive(pid) for pid in pids)
    assert not (tmp_path / "ready.json").exists()

    second = start_stack(tmp_path)
    again, pids = second.ready, all_pids(second)
    assert again["api_key"] == kept["api_key"]
    assert second.api("GET", "/v1/orders").status_code == 200

    second.process.kill()
    second.process.wait(10)
    assert eventually(lambda: not any(alive(pid) for pid in pids), 20)
