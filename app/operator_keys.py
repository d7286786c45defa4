"""The API keys as the operator's commands see them: made, listed and revoked straight in the store."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from app.settings import Settings
from app.store.apikeys import ApiKeys
from app.store.connection import connect

SCOPES = ("orders:read", "orders:write", "admin")
TIMEOUT_S = 5.0


@contextmanager
def open_keys(settings: Settings) -> Iterator[ApiKeys]:
    """Give the keys of these settings' Redis. Raises SettingsError without a URL."""
    redis = connect(settings.require_redis_url(), timeout_s=TIMEOUT_S)
    try:
        yield ApiKeys(redis)
    finally:
        redis.close()


def make_key(keys: ApiKeys, *, name: str, scopes: tuple[str, ...], secret: str | None = None) -> str:
    """Make a key and return its secret, stored nowhere in the clear; 256 random bits unless given."""
    secret = secret or "ow_" + secrets.token_urlsafe(32)
    key_id = f"key_{secrets.token_hex(8)}"
    keys.create(name, scopes, secret=secret, key_id=key_id, now=datetime.now(UTC))
    return secret


def make_development_key(settings: Settings, secret: str) -> None:
    """See to it that this secret opens everything; for a stack with the sandbox, and for no other."""
    with open_keys(settings) as keys:
        if keys.find(secret) is None:
            make_key(keys, name="development", scopes=SCOPES, secret=secret)
