"""What a webhook entry hints at: an order, or only an account. Never more than a hint."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryHint:
    """One thing an entry says may have changed.

    `object` is the delivery's object word; `account_id` may be a CMS, page or app id, whichever reading of
    `entry.id` holds; `order_id` is None when the entry names no order. `updated_s` (Unix seconds) and `state`
    say how new the order was when the entry was made, `event` what happened to it, where its value tells.
    """

    object: str
    entry_id: str
    order_id: str | None
    account_id: str | None
    updated_s: int | None = None
    state: str | None = None
    event: str | None = None
