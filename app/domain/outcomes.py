"""Outcomes: what an attempt came to. Five values, and nothing else, decide what happens next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ThrottleCause(StrEnum):
    """Why the platform made us wait without executing: its limits, or a token it no longer takes."""

    USAGE = "usage"
    TOKEN = "token"  # noqa: S105 - the name of a hold, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The platform did it. `answer` is the body it sent."""

    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A coded error: final, or to be fixed by a person. `already_done` when the code says it has happened.

    `already_refunded` may be somebody else's refund, and `not_created` an order that is acknowledged already
    or not released yet: only the order tells which.
    """

    code: int
    message: str
    already_done: bool = False
    already_refunded: bool = False
    not_created: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Another request holds the order; soon again, with a new key. `code` is None where we say so ourselves.

    `payment_pending` when the buyer is not charged yet; the charge follows shipping by minutes.
    """

    message: str
    code: int | None = None
    payment_pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """Refused before execution: same key when the hold ends. `wait_s` where the platform says how long."""

    cause: ThrottleCause
    code: int
    message: str
    wait_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No answer, or none that can be read: later again, same key and same bytes."""

    message: str


Outcome = Accepted | Refused | Busy | Throttled | Unknown


def outcome_name(outcome: Outcome) -> str:
    """Return the outcome's word, as attempts and metrics carry it."""
    return type(outcome).__name__.lower()
