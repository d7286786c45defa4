"""What the routes for operators ask and answer: alerts, drift, dead letters."""

from __future__ import annotations

# pydantic reads the annotations when it runs, so their types are imported for real.
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.http.models.answers import Answer
from app.http.models.fields import Body, printable
from app.http.models.queries import PageQuery


class AlertsQuery(PageQuery):
    """Which alerts; those that opened last first, of the closed ones those that closed last."""

    state: Literal["open", "closed"] | None = None


class DismissalBody(Body):
    """Why a dead letter is closed undone; it becomes the command's error and stands in the timeline."""

    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(printable)] = Field(
        examples=["refunded by hand in Commerce Manager"]
    )


class AlertAnswer(Answer):
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
    severity: Literal["critical", "warning", "info"]
    subject: str
    shop_id: str | None
    text: str
    state: Literal["open", "closed"]
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None
    count: int


class AlertPageAnswer(Answer):
    """One page of alerts."""

    data: list[AlertAnswer]
    next_cursor: str | None


class DriftAnswer(Answer):
    """One order that reconciliation found changed though no webhook had announced it."""

    order_id: str
    shop_id: str
    at: datetime
    news: list[str] = Field(examples=[["order.refunded"]])


class DriftPageAnswer(Answer):
    """One page of drift, newest first."""

    data: list[DriftAnswer]
    next_cursor: str | None
