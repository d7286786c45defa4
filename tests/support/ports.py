"""Free ports that no other test process takes between the search and the use."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import tempfile
from contextlib import closing
from pathlib import Path

# Below Linux's range for outgoing connections (32768 and up), where a free port can be taken a moment later.
PORTS = range(20_000, 32_000)
MAX_TRIES = 200
# One lock file per port; the kernel releases a lock when its process ends, however it ends.
_LOCKS = Path(tempfile.gettempdir()) / f"orderwire-ports-{os.getuid()}"


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, reserved among test processes until this one ends.

    Raises RuntimeError when no port is found in 200 tries.
    """
    _LOCKS.mkdir(exist_ok=True, mode=0o700)
    for _ in range(MAX_TRIES):
        port = secrets.choice(PORTS)
        if _reserve(port) and _is_free(port):
            return port
    raise RuntimeError(f"No free port was found between {PORTS.start} and {PORTS.stop}.")


def _reserve(port: int) -> bool:
    # The descriptor stays open on purpose: it holds the lock.
    lock = os.open(_LOCKS / str(port), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    return True


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
