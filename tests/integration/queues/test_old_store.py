"""A store written without schema versions is refused with what to do, and without a traceback."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.store import keys
from app.store.connection import Store


def test_the_command_line_refuses_a_store_without_schema_versions(
    redis: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.hset(keys.API_KEYS, "key_1", "digest")
    redis.hset(keys.api_key("digest"), mapping={"id": "key_1", "name": "old", "scopes": "admin"})
    monkeypatch.setenv("ORDERWIRE_REDIS_URL", redis_url)
    result = CliRunner().invoke(app, ["keys", "list"])
    assert result.exit_code == 1
    assert "Start with an empty store" in result.stderr
    assert "Traceback" not in result.stderr
