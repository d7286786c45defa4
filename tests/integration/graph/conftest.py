"""A platform made of one socket: it answers with the bytes a test gives it, and keeps what came."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from app.domain.admission import Paused, Purpose
from app.domain.shops import Shop
from app.graph.client import AdmittedShop, GraphClient, Reply, open_http

TOKEN = "EAAB-page-token"
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


@dataclass(slots=True)
class AskedAdmission:
    """Admits every call but those the test pauses, and keeps what it was told."""

    paused: dict[Purpose, Paused] = field(default_factory=dict)
    asked: list[Purpose] = field(default_factory=list)
    learned: list[tuple[Reply, bool]] = field(default_factory=list)

    def admit(self, shop: Shop, purpose: Purpose) -> Shop | Paused:
        self.asked.append(purpose)
        return self.paused.get(purpose, shop)

    def learn(self, shop: Shop, reply: Reply, *, probe: bool) -> None:  # noqa: ARG002 - one shop is enough
        self.learned.append((reply, probe))


def admitted(client: GraphClient, shop: Shop) -> AdmittedShop:
    """Return the shop as `send` takes it."""
    answer = client.admit(shop)
    assert not isinstance(answer, Paused)
    return answer


@dataclass(slots=True)
class Line:
    """The far end of the wire. `answers` are used one a request; a float is a pause, None a reset."""

    listener: socket.socket
    answers: list[tuple[bytes | float | None, ...]] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    self._answer(connection)
                except OSError:
                    continue

    def _answer(self, connection: socket.socket) -> None:
        head, _, body = _received(connection).partition(b"\r\n\r\n")
        if not head:
            return
        self.requests.append(head + b"\r\n\r\n" + body)
        for part in self.answers.pop(0):
            if part is None:
                # Linger 0: the close becomes a reset.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return
            if isinstance(part, float):
                time.sleep(part)
            else:
                connection.sendall(part)


def _received(connection: socket.socket) -> bytes:
    came = b""
    while b"\r\n\r\n" not in came:
        chunk = connection.recv(65_536)
        if not chunk:
            return b""
        came += chunk
    head, _, body = came.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def line() -> Iterator[Line]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = Line(listener=server)
        thread = threading.Thread(target=line.serve)
        thread.start()
        yield line
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def shop() -> Shop:
    return Shop(id="900", page_id="901", name="Shop", access_token=TOKEN, acknowledge="auto")


@pytest.fixture
def admission() -> AskedAdmission:
    return AskedAdmission()


@pytest.fixture
def open_client(admission: AskedAdmission) -> Iterator[Callable[[str], GraphClient]]:
    opened: list[GraphClient] = []

    def client_at(url: str, app_secret: str | None = None) -> GraphClient:
        client = GraphClient(
            url,
            "v25.0",
            app_secret,
            open_http(url, connections=2),
            admission=admission,
            clock=lambda: NOW,
        )
        opened.append(client)
        return client

    yield client_at
    for client in opened:
        client.close()


@pytest.fixture
def client(line: Line, open_client: Callable[[str], GraphClient]) -> GraphClient:
    return open_client(line.url)
