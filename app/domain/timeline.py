"""The timeline: what happened to an order, when, and by which cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.codec import Record


class Cause(StrEnum):
    """How a change, or the news of it, came about."""

    WEBHOOK = "webhook"
    """A webhook announced it."""
    RECONCILIATION = "reconciliation"
    """A listing of the shop showed it."""
    REST = "rest"
    """A caller of the REST routes asked for it."""
    COMMAND = "command"
    """One of our own commands made it."""
    OPERATOR = "operator"
    """A person decided it: a replay or a dismissal."""
    POLICY = "policy"
    """The shop's settings ask for it: an automatic acknowledgement."""
    GATHERING = "gathering"
    """Acknowledgements that waited together became one batch."""


class TimelineEntry(Record, frozen=True, kw_only=True):
    """One thing that happened.

    `what` is a dotted word such as `order.found` or `command.succeeded`; `detail` holds JSON values, never
    buyer data.
    """

    at: datetime
    what: str
    cause: Cause
    detail: Mapping[str, Any] = {}
