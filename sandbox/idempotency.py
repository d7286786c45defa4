"""The platform's store of idempotency keys: a key always gets its first answer."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from .errors import invalid
from .rules import assumed, documented

MAX_ANSWERS = 1_000_000  # ten writes for each of 100,000 orders; beyond, the oldest key is forgotten
_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """The first answer to a key, and the fingerprint of the request it answered."""

    fingerprint: bytes
    status: int
    body: bytes


class Answers:
    """Remembers answers by key, failures included."""

    def __init__(self) -> None:
        self._answers: dict[str, StoredAnswer] = {}

    @documented(
        "The same key and request replays exactly the first answer",
        source="Using the API; Best practices: Orders",
    )
    @assumed(
        "The same key with another request is HTTP 400, code 100",
        why="the docs say error and publish no number",
    )
    @assumed("Keys are global: not per shop, order or edge", why='the docs ask for "globally unique" keys')
    def replay(self, key: str, fingerprint: bytes) -> StoredAnswer | None:
        """Return the stored answer to a key, or None for a new key.

        Raises:
            RefusedError: the key was used for another request (code 100).
        """
        stored = self._answers.get(key)
        if stored is not None and stored.fingerprint != fingerprint:
            raise invalid(f"idempotency_key {key} was already used with a different request")
        return stored

    @documented("Coded failures are stored too and replayed", source="Acknowledgement API reference")
    @assumed(
        "Throttling and 5xx answers are not stored under the key",
        why="they come before the request is executed",
    )
    def store(self, key: str, fingerprint: bytes, *, status: int, body: bytes) -> None:
        """Keep the first answer to a key."""
        if len(self._answers) >= MAX_ANSWERS:
            del self._answers[next(iter(self._answers))]
        self._answers[key] = StoredAnswer(fingerprint=fingerprint, status=status, body=body)


@documented(
    "A key is at most 100 letters, digits and dashes", source="Using the API; underscores are let through"
)
@assumed("A missing key is code 100", why="Graph practice for a missing required parameter")
def checked_key(value: object) -> str:
    """Return the key of a write.

    Raises:
        RefusedError: it is missing, too long, or has other characters (code 100).
    """
    if value in (None, ""):
        raise invalid("The parameter idempotency_key is required")
    key = str(value)
    if not _KEY.fullmatch(key):
        raise invalid("idempotency_key takes 1 to 100 letters, digits and dashes")
    return key


@assumed(
    "Requests are compared by method, path without version and parameters without token, in any encoding",
    why='"different requests" is all the docs say',
)
def fingerprint(method: str, path: str, params: dict[str, Any]) -> bytes:
    """Return what makes two requests the same one; `params` come without secrets."""
    meant = {name: _plain(value) for name, value in params.items() if name != "idempotency_key"}
    text = json.dumps([method, path, meant], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _plain(value: Any) -> Any:
    """Return the value with scalars as text, because forms have only text."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)
