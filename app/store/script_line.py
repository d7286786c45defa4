"""A line of one's own to Redis for one script: the hot path, without the client and the pool between.

redis-py makes the connection and speaks the protocol; its client costs some 0.3 ms of CPU a call, most of it
for a timeout of each step and for figures nobody reads. Here one timeout stands over the whole call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from hashlib import sha1

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

from app.store.connection import AsyncStore, translated
from app.store.failures import StoreUnavailable
from app.store.script import text_of


class ScriptLine:
    """Runs one script, one call at a time, over one connection of the store's pool that it keeps."""

    def __init__(self, store: AsyncStore, name: str, keys: Sequence[str]) -> None:
        """`name` is the script's; `keys` are the same for every call."""
        text = text_of(name)
        self._pool = store.connection_pool
        self._timeout_s: float = self._pool.connection_kwargs["socket_timeout"]
        digest = sha1(text.encode(), usedforsecurity=False).hexdigest()  # the name Redis knows a script by
        self._known = packed("EVALSHA", digest, len(keys), *keys)
        self._whole = packed("EVAL", text, len(keys), *keys)
        self._before = 3 + len(keys)
        self._connection: AbstractConnection | None = None

    async def run(self, arguments: int, parts: Iterable[bytes]) -> str:
        """Return the text the script answers to these `packed` arguments, `arguments` of them.

        A call whose connection is found closed is sent once more on a new one: every script here gives the
        same answer to the same arguments.

        Raises:
            StoreUnavailable: there is no answer, or Redis cannot write; whether it did is not known.
        """
        sent = b"".join(parts)
        count = b"*%d\r\n" % (self._before + arguments)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._answer(count, sent)
        except TimeoutError:
            raise StoreUnavailable(
                f"Redis did not answer within {self._timeout_s} s; nothing was confirmed, try again"
            ) from None
        except RedisError as error:
            raise translated(error) from error

    async def _answer(self, count: bytes, sent: bytes) -> str:
        connection, kept = await self._connected()
        try:
            return await self._call(connection, count, sent)
        except RedisConnectionError:
            if not kept:
                raise
            return await self._call(connection, count, sent)

    async def _connected(self) -> tuple[AbstractConnection, bool]:
        """Return the connection, and whether it was open before: the server may have closed it since."""
        if self._connection is None:
            self._connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
            # The timeout of the whole call is enough; redis-py makes a task for each that it keeps itself.
            self._connection.socket_timeout = None
            return self._connection, False
        return self._connection, self._connection.is_connected

    async def _call(self, connection: AbstractConnection, count: bytes, sent: bytes) -> str:
        try:
            return await _asked(connection, count + self._known + sent)
        except NoScriptError:  # the server is new, or was restarted: it learns the script now
            return await _asked(connection, count + self._whole + sent)


def packed(*arguments: str | int) -> bytes:
    """Return arguments as the protocol of Redis writes them, without their number."""
    texts = [str(value) for value in arguments]
    whole = "".join([f"${len(text)}\r\n{text}\r\n" for text in texts])
    if whole.isascii():  # as nearly everything is; then its length in letters is that in bytes
        return whole.encode()
    return b"".join([b"$%d\r\n%b\r\n" % (len(raw), raw) for raw in map(str.encode, texts)])


async def _asked(connection: AbstractConnection, command: bytes) -> str:
    await connection.send_packed_command(command)
    return str(await connection.read_response())
