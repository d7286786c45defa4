"""The bytes of a delivery: its entries as JSON with escaped Unicode, signed as Meta signs."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.rules import assumed, documented

from .policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One thing that happened to an order; its id and time are set once."""

    id: str
    time: int
    event: str
    order_id: str
    state: str
    shop_id: str
    updated_time: int


@assumed(
    "A notification is an entry of object commerce_account, field orders, with a thin value",
    why="topic, field and value of commerce webhooks are not public; this is our choice",
)
@documented(
    "Without values an entry has changed_fields instead of changes", source="Graph API webhooks guide"
)
def write_body(notifications: Sequence[Notification], policy: Policy) -> bytes:
    """Return the exact bytes of one delivery, with non-ASCII text escaped in lower-case hex."""
    content = {
        "object": policy.object_name,
        "entry": [_entry(notification, policy) for notification in notifications],
    }
    return json.dumps(content, separators=(",", ":"), ensure_ascii=True).encode()


@documented(
    "X-Hub-Signature-256 is sha256= and the hex HMAC of the exact body", source="Graph API webhooks guide"
)
@assumed(
    "The legacy X-Hub-Signature (SHA-1) is sent too, and the user agent is facebookexternalua", why="observed"
)
def headers_for(body: bytes, app_secret: str) -> dict[str, str]:
    """Return the headers of one delivery."""
    key = app_secret.encode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
        "X-Hub-Signature": "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest(),
        "X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest(),
    }


@documented(
    "entry.id is the notification's by one page, the object's by the guide", source="BP; GS: a policy here"
)
def entry_id(notification: Notification, policy: Policy) -> str:
    """Return the id of an entry in the reading that the policy chose."""
    return {
        "notification": notification.id,
        "account": notification.shop_id,
        "order": notification.order_id,
        "zero": "0",
    }[policy.entry_id]


def _entry(notification: Notification, policy: Policy) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": _id(entry_id(notification, policy), policy), "time": notification.time}
    if not policy.with_value:
        return {**entry, "changed_fields": [policy.field_name]}
    value = {
        "order_id": _id(notification.order_id, policy),
        "event": notification.event,
        "state": notification.state,
        "commerce_account_id": _id(notification.shop_id, policy),
        "updated_time": notification.updated_time,
    }
    return {**entry, "changes": [{"field": policy.field_name, "value": value}]}


def _id(text: str, policy: Policy) -> str | int:
    return int(text) if policy.numeric_ids else text
