"""The sandbox as a process: ``python -m sandbox``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import httpx


def start(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - the program under test
        [sys.executable, "-m", "sandbox", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        cwd=tmp_path,
    )


def out(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def test_it_says_its_url_takes_secrets_from_the_environment_and_ends_cleanly(tmp_path: Path) -> None:
    shops = [
        {"cms_id": "11", "page_id": "12", "access_token": "t1", "name": "Größe"},
        {"cms_id": "21", "page_id": "22", "access_token": "t2"},
    ]
    process = start(tmp_path, SANDBOX_SHOPS=json.dumps(shops), SANDBOX_APP_SECRET="s")
    try:
        url = json.loads(out(process.stdout).readline())["url"]
        shown = httpx.get(
            f"{url}/11", params={"fields": "display_name"}, headers={"Authorization": "Bearer t1"}
        )
        assert shown.json() == {"display_name": "Größe", "id": "11"}
        assert httpx.get(f"{url}/22", headers={"Authorization": "Bearer t2"}).json()["id"] == "22"
        assert httpx.get(f"{url}/_sandbox/health").json() == {"status": "ok"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert out(process.stderr).read() == ""
    finally:
        process.kill()
        process.communicate()


def test_options_that_make_no_sense_end_it_with_the_reason(tmp_path: Path) -> None:
    process = start(tmp_path, SANDBOX_SHOPS="[{}]")
    _, told = process.communicate(timeout=20)
    assert process.returncode == 2
    assert told.startswith("The sandbox can't start: SANDBOX_SHOPS is a JSON list like")
