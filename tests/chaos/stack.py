"""One stack to break: Valkey, the sandbox, the proxies, and `orderwire up` between them."""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.chaos.links import Links
from tests.chaos.processes import StackFailed, parent_of, signal_if, wait_for
from tests.chaos.redis_server import RedisServer
from tests.chaos.seeded_bugs import SEEDED_BUGS
from tests.support.ports import free_port
from tests.support.processes import ROOT, bare_environment, orderwire, start, stop

_READY_S = 60.0
SHOP_ID, PAGE_ID = "900000000000017", "800000000000017"
# Short waits, so that minutes of the real schedule fit into seconds; the most attempts outlast every fault.
SETTINGS = {
    "ORDERWIRE_ATTEMPT_TIMEOUT_S": "1",
    "ORDERWIRE_READ_TIMEOUT_S": "2",
    "ORDERWIRE_RETRY_DELAY_S": "0.3",
    "ORDERWIRE_MAX_ATTEMPTS": "12",
    "ORDERWIRE_RECONCILE_INTERVAL_S": "5",
    "ORDERWIRE_RECONCILE_OVERLAP_S": "60",
    "ORDERWIRE_SWEEP_INTERVAL_S": "1",
    "ORDERWIRE_LOG_LEVEL": "INFO",
}
# What a role's command line contains, so that no other process is ever signalled.
ROLES: Mapping[str, str] = {
    "api": "app.http",
    "worker": "workers.",
    "pool": "workers.pool",
    "scheduler": "workers.schedule",
    "redis": "valkey",
}


@dataclass(slots=True, kw_only=True)
class Stack:
    """Where everything is, and the hands to break it with; `settings` and `bug` vary it."""

    folder: Path
    seed: int
    settings: Mapping[str, str] = field(default_factory=dict)
    bug: str | None = None
    redis: RedisServer = field(init=False)
    links: Links = field(init=False)
    api_key: str = ""
    api_url: str = ""
    platform_url: str = ""
    _secret: str = "chaos-app-secret"  # noqa: S105 - opens this sandbox only
    _token: str = "chaos-access-token"  # noqa: S105 - the same
    _redis_port: int = 0
    _graph_port: int = 0
    _sandbox: subprocess.Popen[bytes] | None = None
    _up: subprocess.Popen[bytes] | None = None

    def start_platform(self) -> None:
        """Start Valkey, the sandbox and the proxies. Raises StackFailed."""
        self.redis = RedisServer(self.folder / "valkey")
        sandbox_port, self._redis_port, self._graph_port = free_port(), free_port(), free_port()
        self.platform_url = f"http://127.0.0.1:{sandbox_port}"
        shops = [{"cms_id": SHOP_ID, "page_id": PAGE_ID, "access_token": self._token, "name": "Chaos"}]
        sandbox_env = _environment_of_this_tree() | {
            "SANDBOX_APP_SECRET": self._secret,
            "SANDBOX_SHOPS": json.dumps(shops),
            "SANDBOX_SEED": str(self.seed),
        }
        sandbox = start(
            [sys.executable, "-m", "sandbox", "--port", str(sandbox_port)],
            env=sandbox_env,
            log=self.folder / "sandbox.log",
        )
        self._sandbox = sandbox
        wait_for(
            "The sandbox",
            lambda: _answers(f"{self.platform_url}/_sandbox/health"),
            timeout_s=_READY_S,
            alive=lambda: sandbox.poll() is None,
        )
        pairs = [(self._redis_port, self.redis.port), (self._graph_port, sandbox_port)]
        self.links = Links.open(pairs, self.folder / "wire.log")

    def start_orderwire(self) -> None:
        """Make an API key and start `orderwire up` behind the proxies. Raises StackFailed."""
        env = self._environment()
        self.api_key = self._make_key(env)
        port = free_port()
        self.api_url = f"http://127.0.0.1:{port}"
        up = start(
            [
                *(orderwire(), "up", "--no-sandbox"),
                *("--port", str(port), "--dashboard-port", "0"),
                *("--data-dir", str(self.folder / "data"), "--ready-file", str(self.folder / "ready.json")),
            ],
            env=env,
            log=self.folder / "up.log",
        )
        self._up = up
        try:
            wait_for(
                "orderwire up",
                (self.folder / "ready.json").exists,
                timeout_s=_READY_S,
                alive=lambda: up.poll() is None,
            )
        except StackFailed as failure:
            raise StackFailed(f"{failure}; {self.folder / 'up.log'} says why") from failure

    def pids(self, role: str) -> list[int]:
        """Return the pids of a role as the ready file tells them now; `pool` is what forks the workers."""
        if role == "pool":
            return [parent for pid in self.pids("worker")[:1] if (parent := parent_of(pid))]
        if role == "redis":
            return [self.redis.pid]
        try:
            return list(json.loads((self.folder / "ready.json").read_text())["pids"][role])
        except (OSError, ValueError, KeyError):
            return []

    def signal(self, role: str, pid: int, number: signal.Signals) -> bool:
        """Signal a process of ours; False when that pid is no longer it."""
        return signal_if(pid, ROLES[role], number)

    def log_has(self, text: str) -> bool:
        """Whether the stack has said this."""
        log = self.folder / "up.log"
        return log.exists() and text in log.read_text(errors="replace")

    def check_bug(self) -> None:
        """Raise StackFailed when a target of the seeded bug was patched by no process."""
        absent = (
            SEEDED_BUGS[self.bug].absent_from((self.folder / "up.log").read_text(errors="replace"))
            if self.bug
            else []
        )
        if absent:
            raise StackFailed(f"{self.bug} was not seeded into {', '.join(absent)}; see {self.folder}")

    def stop(self) -> None:
        """End everything, whatever state it is in."""
        for role in ("worker", "api", "scheduler"):
            for pid in self.pids(role):
                self.signal(role, pid, signal.SIGCONT)
        for process in (self._up, self._sandbox):
            if process is not None:
                stop(process)
        if hasattr(self, "links"):
            self.links.close()
        if hasattr(self, "redis"):
            self.redis.kill()

    def _environment(self) -> dict[str, str]:
        key = random.Random(self.seed).randbytes(32)  # noqa: S311 - seals invented buyers only
        env = _environment_of_this_tree() | {
            "ORDERWIRE_REDIS_URL": f"redis://127.0.0.1:{self._redis_port}/0",
            "ORDERWIRE_GRAPH_URL": f"http://127.0.0.1:{self._graph_port}",
            "ORDERWIRE_APP_SECRETS": self._secret,
            "ORDERWIRE_VERIFY_TOKEN": "chaos-verify-token",
            "ORDERWIRE_SHOP_ID": SHOP_ID,
            "ORDERWIRE_SHOP_PAGE_ID": PAGE_ID,
            "ORDERWIRE_SHOP_ACCESS_TOKEN": self._token,
            "ORDERWIRE_SEALING_KEYS": base64.b64encode(key).decode(),
            **SETTINGS,
            **self.settings,
        }
        if self.bug is not None:
            hook = ROOT / "tests" / "chaos" / "seeded_bugs" / "site"
            env |= {"PYTHONPATH": f"{hook}{os.pathsep}{ROOT}", "CHAOS_SEEDED_BUG": self.bug}
        return env

    def _make_key(self, env: Mapping[str, str]) -> str:
        scopes = [part for scope in ("orders:read", "orders:write", "admin") for part in ("--scope", scope)]
        made = subprocess.run(  # noqa: S603 - our own program
            [orderwire(), "keys", "create", "--name", "chaos", *scopes],
            env=dict(env),
            capture_output=True,
            text=True,
            check=False,
            timeout=_READY_S,
            cwd=ROOT,
        )
        if made.returncode != 0:
            raise StackFailed(f"orderwire keys create: {made.stderr.strip()}")
        return made.stdout.strip().splitlines()[-1].strip()


def _environment_of_this_tree() -> dict[str, str]:
    # The tree this file stands in is the one it judges, wherever another may be installed.
    return bare_environment() | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
