"""The query parameters of the list routes; unknown ones are refused, since a typo would list too much."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.http.requests.fields import Moment, PlatformId, Reference

# A page of 100 orders is about 200 KiB; more makes a slow answer, not a faster caller.
MAX_PAGE = 100
DEFAULT_PAGE = 25
MAX_CURSOR_CHARS = 512


class PageQuery(BaseModel):
    """Which page of a list: `limit` 1 to 100, and the `next_cursor` of the page before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE
    cursor: Annotated[str, Field(min_length=1, max_length=MAX_CURSOR_CHARS)] | None = None


class OrdersQuery(PageQuery):
    """Which orders; newest update first."""

    state: Literal["FB_PROCESSING", "CREATED", "IN_PROGRESS", "COMPLETED", "UNKNOWN"] | None = None
    merchant_order_reference: Reference | None = None
    updated_after: Moment | None = Field(
        default=None, description="ISO 8601 with its zone, or Unix seconds; later ones only."
    )


class CommandsQuery(PageQuery):
    """Which commands; newest first."""

    status: Literal["pending", "running", "waiting", "succeeded", "failed", "dead"] | None = None
    order_id: PlatformId | None = None
    kind: Literal["acknowledge", "ship", "update_tracking", "cancel", "refund"] | None = None


class AlertsQuery(PageQuery):
    """Which alerts; those that opened last first, of the closed ones those that closed last."""

    state: Literal["open", "closed"] | None = None
