"""API keys of the REST routes: only digests are stored, a secret is shown once, when it is made.

A secret has 256 bits of randomness, so a plain SHA-256 of it cannot be searched, and needs no salt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from app.domain.codec import CODEC
from app.store import keys
from app.store.connection import Store, run
from app.store.script import load
from app.store.times import micros, time_of

SCOPES = ("orders:read", "orders:write", "admin")
# One a system that calls us, with room for rotation.
MAX_API_KEYS = 1000
_PREFIX = "ow_"
_SECRET_LENGTH = len(_PREFIX) + 43


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Who calls, and what the key allows."""

    id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime


class ApiKeys:
    """Creates, finds and revokes keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._create = load(store, "apikey_create")
        self._revoke = load(store, "apikey_revoke")

    def create(self, name: str, scopes: Sequence[str], *, secret: str, key_id: str, now: datetime) -> ApiKey:
        """Store a key; the same key again changes nothing.

        Raises:
            ValueError: the secret is not one of `secret_of`, the id or secret is another key's, or there
                are MAX_API_KEYS keys.
        """
        if not _well_formed(secret):
            raise ValueError("an API key is 'ow_' and 43 URL-safe characters; let `keys create` make one")
        digest = _digest(secret)
        result = self._create(
            [keys.api_key(digest), keys.API_KEYS],
            [key_id, digest, name, " ".join(sorted(scopes)), micros(now), MAX_API_KEYS],
        )
        if result == "taken":
            raise ValueError(f"key {key_id}: its id or its secret belongs to another key; make a new one")
        if result == "full":
            raise ValueError(f"there are {MAX_API_KEYS} API keys already; revoke those out of use")
        return ApiKey(id=key_id, name=name, scopes=frozenset(scopes), created_at=now)

    def find(self, secret: str) -> ApiKey | None:
        """Return the key of that secret; None when there is none or it was revoked."""
        if not _well_formed(secret):
            return None
        return _api_key(self._store.execute_command("HGETALL", keys.api_key(_digest(secret))))

    def list(self) -> list[ApiKey]:
        """Return all keys, the oldest first."""
        digests = self._store.execute_command("HVALS", keys.API_KEYS)
        records = run(self._store, [("HGETALL", keys.api_key(digest)) for digest in digests])
        found = [key for key in map(_api_key, records) if key]
        return sorted(found, key=lambda key: (key.created_at, key.id))

    def revoke(self, key_id: str) -> bool:
        """Delete the key; from now on its secret finds nothing. False when there is no such key."""
        return bool(self._revoke([keys.API_KEYS], [key_id, keys.API_KEY_PREFIX]))


def _well_formed(secret: str) -> bool:
    return len(secret) == _SECRET_LENGTH and secret.startswith(_PREFIX) and secret.isascii()


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _api_key(fields: dict[str, str]) -> ApiKey | None:
    if not fields:
        return None
    CODEC.known(fields.get("v"), "API key")
    return ApiKey(
        id=fields["id"],
        name=fields["name"],
        scopes=frozenset(fields["scopes"].split()),
        created_at=time_of(fields["created_at"]),
    )
