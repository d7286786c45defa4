"""The sender's policy: where notifications go, in which form, and how unreliably."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_BATCH = 1_000  # "up to 1000 updates" in one delivery: Graph API webhooks guide

# Invented, as every exact schedule is: at once, then with falling frequency. Seconds of real time, so that a
# test or a demo sees a retry; the guide's 36 hours are cut to about 18 minutes.
RETRY_SCHEDULE_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 240.0, 300.0, 300.0)

EntryId = Literal["notification", "account", "order", "zero"]


class Policy(BaseModel):
    """How notifications are sent; `PUT /_sandbox/webhooks` changes the members it names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = False
    url: str | None = Field(default=None, max_length=2_000)
    copies: int = Field(default=1, ge=1, le=1_000)
    concurrent: bool = False
    shuffle: bool = False
    drop_rate: float = Field(default=0, ge=0, le=1)
    entry_id: EntryId = "notification"
    numeric_ids: bool = False
    with_value: bool = True
    batch: int = Field(default=1, ge=1, le=MAX_BATCH)
    # The deadline Messenger documents; the generic guide states none.
    timeout_s: float = Field(default=5, gt=0, le=60)
    retry_schedule_s: tuple[float, ...] = Field(default=RETRY_SCHEDULE_S, max_length=50)
    # Invented names: no commerce topic is public.
    object_name: str = Field(default="commerce_account", min_length=1, max_length=100)
    field_name: str = Field(default="orders", min_length=1, max_length=100)
