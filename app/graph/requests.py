"""Commands as the calls the platform takes: path and form body, the same bytes for the same change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from app.domain.codec import document
from app.domain.commands import (
    Acknowledge,
    Cancel,
    Change,
    Refund,
    RefundLine,
    Ship,
    UpdateTracking,
    WireRequest,
)
from app.domain.orders import ItemQuantity, Tracking

# The most orders one bulk acknowledgement takes (Acknowledgement API reference).
MAX_BATCH = 100


def wire_request(order_id: str, change: Change, idempotency_key: str) -> WireRequest:
    """Return the exact call that makes the change on that order, its key inside the body.

    The body is a urlencoded form: scalars as text, maps and lists as JSON in one field each, in a fixed
    order, so that the same change and key always give the same bytes. Items are named by `item_id`, because a
    retailer id is ambiguous where a product stands on two lines (Build Offers Integration). An
    `UpdateTracking` names the platform's own shipment id, as `domain.decide` leaves it.
    """
    edge, fields = _call_of(change)
    return _request(f"/{quote(order_id, safe='')}/{edge}", fields, idempotency_key)


def wire_batch(cms_id: str, orders: Sequence[tuple[str, str | None]], idempotency_key: str) -> WireRequest:
    """Return the one call that acknowledges up to 100 orders: pairs of order id and reference or None.

    Raises:
        ValueError: there are no orders, or more than 100.
    """
    if not 0 < len(orders) <= MAX_BATCH:
        raise ValueError(f"a batch acknowledges 1 to {MAX_BATCH} orders, not {len(orders)}")
    entries = [
        {"id": order_id} | ({"merchant_order_reference": reference} if reference is not None else {})
        for order_id, reference in orders
    ]
    return _request(f"/{quote(cms_id, safe='')}/acknowledge_orders", {"orders": entries}, idempotency_key)


def _request(path: str, fields: dict[str, Any], idempotency_key: str) -> WireRequest:
    form = {"idempotency_key": idempotency_key} | fields
    body = urlencode({name: _text(value) for name, value in form.items() if value is not None})
    return WireRequest(path=path, body=body)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _call_of(change: Change) -> tuple[str, dict[str, Any]]:
    match change:
        case Acknowledge():
            return "acknowledge_order", {"merchant_order_reference": change.merchant_order_reference}
        case Ship():
            return "shipments", _ship(change)
        case UpdateTracking():
            return "update_shipment", {
                "shipment_id": change.shipment,
                "tracking_info": _tracking(change.tracking),
            }
        case Cancel():
            return "cancellations", _cancel(change)
        case Refund():
            return "refunds", _refund(change)


def _ship(change: Ship) -> dict[str, Any]:
    return {
        "external_shipment_id": change.external_shipment_id,
        "merchant_order_reference": change.merchant_order_reference,
        "items": _items(change.items),
        "tracking_info": _tracking(change.tracking),
    }


def _cancel(change: Cancel) -> dict[str, Any]:
    reason = {"reason_code": change.reason_code}
    if change.reason_description is not None:
        reason["reason_description"] = change.reason_description
    return {
        "cancel_reason": reason,
        "restock_items": change.restock_items,
        "items": _items(change.items),
    }


def _refund(change: Refund) -> dict[str, Any]:
    fields: dict[str, Any] = {"reason_code": change.reason_code, "reason_text": change.reason_text}
    # Left out, items mean everything that was shipped (Cancellation and Refund API): a refund of shipping
    # alone has to say that it gives back no item.
    if change.items or not change.full:
        fields["items"] = [_refund_line(line) for line in change.items]
    if change.shipping is not None:
        fields["shipping"] = {"shipping_refund": document(change.shipping)}
    if change.deductions:
        fields["deductions"] = [
            {"deduction_type": part.deduction_type, "deduction_amount": document(part.amount)}
            for part in change.deductions
        ]
    return fields


def _refund_line(line: RefundLine) -> dict[str, Any]:
    if line.amount is not None:
        return {"item_id": line.item_id, "item_refund_amount": document(line.amount)}
    return {"item_id": line.item_id, "item_refund_quantity": line.quantity}


def _items(items: tuple[ItemQuantity, ...] | None) -> list[dict[str, Any]] | None:
    if items is None:
        return None
    return [{"item_id": item.item_id, "quantity": item.quantity} for item in items]


def _tracking(tracking: Tracking) -> dict[str, str]:
    wire = {"carrier": tracking.carrier, "tracking_number": tracking.tracking_number}
    if tracking.shipping_method_name is not None:
        wire["shipping_method_name"] = tracking.shipping_method_name
    return wire
