"""A server that answers every request with 200 and does nothing: it shows the limit of the generator."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"accepted":1}'
_END = b"\r\n\r\n"


class Answerer(asyncio.Protocol):
    """Counts the requests by their heads; their bodies must not hold an empty line."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        """Answer as many requests as began here."""
        self.transport.write(ANSWER * data.count(_END))


async def serve(port: int) -> None:
    """Answer until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Answerer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
