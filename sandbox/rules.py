"""Marks each rule of the emulated platform, beside its code, as documented or assumed.

A rule is a decorator on the function that implements it, so it is always used and near its code::

    @documented("A shipment without items ships every open unit", source="Fulfillment API reference, items")
    def _parts_to_ship(...): ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the sandbox: its sentence, its status, its source, and the code that implements it."""

    rule: str
    status: Literal["documented", "assumed"]
    source: str
    where: str


def documented(rule: str, *, source: str) -> Callable[[T], T]:
    """Mark a function or class as implementing a rule that the platform's documentation states.

    Raises:
        ValueError: the same rule is already marked elsewhere.
    """
    return _marker(rule, "documented", source)


def assumed(rule: str, *, why: str) -> Callable[[T], T]:
    """Mark a function or class as implementing a rule that is not documented, with the reason for it.

    Raises:
        ValueError: the same rule is already marked elsewhere.
    """
    return _marker(rule, "assumed", why)


def all_rules() -> tuple[Rule, ...]:
    """Return every rule of the modules imported so far, sorted by their code's location."""
    return tuple(sorted(_rules.values(), key=lambda rule: (rule.where, rule.rule)))


_rules: dict[str, Rule] = {}


def _marker(rule: str, status: Literal["documented", "assumed"], source: str) -> Callable[[T], T]:
    def mark(played: T) -> T:
        if rule in _rules:
            raise ValueError(
                f"The rule {rule!r} is already marked at {_rules[rule].where}; a rule has one home."
            )
        where = f"{getattr(played, '__module__', '?')}.{getattr(played, '__qualname__', '?')}"
        _rules[rule] = Rule(rule=rule, status=status, source=source, where=where)
        return played

    return mark
