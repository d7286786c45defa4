"""Settings of the emulated platform that can change while it runs; each default has its reason."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Usage(BaseModel):
    """The content of the usage headers: percent of the allowance, and minutes until access is regained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Small numbers, so that nothing slows down unless a test asks for it.
    call_count: int = Field(default=1, ge=0, le=1_000)
    total_time: int = Field(default=1, ge=0, le=1_000)
    total_cputime: int = Field(default=1, ge=0, le=1_000)
    estimated_time_to_regain_access: int = Field(default=0, ge=0, le=10_080)


class Settings(BaseModel):
    """Behavior of the platform on which sources disagree; `PUT /_sandbox/settings` changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Captured at once, so that a demo can refund what it just shipped. The real delay is not published.
    capture_delay_s: float = Field(default=0, ge=0, le=366 * 86_400)
    # "At least the first 30 minutes" (older pages), "up to 30 minutes" (newer): Best practices: Orders.
    remorse_s: float = Field(default=1_800, ge=0, le=366 * 86_400)
    # Where a commerce code is found: Magento and the onboarding page read it in error_subcode.
    error_style: Literal["subcode", "code"] = "subcode"
    # Acknowledging an IN_PROGRESS order again: the literal reading of 2361009 is an error.
    acknowledge_again: Literal["error", "state"] = "error"
    # A page can be empty and still have `next` (Graph API: Paginated Results): each list then begins so.
    empty_first_page: bool = False
    # The item status is an object in the example, text in the type column of the Order API reference.
    item_status: Literal["object", "text"] = "object"
    # Who manages the orders of the shops; "none" means that Meta acknowledges by itself.
    managing_app: Literal["ours", "other", "none"] = "ours"
    # The API was removed from every version on 2026-10-27; which code it answers since is unknown.
    retired: bool = False
    retired_code: int = 12
    usage: Usage = Usage()
