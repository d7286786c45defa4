"""Orderwire as it is deployed, one process tree per role, used only through commands, variables and HTTP."""

from __future__ import annotations

import base64
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.parts.platform import ACCESS_TOKEN, APP_SECRET, GRAPH_VERSION, PAGE_ID, SHOP_ID
from bench.parts.processes import BenchFailed, environment, free_port, process, run, wait_for
from bench.parts.valkey import Valkey

_TIMEOUT_S = 30.0
# What `orderwire up` starts, by role; each can be started and stopped alone here.
_ROLES = {"api": "app.http", "workers": "workers.pool", "scheduler": "workers.schedule"}
ORDERWIRE = str(Path(sys.executable).with_name("orderwire"))


def variables(store: Valkey, *, port: int, graph_url: str) -> dict[str, str]:
    """Return the settings of one shop against this platform; everything else has its default."""
    return environment(
        ORDERWIRE_REDIS_URL=store.url,
        ORDERWIRE_PORT=str(port),
        ORDERWIRE_GRAPH_URL=graph_url,
        ORDERWIRE_GRAPH_VERSION=GRAPH_VERSION,
        ORDERWIRE_APP_SECRETS=APP_SECRET,
        ORDERWIRE_VERIFY_TOKEN="bench",  # noqa: S106 - opens nothing
        ORDERWIRE_SHOP_ID=SHOP_ID,
        ORDERWIRE_SHOP_PAGE_ID=PAGE_ID,
        ORDERWIRE_SHOP_ACCESS_TOKEN=ACCESS_TOKEN,
        ORDERWIRE_SEALING_KEYS=base64.b64encode(bytes(32)).decode(),
        ORDERWIRE_LOG_LEVEL="WARNING",
    )


@dataclass(slots=True, kw_only=True)
class Ours:
    """Orderwire over one Redis. Roles are started by name, and all stop at the end of the block of `ours`."""

    store: Valkey
    port: int
    env: dict[str, str]
    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _stacks: dict[str, contextlib.ExitStack] = field(default_factory=dict)
    _http: httpx.Client | None = None

    def start(self, *roles: str) -> None:
        """Start roles: api, workers, scheduler; returns when the API answers. Raises BenchFailed."""
        for role in roles:
            argv = [sys.executable, "-m", _ROLES[role]]
            stack = self._stacks[role] = contextlib.ExitStack()
            log = self.folder / f"{role}.log"
            self.running[role] = stack.enter_context(process(argv, env=self.env, log=log))
        if "api" in roles:
            log = self.folder / "api.log"
            wait_for("Orderwire's API", lambda: self._says("/livez"), child=self.running["api"], log=log)

    def wait_ready(self) -> None:
        """Wait until `/readyz` answers 200. Raises BenchFailed."""
        log = self.folder / "workers.log"
        wait_for("Orderwire", lambda: self._says("/readyz"), child=self.running["workers"], log=log)

    def stop(self, role: str) -> None:
        """Stop one role."""
        self.running.pop(role)
        self._stacks.pop(role).close()

    def roots(self) -> dict[str, list[int]]:
        """Return the processes whose trees are measured, by part."""
        parts = {role: [child.pid] for role, child in self.running.items()}
        return parts | {"redis": [self.store.pid]}

    def make_key(self) -> str:
        """Create an API key with all scopes, and use it for `get` and `post`."""
        scopes = [part for scope in ("orders:read", "orders:write", "admin") for part in ("--scope", scope)]
        made = run([ORDERWIRE, "keys", "create", "--name", "bench", *scopes], env=self.env)
        key = made.strip().splitlines()[-1].strip()
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT_S,
            trust_env=False,
        )
        return key

    def get(self, path: str) -> dict[str, Any]:
        """Read one REST route; needs `make_key` before. Raises BenchFailed."""
        return self._call("GET", path)

    def post(self, path: str) -> dict[str, Any]:
        """Post to one REST route without a body; needs `make_key` before. Raises BenchFailed."""
        return self._call("POST", path)

    def close(self) -> None:
        """Stop everything, the API first as `orderwire up` does."""
        if self._http is not None:
            self._http.close()
        for role in [role for role in _ROLES if role in self.running]:
            self.stop(role)

    def _call(self, method: str, path: str) -> dict[str, Any]:
        if self._http is None:
            raise BenchFailed("an API key is needed first: Ours.make_key()")
        answer = self._http.request(method, path)
        if answer.is_error:
            raise BenchFailed(f"Orderwire answers {method} {path} with {answer.status_code}: {answer.text}")
        return answer.json()  # type: ignore[no-any-return]

    def _says(self, path: str) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            return httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


@contextlib.contextmanager
def ours(store: Valkey, folder: Path, *, graph_url: str = "http://127.0.0.1:9") -> Iterator[Ours]:
    """Prepare Orderwire over a Redis; `start` runs it. Without a platform it only accepts webhooks."""
    port = free_port()
    made = Ours(store=store, port=port, env=variables(store, port=port, graph_url=graph_url), folder=folder)
    try:
        yield made
    finally:
        made.close()
