"""The timeline: what happened to an order, when, and by which cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened.

    `what` is a dotted word such as `order.found` or `command.succeeded`; `cause` one of `webhook`,
    `reconciliation`, `rest`, `command`, `operator`; `detail` JSON values, never buyer data.
    """

    at: datetime
    what: str
    cause: str
    detail: Mapping[str, Any] = field(default_factory=dict)
