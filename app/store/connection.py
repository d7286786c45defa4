"""Connections to Redis, and the one place where its troubles become `StoreUnavailable`.

redis-py repeats every failed command up to ten times, also those that must not be repeated: retries are off
here, so that a command is sent once and its failure is told. A connection that the server closed while it
idled is noticed when it is taken from the pool, and made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.client import Pipeline, Redis
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)
from redis.retry import Retry

from app.store.failures import StoreUnavailable

__all__ = ["AsyncStore", "Store", "StoreUnavailable", "connect", "connect_async", "translated"]

# One process has at most 64 route threads, or 32 of jobs, and a few more; what finds none waits its turn.
MAX_CONNECTIONS = 64
# Answers that mean "not now": they begin an error reply that redis-py has no class for.
_NOT_NOW = ("MISCONF", "LOADING", "READONLY", "OOM", "MASTERDOWN", "NOREPLICAS", "BUSY ", "CLUSTERDOWN")


class Store(Redis):
    """A Redis client whose connection trouble, refusals to write and timeouts are `StoreUnavailable`."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command once; raises StoreUnavailable."""
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        except RedisError as error:
            raise translated(error) from error

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> _StorePipeline:
        """Return a pipeline that translates as this client does."""
        return _StorePipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class AsyncStore(redis.asyncio.Redis):
    """The asynchronous client of the webhook route, translating as `Store` does."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command once; raises StoreUnavailable."""
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        except RedisError as error:
            raise translated(error) from error


class _StorePipeline(Pipeline):
    def execute(self, raise_on_error: bool = True) -> list[Any]:
        try:
            return super().execute(raise_on_error)
        except RedisError as error:
            raise translated(error) from error


def connect(url: str, *, timeout_s: float) -> Store:
    """Return a client that connects when it is first used and waits no longer than `timeout_s` at a time."""
    pool = redis.BlockingConnectionPool.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        timeout=timeout_s,
        max_connections=MAX_CONNECTIONS,
        retry=Retry(NoBackoff(), 0),
    )
    store = Store(connection_pool=pool)
    store.auto_close_connection_pool = True
    return store


def connect_async(url: str, *, timeout_s: float) -> AsyncStore:
    """Return the same as `connect` for the event loop that will use it."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        timeout=timeout_s,
        max_connections=MAX_CONNECTIONS,
        retry=AsyncRetry(NoBackoff(), 0),
    )
    store = AsyncStore(connection_pool=pool)
    store.auto_close_connection_pool = True
    return store


def run(store: Store, calls: Sequence[tuple[str, ...]]) -> list[Any]:
    """Send plain commands in one round trip and return their answers, in order."""
    pipeline = store.pipeline(transaction=False)
    for call in calls:
        pipeline.execute_command(*call)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    return pipeline.execute()


def translated(error: RedisError) -> Exception:
    """Return the trouble as what this room raises: StoreUnavailable where trying again can help."""
    # A pipeline puts the failed command, with what it carries, before the server's words.
    words = str(error).rpartition("of pipeline caused error: ")[2]
    away = isinstance(error, (RedisConnectionError, RedisTimeoutError, OutOfMemoryError, ReadOnlyError))
    if away or (isinstance(error, ResponseError) and words.startswith(_NOT_NOW)):
        return StoreUnavailable(
            f"Redis cannot be used now ({words}); nothing was confirmed, try again when it is back"
        )
    return error
