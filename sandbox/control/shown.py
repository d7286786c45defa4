"""How the control API shows an order: every detail, for tests and people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.ledger.model import Cancellation, Order, Part, Refund, Shipment
from sandbox.money import as_text


def order_line(order: Order) -> dict[str, Any]:
    """Return an order in a list: its state and its units."""
    return {
        "id": order.id,
        "shop_id": order.shop_id,
        "state": order.state.value,
        "listed": order.listed,
        "merchant_order_reference": order.reference,
        "created": order.created_at.isoformat(),
        "last_updated": order.updated_at.isoformat(),
        "items": [
            {
                "id": line.id,
                "retailer_id": line.retailer_id,
                "quantity": line.quantity,
                "open": line.open,
                "shipped": line.shipped,
                "cancelled": line.cancelled,
                "refunded": line.refunded_units,
                "refunded_amount": as_text(line.refunded_amount, order.currency),
            }
            for line in order.lines
        ],
    }


def order_whole(order: Order, *, now: datetime) -> dict[str, Any]:
    """Return an order by itself: units, parcels, cancellations, refunds and money."""
    return {
        **order_line(order),
        "currency": order.currency,
        "shipments": [_shipment(order, shipment, now) for shipment in order.shipments],
        "cancellations": [_cancellation(entry) for entry in order.cancellations],
        "refunds": [_refund(order, entry) for entry in order.refunds],
        "money": {
            "currency": order.currency,
            "captured": as_text(order.captured_total(now), order.currency),
            "refunded": as_text(order.refunded_total(), order.currency),
        },
    }


def _shipment(order: Order, shipment: Shipment, now: datetime) -> dict[str, Any]:
    tracking = shipment.tracking
    return {
        "id": shipment.id,
        "external_shipment_id": shipment.external_id,
        "tracking_number": None if tracking is None else tracking.tracking_number,
        "carrier": None if tracking is None else tracking.carrier,
        "shipping_method_name": None if tracking is None else tracking.shipping_method_name,
        "items": _units(shipment.parts),
        "total": as_text(shipment.payment.total, order.currency),
        "captured": shipment.payment.captured(now),
    }


def _cancellation(entry: Cancellation) -> dict[str, Any]:
    return {
        "id": entry.id,
        "by": entry.by.value,
        "reason_code": entry.reason_code,
        "reason_description": entry.reason_description,
        "restock_items": entry.restock,
        "items": _units(entry.parts),
    }


def _refund(order: Order, entry: Refund) -> dict[str, Any]:
    currency = order.currency
    return {
        "id": entry.id,
        "by": entry.by.value,
        "reason_code": entry.reason_code,
        "reason_text": entry.reason_text,
        "items": [
            {"id": part.line_id, "quantity": part.quantity, "subtotal": as_text(part.subtotal, currency)}
            for part in entry.parts
        ],
        "subtotal": as_text(entry.subtotal, currency),
        "shipping": as_text(entry.shipping, currency),
        "tax": as_text(entry.tax, currency),
        "deductions": as_text(entry.deductions, currency),
        "total": as_text(entry.total, currency),
    }


def _units(parts: tuple[Part, ...]) -> list[dict[str, Any]]:
    return [{"id": part.line_id, "quantity": part.quantity} for part in parts]
