"""A line to the webhook endpoint: one kept connection that posts bodies and reads the status.

A sale day's ten thousand single deliveries would otherwise be spent on an HTTP client: this costs a tenth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

MAX_HEAD = 64 * 1024
# An answer's body is read past to keep the connection; a larger one costs the connection instead.
MAX_BODY = 64 * 1024


class LineError(Exception):
    """The endpoint did not answer, or not in HTTP."""


class Line:
    """Posts one body at a time to plain http addresses; opens its connection again if it was closed."""

    def __init__(self) -> None:
        self._place: tuple[str, int] | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> int:
        """Return the status the endpoint answered.

        Raises:
            LineError: no answer within the time, no connection, or no HTTP.
        """
        target = urlsplit(url)
        place = (target.hostname or "", target.port or 80)
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        host = target.netloc.rpartition("@")[2]
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        sent = "\r\n".join([*lines, "", ""]).encode() + body
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(place, sent)
        except TimeoutError:
            self.close()
            raise LineError(f"no answer within {timeout_s} s") from None
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
            self.close()
            raise LineError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = self._place = None

    async def _exchange(self, place: tuple[str, int], sent: bytes) -> int:
        kept = self._streams is not None and self._place == place
        if kept and self._streams is not None and self._streams[0].at_eof():
            kept = False
        if not kept:
            await self._connect(place)
        try:
            return await self._answer(sent)
        except (ConnectionError, asyncio.IncompleteReadError):
            if not kept:
                raise
            # The endpoint closed the idle connection at the same time: treat it as no connection.
            await self._connect(place)
            return await self._answer(sent)

    async def _connect(self, place: tuple[str, int]) -> None:
        self.close()
        try:
            self._streams = await asyncio.open_connection(*place, limit=MAX_HEAD)
        except OSError as error:
            raise LineError(f"ConnectError: {error}") from error
        self._place = place

    async def _answer(self, sent: bytes) -> int:
        if self._streams is None:
            raise ConnectionError("the connection is closed")
        reader, writer = self._streams
        writer.write(sent)
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        status = int(head[0].split(b" ", 2)[1])
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in head[1:] if line)
        }
        length = fields.get(b"content-length", b"")
        closes = fields.get(b"connection", b"").lower() == b"close"
        if length.isdigit() and int(length) <= MAX_BODY and not closes:
            await reader.readexactly(int(length))
        else:
            self.close()
        return status
