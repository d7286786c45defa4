"""The timeline: what happened to an order, when, and by which cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


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
