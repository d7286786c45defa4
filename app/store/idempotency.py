"""One answer for one idempotency key of one caller: the first, for as long as callers retry."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.codec import CODEC
from app.store import keys
from app.store.connection import Store
from app.store.script import load
from app.store.times import micros, time_of

# Three days: a caller's queue that broke on Friday evening replays on Monday.
KEPT_S = 72 * 3600
# Longer than any request of ours takes (`Prefer: wait` ends at 30 s), so that a claim lapses only when the
# process that held it is gone.
IN_FLIGHT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentAnswer:
    """An answer to store under a caller's key: HTTP status, body as JSON text, headers worth repeating."""

    caller: str
    key: str
    status: int
    body: str
    headers: Mapping[str, str]

    def texts(self) -> tuple[str, str, str]:
        """Return status, body and headers as the scripts take them."""
        return str(self.status), self.body, json.dumps(dict(self.headers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Go on, under this operation id: the first one this key was claimed for, also after a crash."""

    operation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The operation was answered already, so."""

    status: int
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """Another request is running the operation."""

    retry_after_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatched:
    """The key was used for another request."""


Claim = Claimed | Replayed | InFlight | Mismatched


class Idempotency:
    """Keeps the first answer of every caller's key for KEPT_S."""

    def __init__(self, store: Store) -> None:
        self._claim = load(store, "idempotency_claim")
        self._finish = load(store, "idempotency_finish")
        self._abandon = load(store, "idempotency_abandon")

    def claim(self, caller: str, key: str, fingerprint: str, *, operation_id: str, now: datetime) -> Claim:
        """Claim the key for the request of that fingerprint, or say what became of the first request."""
        answer = self._claim(
            [keys.idempotency(caller, key)],
            [fingerprint, operation_id, micros(now), micros(now + timedelta(seconds=IN_FLIGHT_S)), KEPT_S],
        )
        match answer:
            case ["claimed", operation]:
                return Claimed(operation_id=operation)
            case ["replayed", status, body, headers]:
                return Replayed(status=int(status), body=body, headers=json.loads(headers))
            case ["in_flight", until]:
                return InFlight(retry_after_s=max(1, math.ceil((time_of(until) - now).total_seconds())))
            case ["version", version]:
                CODEC.known(version, "idempotency record")
                return InFlight(retry_after_s=1)  # an older version that is still read: it expires by itself
            case _:
                return Mismatched()

    def finish(self, answer: IdempotentAnswer) -> None:
        """Store the answer under its claimed key; the first one stays."""
        self._finish([keys.idempotency(answer.caller, answer.key)], [*answer.texts(), KEPT_S])

    def abandon(self, caller: str, key: str) -> None:
        """Give the claim up, so that the same key may be tried again, also with another body."""
        self._abandon([keys.idempotency(caller, key)], [])
