"""Alerts, drift, webhook counters and health as operators see them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AliasPath, Field

from app.http.responses.parts import PageModel, ResponseModel


class AlertResponse(ResponseModel):
    """One cause of bad news: since when, whether it still stands, and how often it was noticed.

    `subject` is what it is about: a command, a shop, an order, an error code, or a part of Orderwire.
    """

    id: str
    kind: Literal[
        "dead_letter",
        "breaker_open",
        "token_dead",
        "throttled",
        "drift",
        "inbox_old",
        "due_old",
        "silence",
        "entry_id_reused",
        "unknown_code",
        "quarantine",
    ]
    severity: Literal["critical", "warning", "info"] = Field(validation_alias=AliasPath("kind", "severity"))
    subject: str
    shop_id: str | None
    text: str
    state: Literal["open", "closed"]
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None
    count: int


class AlertPageResponse(PageModel):
    """One page of alerts."""

    data: list[AlertResponse]


class DriftResponse(ResponseModel):
    """One order that reconciliation found changed though no webhook had announced it."""

    order_id: str
    shop_id: str
    at: datetime
    news: list[str] = Field(examples=[["order.refunded"]])


class DriftPageResponse(PageModel):
    """One page of drift, newest first."""

    data: list[DriftResponse]


class DeliveryResponse(ResponseModel):
    """What became of a delivery's entries; all of it is durable."""

    accepted: int
    duplicates: int
    unrecognized: int


class UnrecognizedResponse(ResponseModel):
    """A signed delivery, or an entry of one, not understood; `body` is null if it cannot be opened."""

    id: str
    at: datetime
    reason: str
    body: str | None


class UnrecognizedPageResponse(PageModel):
    """One page of unrecognized webhook entries, newest first."""

    data: list[UnrecognizedResponse]


class CountersResponse(ResponseModel):
    """How often each thing happened since the store was made."""

    data: dict[str, int]


class CheckResponse(ResponseModel):
    """One thing that readiness depends on."""

    name: str
    ok: bool
    detail: str


class ReadinessResponse(ResponseModel):
    """Whether this process can do its work, check by check."""

    status: Literal["ready", "not_ready"]
    checks: list[CheckResponse]


class LivenessResponse(ResponseModel):
    """The process answers."""

    status: Literal["alive"]
