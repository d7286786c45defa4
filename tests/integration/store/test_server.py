"""The store's tests run on the server they were asked to run on: Valkey 9, or what TEST_SERVER names."""

from __future__ import annotations

import os

from app.store.connection import Store
from tests.support.servers import CHOICE

EXPECTED = {"": ("valkey", "9"), "valkey-8": ("valkey", "8"), "redis-8": ("redis", "8")}


def test_the_server_is_the_one_that_was_asked_for(redis: Store) -> None:
    info = redis.info("server")
    name = info.get("server_name", "redis")
    version = info["valkey_version"] if name == "valkey" else info["redis_version"]
    assert (name, version.split(".")[0]) == EXPECTED[os.environ.get(CHOICE, "")]
