"""Planted bugs of the calls to the platform."""

# ruff: noqa: SLF001 - a planted bug goes where no code of ours may

from __future__ import annotations

import uuid
from dataclasses import replace
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlencode


def key_per_call(module: ModuleType) -> None:
    """Make a new idempotency key for every call."""
    send = module.GraphClient.send

    def rekeyed(self: Any, shop: Any, request: Any, **options: Any) -> Any:
        fields = dict(parse_qsl(request.body, keep_blank_values=True))
        fields["idempotency_key"] = str(uuid.uuid4())
        return send(self, shop, replace(request, body=urlencode(fields)), **options)

    module.GraphClient.send = rekeyed


def new_refund_key(module: ModuleType) -> None:
    """Retry a refund that was not answered under a new key."""
    _new_key(module, frozenset({"refund"}))


def new_key(module: ModuleType) -> None:
    """Retry everything under a new key."""
    _new_key(module, frozenset({"acknowledge", "ship", "update_tracking", "cancel", "refund"}))


def no_read_back(module: ModuleType) -> None:
    """Believe that an attempt without an answer did nothing."""
    if not callable(module._uncertain):
        raise TypeError("run_command decides elsewhere whether to read back; mend this plant")
    module._uncertain = lambda _command: False  # type: ignore[attr-defined]


def _new_key(module: ModuleType, kinds: frozenset[str]) -> None:
    next_step = module.SettleCommand.next_step

    def careless(self: Any, command: Any, outcome: Any, *rest: Any, **named: Any) -> Any:
        step = next_step(self, command, outcome, *rest, **named)
        again = isinstance(step, module.Again) and command.kind.value in kinds
        return replace(step, new_key=True) if again else step

    module.SettleCommand.next_step = careless
