"""Computes the fields of an order and its parts from the ledger, as the platform shows or withholds them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.ledger.model import (
    Cancellation,
    Line,
    Order,
    Part,
    Promotion,
    Refund,
    RefundPart,
    Shipment,
    State,
)
from sandbox.money import ZERO, as_text, as_wire, rounded
from sandbox.rules import assumed, documented

from .schema import View

# Assumed: the platform keeps a share of each sale; samples show 1 to 5 percent.
_FEE_RATE = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Of:
    """A part of an order together with the order, which it needs in order to be shown."""

    order: Order
    it: Any


@documented(
    "Times are ISO 8601 in UTC with a colon in the offset", source="samples of the Order API reference"
)
def iso(moment: datetime) -> str:
    """Return a moment as orders show it: ``2026-01-05T09:16:21+00:00``."""
    return moment.isoformat(timespec="seconds")


@documented(
    "In FB_PROCESSING buyer information is withheld, product details are there",
    source="Best practices: Orders",
)
@assumed(
    "Withheld in FB_PROCESSING: buyer_details, shipping_address, payments, promotions",
    why="the list is not given",
)
def visible(order: Order) -> bool:
    """Return whether what belongs to the buyer is shown."""
    return order.state is not State.FB_PROCESSING


def buyer(_: View, order: Order) -> dict[str, Any] | None:
    """Return the buyer_details, once the hold is over."""
    return asdict(order.buyer) if visible(order) else None


@assumed(
    "first_name and last_name come when asked for",
    why="the docs have only name; Meta's Magento connector asks",
)
def address(_: View, order: Order) -> dict[str, Any] | None:
    """Return the shipping_address, once the hold is over."""
    if not visible(order):
        return None
    first, _space, last = order.address.name.partition(" ")
    return {**asdict(order.address), "first_name": first, "last_name": last}


def shipping_option(_: View, order: Order) -> dict[str, Any]:
    """Return the selected_shipping_option, the same for the order and each of its items."""
    return {
        "name": "Standard (3 - 5 Business days)",
        "price": as_wire(order.shipping, order.currency),
        "calculated_tax": as_wire(order.shipping_tax, order.currency),
        "estimated_shipping_time": {"min_days": 3, "max_days": 5},
        "handling_time_days": 2,
        "reference_id": "sandbox_profile",
    }


@documented("Estimated payment details never change after creation", source="Best practices: Shipping")
@assumed("Meta remits the tax and pays no part of the order", why="the usual case in the samples")
def estimate(_: View, order: Order) -> dict[str, Any]:
    """Return the estimated_payment_details: what the whole order would cost."""
    items = sum((line.price * line.quantity for line in order.lines), ZERO)
    tax = sum((line.tax for line in order.lines), order.shipping_tax)
    total = as_wire(items + order.shipping + tax, order.currency)
    return {
        "subtotal": {
            "items": as_wire(items, order.currency),
            "shipping": as_wire(order.shipping, order.currency),
        },
        "tax": as_wire(tax, order.currency),
        "total_amount": total,
        "tax_remitted": True,
        "facebook_paid_amount": as_wire(ZERO, order.currency),
        "buyer_paid_amount": total,
    }


@documented(
    "item status: in_progress + fulfilled + cancelled = quantity", source="Order API reference; sum inferred"
)
def status(view: View, item: Of) -> Any:
    """Return what became of the units of an item: an object, or JSON text by setting item_status."""
    line: Line = item.it
    units = {"in_progress": line.open, "fulfilled": line.shipped, "cancelled": line.cancelled}
    return json.dumps(units) if view.status_as_text else units


def line_tax(view: View, item: Of) -> dict[str, Any]:
    """Return the estimated and the captured tax of an item."""
    currency = item.order.currency
    captured = item.order.captured_tax(item.it.id, view.now)
    return {
        "estimated_tax": as_wire(item.it.tax, currency),
        "captured_tax": {"total_tax": as_wire(captured, currency)},
    }


def promotions(item: Of) -> list[Of]:
    """Return the offers of one item."""
    return [Of(item.order, promotion) for promotion in item.it.promotions]


@documented(
    "On the order the same offer is aggregated and its applied_amount summed",
    source="Offers page; Promotions API",
)
def order_promotions(_: View, order: Order) -> list[Of]:
    """Return the offers of the whole order, once the hold is over."""
    if not visible(order):
        return []
    offers: dict[str, Promotion] = {}
    for promotion in (promotion for line in order.lines for promotion in line.promotions):
        before = offers.get(promotion.id)
        applied = promotion.applied_amount + (before.applied_amount if before else ZERO)
        offers[promotion.id] = replace(promotion, applied_amount=applied)
    return [Of(order, offer) for offer in offers.values()]


@documented(
    "Without transaction_details the payment is not captured, and can't be refunded",
    source="Payments API reference; Cancellation and Refund API",
)
def transactions(view: View, payment: Of) -> list[dict[str, Any]]:
    """Return the SALE of a captured payment, and the REFUND rows."""
    shipment: Shipment = payment.it
    if not shipment.payment.captured(view.now):
        return []
    order = payment.order
    rows = [_transaction(order, "SALE", shipment.payment.captured_at, shipment.payment.total)]
    if shipment is order.captured_shipments(view.now)[0]:
        rows += [_transaction(order, "REFUND", refund.at, refund.total) for refund in order.refunds]
    return rows


@documented(
    "The fee is negative on SALE and positive on REFUND, net the other way round",
    source="Payments API reference",
)
@assumed("REFUND rows stand with the first captured payment", why="not told which payment shows them")
def _transaction(order: Order, kind: str, at: datetime, total: Decimal) -> dict[str, Any]:
    sign = -1 if kind == "SALE" else 1
    fee = rounded(total * _FEE_RATE, order.currency)
    return {
        "transaction_type": kind,
        "transaction_date": iso(at),
        "transfer_id": f"po_{order.id}",
        "processing_fee": as_wire(sign * fee, order.currency),
        "net_payment_amount": as_wire(-sign * (total - fee), order.currency),
        "tax_rate": f"{(order.tax_rate * 100).normalize():f}%",
        "payout_reference_id": f"FBX{order.id[-8:]}",
    }


def subtotal(_: View, payment: Of) -> dict[str, Any]:
    """Return what a payment charges before tax."""
    paid, currency = payment.it.payment, payment.order.currency
    return {"items": as_wire(paid.items, currency), "shipping": as_wire(paid.shipping, currency)}


def part_line(part: Of) -> Line:
    """Return the line that a part belongs to."""
    return part.order.line(part.it.line_id)


def parts(_: View, entry: Of) -> list[Of]:
    """Return what a parcel, a cancellation or a refund holds."""
    return [Of(entry.order, part) for part in entry.it.parts]


@documented("The carrier comes back in lower case", source="Fulfillment API reference, seen for fedex")
def tracking(_: View, shipment: Of) -> dict[str, Any] | None:
    """Return the tracking_info of a shipment, if it has one."""
    return None if shipment.it.tracking is None else asdict(shipment.it.tracking)


@documented(
    "Refund tax is negative and shipping positive; all but the total come only when asked",
    source="Cancellation and Refund API, sample",
)
def refund_amount(_: View, entry: Of) -> dict[str, Any]:
    """Return the amounts of a refund, as text without currency but for the total."""
    refund: Refund = entry.it
    currency = entry.order.currency
    return {
        **as_wire(refund.total, currency),
        "subtotal": as_text(refund.subtotal, currency),
        "shipping": as_text(refund.shipping, currency),
        "tax": as_text(-refund.tax, currency),
        "total": as_text(refund.total, currency),
    }


def cancel_reason(_: View, entry: Of) -> dict[str, Any]:
    """Return the reason given for a cancellation."""
    cancellation: Cancellation = entry.it
    return {"reason_code": cancellation.reason_code, "reason_description": cancellation.reason_description}


def tax_of_part(_: View, part: Of) -> dict[str, Any]:
    """Return the tax fixed when a part shipped."""
    shipped: Part = part.it
    return {"final_tax": as_wire(shipped.tax, part.order.currency)}


def refund_subtotal(_: View, part: Of) -> dict[str, Any]:
    """Return what a refund gives back on one item before tax."""
    given: RefundPart = part.it
    return as_wire(given.subtotal, part.order.currency)
