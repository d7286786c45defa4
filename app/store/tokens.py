"""Access tokens that an operator put in while everything runs; sealed, each in place of a configured one."""

from __future__ import annotations

from app.domain.codec import Record, decode, encode
from app.store import keys
from app.store.connection import Store
from app.store.script import load


class NewToken(Record, frozen=True, kw_only=True):
    """A sealed token; `instead_of` is the digest of the configured token it stands for."""

    sealed: str
    instead_of: str


class Tokens:
    """Keeps at most one new token a shop. `version` tells every process when to look again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._put = load(store, "token_put")

    def put(self, shop_id: str, token: NewToken) -> None:
        """Keep the token, in place of an earlier one."""
        self._put([keys.TOKENS, keys.TOKENS_VERSION], [shop_id, encode(token)])

    def version(self) -> str:
        """Return a text that changes with every `put`."""
        return str(self._store.execute_command("GET", keys.TOKENS_VERSION) or "")

    def all(self) -> dict[str, NewToken]:
        """Return the token of each shop that has one."""
        found = self._store.execute_command("HGETALL", keys.TOKENS)
        return {shop_id: decode(text, NewToken) for shop_id, text in found.items()}
