"""Planted bugs of the lanes."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

_GUARDS = (
    "if tonumber(found[3]) > now then return { 'leased', found[3], shop } end",
    "if redis.call('LINDEX', at.lane, 0) ~= id then return { 'not_head', '', shop } end",
)


def no_guard(module: ModuleType) -> None:
    """Take the guards out of the script that takes a lease."""
    text_of = module.text_of

    def unguarded(name: str) -> str:
        text = str(text_of(name))
        if name != "command_take":
            return text
        for guard in _GUARDS:
            if guard not in text:
                raise LookupError(f"command_take.lua has no line {guard!r} any more; mend this plant")
            text = text.replace(guard, "")
        return text

    module.text_of = unguarded  # type: ignore[attr-defined]


def count_for_ever(module: ModuleType) -> None:
    """Have whoever accepts a command rely on jobs that died."""
    if not isinstance(module.COUNTS_S, float):
        raise TypeError("go_on tells elsewhere how long a job counts; mend this plant")
    module.COUNTS_S = 86_400.0  # type: ignore[attr-defined]


def every_command_first(module: ModuleType) -> None:
    """Tell whoever promises a command that it is the head of its lane."""
    accept = module.Commands.accept

    def first(self: Any, *args: Any, **named: Any) -> Any:
        return replace(accept(self, *args, **named), head=True)

    module.Commands.accept = first
