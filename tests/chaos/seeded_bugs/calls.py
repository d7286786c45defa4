"""Seeded bugs of the calls to the platform."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode


def key_per_call(send: Any, module: Any) -> Callable[..., Any]:
    """Make a new idempotency key for every call."""

    def careless(self: Any, shop: Any, request: Any, **options: Any) -> Any:
        fields = dict(parse_qsl(request.body, keep_blank_values=True))
        fields["idempotency_key"] = str(uuid.uuid4())
        rekeyed = module.WireRequest(path=request.path, body=urlencode(fields))
        return send(self, shop, rekeyed, **options)

    return careless


def new_refund_key(next_step: Any, module: Any) -> Callable[..., Any]:
    """Retry a refund that was not answered under a new key."""
    return _new_key(next_step, module, frozenset({"refund"}))


def new_key(next_step: Any, module: Any) -> Callable[..., Any]:
    """Retry everything under a new key."""
    return _new_key(
        next_step, module, frozenset({"acknowledge", "ship", "update_tracking", "cancel", "refund"})
    )


def no_read_back(uncertain: Any, _module: Any) -> Callable[..., Any]:
    """Believe that an attempt without an answer did nothing."""
    if not callable(uncertain):
        raise TypeError("Whether to read back is decided elsewhere; mend this seeded bug")
    return lambda _command: False


def _new_key(next_step: Any, module: Any, kinds: frozenset[str]) -> Callable[..., Any]:
    def careless(self: Any, command: Any, outcome: Any, *rest: Any, **named: Any) -> Any:
        step = next_step(self, command, outcome, *rest, **named)
        again = isinstance(step, module.Again) and command.kind.value in kinds
        return replace(step, new_key=True) if again else step

    return careless
