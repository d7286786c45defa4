"""Access tokens that an operator put in while everything runs; sealed, each in place of a configured one."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.domain.documents import document_text
from app.store import keys
from app.store.connection import Store
from app.store.script import load


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
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
        text = document_text({"sealed": token.sealed, "instead_of": token.instead_of})
        self._put([keys.TOKENS, keys.TOKENS_VERSION], [shop_id, text])

    def version(self) -> str:
        """Return a text that changes with every `put`."""
        return str(self._store.execute_command("GET", keys.TOKENS_VERSION) or "")

    def all(self) -> dict[str, NewToken]:
        """Return the token of each shop that has one."""
        found = self._store.execute_command("HGETALL", keys.TOKENS)
        return {shop_id: NewToken(**json.loads(text)) for shop_id, text in found.items()}
