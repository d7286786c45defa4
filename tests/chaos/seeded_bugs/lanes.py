"""Seeded bugs of the lanes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.chaos.seeded_bugs.targets import LEASE_GUARDS, LEASE_SCRIPT


def no_guard(text_of: Any, _module: Any) -> Callable[[str], str]:
    """Take the guards out of the script that takes a lease."""
    unguarded = str(text_of(LEASE_SCRIPT))
    for guard in LEASE_GUARDS:
        if guard not in unguarded:
            raise LookupError(f"{LEASE_SCRIPT}.lua has no line {guard!r}; mend seeded_bugs/targets.py")
        unguarded = unguarded.replace(guard, "")
    return lambda name: unguarded if name == LEASE_SCRIPT else str(text_of(name))


def count_for_ever(active_s: Any, _module: Any) -> float:
    """Have whoever accepts a command rely on jobs that died."""
    if not isinstance(active_s, float):
        raise TypeError("How long a job counts is told elsewhere; mend this seeded bug")
    return 86_400.0


def every_command_first(accept: Any, _module: Any) -> Callable[..., Any]:
    """Tell whoever promises a command that it is the head of its lane."""

    def first(self: Any, *args: Any, **named: Any) -> Any:
        return replace(accept(self, *args, **named), head=True)

    return first
