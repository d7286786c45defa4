"""Deliveries as the platform sends them: signed, with a given number of entries, each naming an order."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

PATH = "/webhooks/facebook"
# Notification ids are counted up within the process, so that no two entries of a run are the same.
_NOTIFICATIONS = itertools.count(70_000_000_000_000_000)
_FIRST_ORDER = 64_000_000_000_000_000


def invented_orders(first: int, count: int) -> list[str]:
    """Return ids of orders that do not exist, to measure ingest alone."""
    return [str(_FIRST_ORDER + number) for number in range(first, first + count)]


def deliveries(order_ids: Sequence[str], *, entries: int, shop_id: str, secret: str) -> list[bytes]:
    """Return complete, signed HTTP requests that name every order once, with `entries` entries each."""
    return [
        as_request(_body(order_ids[start : start + entries], shop_id), secret)
        for start in range(0, len(order_ids), entries)
    ]


def as_request(body: bytes, secret: str) -> bytes:
    """Return the body as a signed POST to the webhook route."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _body(order_ids: Sequence[str], shop_id: str) -> bytes:
    content = {"object": "commerce_account", "entry": list(_entries(order_ids, shop_id))}
    return json.dumps(content, separators=(",", ":")).encode()


def _entries(order_ids: Sequence[str], shop_id: str) -> Iterator[dict[str, Any]]:
    now = int(time.time())
    for order_id in order_ids:
        value = {
            "order_id": order_id,
            "event": "ORDER_CREATED",
            "state": "CREATED",
            "commerce_account_id": shop_id,
            "updated_time": now,
        }
        yield {"id": str(next(_NOTIFICATIONS)), "time": now, "changes": [{"field": "orders", "value": value}]}
