"""The journal: every effect, and every Graph call that was received."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .ledger.model import By

MAX_CALLS = 200_000  # two calls for each of the 100,000 orders the sandbox holds
MAX_EFFECTS = 1_000_000  # ten changes an order; beyond, the oldest are forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One effect: a change of one order. `key` is None for changes by the buyer or Meta."""

    number: int
    order_id: str
    kind: str
    by: By
    key: str | None
    at: datetime
    request: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the effect as the control API shows it."""
        return {
            "order_id": self.order_id,
            "kind": self.kind,
            "by": self.by,
            "idempotency_key": self.key,
            "at": self.at.isoformat(),
            "request": self.request,
        }


@dataclass(slots=True, kw_only=True)
class GraphCall:
    """One call as it was received; not frozen, because its status is known only once it is answered."""

    number: int
    order_id: str | None
    kind: str
    method: str
    path: str
    key: str | None
    at: datetime
    request: dict[str, Any]
    status: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the call as the control API shows it; `status` is null without an answer."""
        return {
            "order_id": self.order_id,
            "kind": self.kind,
            "method": self.method,
            "path": self.path,
            "idempotency_key": self.key,
            "at": self.at.isoformat(),
            "request": self.request,
            "status": self.status,
        }


class Journal:
    """Stores effects and calls in order; both lists are bounded and drop their oldest entries."""

    def __init__(self) -> None:
        self._effects: deque[Effect] = deque(maxlen=MAX_EFFECTS)
        self._calls: deque[GraphCall] = deque(maxlen=MAX_CALLS)
        self._effects_seen = 0
        self._calls_seen = 0

    def effect(
        self, order_id: str, kind: str, *, by: By, key: str | None, at: datetime, request: dict[str, Any]
    ) -> None:
        """Record that an order changed."""
        self._effects_seen += 1
        self._effects.append(
            Effect(
                number=self._effects_seen,
                order_id=order_id,
                kind=kind,
                by=by,
                key=key,
                at=at,
                request=request,
            )
        )

    def call(
        self,
        *,
        order_id: str | None,
        kind: str,
        method: str,
        path: str,
        key: str | None,
        at: datetime,
        request: dict[str, Any],
    ) -> GraphCall:
        """Record that a call was received; the caller sets its status later."""
        self._calls_seen += 1
        call = GraphCall(
            number=self._calls_seen,
            order_id=order_id,
            kind=kind,
            method=method,
            path=path,
            key=key,
            at=at,
            request=request,
        )
        self._calls.append(call)
        return call

    def effects(
        self, *, kind: str | None, order_id: str | None, by: str | None, after: int = 0
    ) -> Iterator[Effect]:
        """Return the effects that fit, oldest first, beyond number `after`."""
        for effect in self._effects:
            if (
                effect.number > after
                and kind in {None, effect.kind}
                and order_id in {None, effect.order_id}
                and by in {None, effect.by}
            ):
                yield effect

    def calls(
        self, *, kind: str | None, order_id: str | None, method: str | None, after: int = 0
    ) -> Iterator[GraphCall]:
        """Return the calls that fit, oldest first, beyond number `after`."""
        for call in self._calls:
            if (
                call.number > after
                and kind in {None, call.kind}
                and order_id in {None, call.order_id}
                and method in {None, call.method}
            ):
                yield call
