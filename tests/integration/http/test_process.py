from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.integration.http.conftest import Served, environment
from tests.support.ports import free_port

COMMAND = [sys.executable, "-m", "app.http"]


def start(env: Mapping[str, str]) -> subprocess.Popen[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ORDERWIRE_")}
    return subprocess.Popen(COMMAND, env={**plain, **env}, stderr=subprocess.PIPE, text=True)  # noqa: S603 - ours


def await_alive(url: str) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"{url}/livez").raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < until, "the API did not start"
            time.sleep(0.05)
        else:
            return


def test_a_process_told_to_stop_answers_those_who_wait_and_ends_cleanly(api: Served, redis_url: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    order_id = api.place()
    headers = {"Authorization": f"Bearer {api.key('orders:write')}", "Prefer": "wait=30"}
    process = start({**environment(redis_url, api.platform), "ORDERWIRE_PORT": str(port)})
    with process, ThreadPoolExecutor(1) as pool:
        await_alive(url)
        waiting = pool.submit(
            httpx.post, f"{url}/v1/orders/{order_id}/acknowledgement", headers=headers, timeout=30
        )
        until = time.monotonic() + 10
        while not api.orderwire.commands.list(limit=1).items:
            assert time.monotonic() < until, "no command was made"
            time.sleep(0.05)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        answer = waiting.result()
        _, log = process.communicate(timeout=15)
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert time.monotonic() - began < 8
    assert process.returncode == 0, log
    assert "Traceback" not in log


def test_a_process_without_its_settings_says_which_and_does_not_start() -> None:
    with start({"ORDERWIRE_APP_SECRETS": "x"}) as process:
        _, told = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "ORDERWIRE_REDIS_URL" in told
    assert "Traceback" not in told
