"""One keep-alive connection that speaks just enough HTTP/1.1: one request at a time, bodies by length."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

MAX_ANSWER_BYTES = 8 * 1024 * 1024
_LENGTH = b"content-length:"


class Line(asyncio.Protocol):
    """Calls `done(line, status, body)` for every request; status 0 when the connection broke."""

    def __init__(self, done: Callable[[Line, int, bytes], None]) -> None:
        self._done = done
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._needed = 0
        self.busy = False
        self.number = 0  # of the request under way, as the sender counts

    @classmethod
    async def open(cls, port: int, done: Callable[[Line, int, bytes], None]) -> Line:
        """Connect to a port of 127.0.0.1."""
        _, line = await asyncio.get_running_loop().create_connection(lambda: cls(done), "127.0.0.1", port)
        return line

    @property
    def usable(self) -> bool:
        """Whether a request can be sent now."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, number: int, request: bytes) -> None:
        """Send a whole request; the line is busy until `done` is called."""
        self.number, self.busy = number, True
        self._received, self._needed = b"", 0
        if self._transport is None or self._transport.is_closing():
            self._finish(0, b"")
            return
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection."""
        self.busy = False
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        """Collect a response until it has its full length."""
        self._received = self._received + data if self._received else data
        if not self._needed:
            self._needed = _whole_length(self._received)
        if self._needed and len(self._received) >= self._needed:
            answer = self._received
            self._finish(int(answer[9:12]), answer[answer.index(b"\r\n\r\n") + 4 :])
        elif len(self._received) > MAX_ANSWER_BYTES and self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own signature
        """Report to the sender that the open request gets no response."""
        self._transport = None
        if self.busy:
            self._finish(0, b"")

    def _finish(self, status: int, body: bytes) -> None:
        self.busy = False
        self._done(self, status, body)


def _whole_length(received: bytes) -> int:
    """Return the length of the whole response once its head is complete, else 0."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = received[:end].lower()
    at = head.find(_LENGTH)
    if at < 0:
        raise ValueError("the server answered without a Content-Length; this client reads no other bodies")
    return end + 4 + int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
