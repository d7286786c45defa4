"""The wire's faults, on real sockets: each does what its name says, and heals."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.links import REDIS, Links
from tests.support.ports import free_port

TIMEOUT_S = 3.0
SETTLE_S = 0.15  # an order to the proxy goes through a pipe


class Echo:
    """Answers every line it gets with the same line, and remembers them."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with closing(client):
            try:
                while data := client.recv(1024):
                    self.heard.append(data)
                    client.sendall(data)
            except OSError:
                return


class Rig:
    def __init__(self, echo: Echo, links: Links, port: int) -> None:
        self.echo, self.links, self.port = echo, links, port

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)

    def fault(self, kind: str, **details: float) -> None:
        self.links.fault(REDIS, kind, **details)
        time.sleep(SETTLE_S)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    echo, port = Echo(), free_port()
    links = Links.open([(port, echo.port)], tmp_path / "wire.log")
    yield Rig(echo, links, port)
    links.close()
    echo.close()


def answered(rig: Rig) -> bool:
    try:
        with rig.connect() as client:
            return ask(client, b"x") == b"x"
    except ConnectionError:
        return False


def ask(client: socket.socket, line: bytes) -> bytes:
    client.sendall(line)
    return client.recv(1024)


def test_a_sound_wire_carries_both_ways(rig: Rig) -> None:
    with rig.connect() as client:
        assert ask(client, b"one") == b"one"


def test_a_swallowed_answer_was_asked_and_ends_the_connection(rig: Rig) -> None:
    with rig.connect() as client:
        rig.fault("swallow", times=1)
        assert ask(client, b"two") == b""
    assert rig.echo.heard == [b"two"]
    with rig.connect() as client:
        assert ask(client, b"three") == b"three"


def test_half_an_answer_is_the_first_half(rig: Rig) -> None:
    with rig.connect() as client:
        rig.fault("half", times=1)
        assert ask(client, b"abcdef") == b"abc"
        assert client.recv(1024) == b""


def test_a_reset_is_seen_as_one(rig: Rig) -> None:
    with rig.connect() as client:
        ask(client, b"x")
        rig.fault("reset")
        with pytest.raises(ConnectionResetError):
            client.recv(1024)


def test_a_cut_wire_takes_no_connection_until_it_heals(rig: Rig) -> None:
    rig.fault("cut", for_s=30)
    assert not answered(rig)
    rig.fault("none")
    with rig.connect() as client:
        assert ask(client, b"y") == b"y"


def test_latency_delays_what_goes_through(rig: Rig) -> None:
    with rig.connect() as client:
        rig.fault("latency", delay_s=0.2, for_s=30)
        started = time.monotonic()
        assert ask(client, b"x") == b"x"
        assert time.monotonic() - started >= 0.4


def test_a_stalled_wire_moves_nothing_and_then_everything(rig: Rig) -> None:
    with rig.connect() as client:
        rig.fault("stall", for_s=0.6)
        started = time.monotonic()
        assert ask(client, b"x") == b"x"
        assert time.monotonic() - started > 0.3
