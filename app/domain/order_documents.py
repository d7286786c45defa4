"""Orders as JSON documents and back, exactly: what the store keeps of the true copy, without the buyer.

Memory follows the size of these, order by order, so they are tight: what is None or empty is left out, money
is one text (`20.00 USD`), and units of an item are a pair. No script looks inside.

A document made by another version of this module raises KeyError, TypeError or ValueError when read back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from app.domain.documents import Document, time_from_text, time_text
from app.domain.money import Money
from app.domain.orders import (
    Cancellation,
    ItemQuantity,
    Order,
    OrderItem,
    OrderState,
    Payment,
    RefundedItem,
    RefundRecord,
    Shipment,
    Totals,
    Tracking,
    Units,
)

# An empty text is a value that the platform gave: it stays.
_LEFT_OUT: tuple[object, ...] = (None, [], {})


def order_document(order: Order) -> Document:
    """Return the whole order, without the buyer, as a document."""
    return _tight(
        {
            "id": order.id,
            "shop_id": order.shop_id,
            "state": order.state.value,
            "channel": order.channel,
            "created_at": time_text(order.created_at),
            "updated_at": time_text(order.updated_at),
            "ship_by": order.ship_by.isoformat() if order.ship_by else None,
            "merchant_order_reference": order.merchant_order_reference,
            "items": [_item(item) for item in order.items],
            "totals": _totals(order.totals),
            "shipments": [_shipment(shipment) for shipment in order.shipments],
            "cancellations": [_cancellation(cancellation) for cancellation in order.cancellations],
            "refunds": [_refund_record(refund) for refund in order.refunds],
            "payments": [_payment(payment) for payment in order.payments],
        }
    )


def order_from_document(document: Document) -> Order:
    """Return the order that `order_document` wrote."""
    ship_by = document.get("ship_by")
    return Order(
        id=document["id"],
        shop_id=document["shop_id"],
        state=OrderState(document["state"]),
        channel=document.get("channel"),
        created_at=time_from_text(document["created_at"]),
        updated_at=time_from_text(document["updated_at"]),
        ship_by=date.fromisoformat(ship_by) if ship_by else None,
        merchant_order_reference=document.get("merchant_order_reference"),
        items=tuple(_item_back(item) for item in document.get("items", ())),
        totals=_totals_back(document.get("totals")),
        shipments=tuple(_shipment_back(shipment) for shipment in document.get("shipments", ())),
        cancellations=tuple(_cancellation_back(entry) for entry in document.get("cancellations", ())),
        refunds=tuple(_refund_record_back(refund) for refund in document.get("refunds", ())),
        payments=tuple(_payment_back(payment) for payment in document.get("payments", ())),
    )


def _item(item: OrderItem) -> Document:
    units = item.units
    return _tight(
        {
            "id": item.id,
            "retailer_id": item.retailer_id,
            "product_id": item.product_id,
            "name": item.name,
            "unit_price": _money(item.unit_price),
            "units": [units.open, units.shipped, units.cancelled, units.refunded],
            "refunded_amount": _money(item.refunded_amount),
            "refundable": _money(item.refundable),
        }
    )


def _item_back(document: Document) -> OrderItem:
    still_open, shipped, cancelled, refunded = document["units"]
    return OrderItem(
        id=document["id"],
        retailer_id=document["retailer_id"],
        product_id=document.get("product_id"),
        name=document.get("name"),
        unit_price=_money_back(document["unit_price"]),
        units=Units(open=still_open, shipped=shipped, cancelled=cancelled, refunded=refunded),
        refunded_amount=_money_back(document["refunded_amount"]),
        refundable=_money_or_none(document.get("refundable")),
    )


def _totals(totals: Totals | None) -> list[str | None] | None:
    if totals is None:
        return None
    return [_money(part) for part in (totals.items, totals.shipping, totals.tax, totals.total)]


def _totals_back(document: list[str] | None) -> Totals | None:
    if document is None:
        return None
    items, shipping, tax, total = (_money_back(part) for part in document)
    return Totals(items=items, shipping=shipping, tax=tax, total=total)


def _shipment(shipment: Shipment) -> Document:
    tracking = shipment.tracking
    return _tight(
        {
            "id": shipment.id,
            "external_shipment_id": shipment.external_shipment_id,
            "tracking": [tracking.carrier, tracking.tracking_number, tracking.shipping_method_name]
            if tracking
            else None,
            "items": _quantities(shipment.items),
        }
    )


def _shipment_back(document: Document) -> Shipment:
    return Shipment(
        id=document["id"],
        external_shipment_id=document.get("external_shipment_id"),
        tracking=_tracking_back(document.get("tracking")),
        items=_quantities_back(document.get("items", ())),
    )


def _tracking_back(document: list[str] | None) -> Tracking | None:
    if document is None:
        return None
    carrier, number, method = document
    return Tracking(carrier=carrier, tracking_number=number, shipping_method_name=method)


def _cancellation(cancellation: Cancellation) -> Document:
    return _tight(
        {
            "id": cancellation.id,
            "items": _quantities(cancellation.items),
            "reason_code": cancellation.reason_code,
            "reason_description": cancellation.reason_description,
        }
    )


def _cancellation_back(document: Document) -> Cancellation:
    return Cancellation(
        id=document["id"],
        items=_quantities_back(document.get("items", ())),
        reason_code=document.get("reason_code"),
        reason_description=document.get("reason_description"),
    )


def _refund_record(refund: RefundRecord) -> Document:
    return _tight(
        {
            "id": refund.id,
            "items": [[item.item_id, item.quantity, _money(item.amount)] for item in refund.items],
            "reason_code": refund.reason_code,
            "amount": _money(refund.amount),
            "shipping": _money(refund.shipping),
        }
    )


def _refund_record_back(document: Document) -> RefundRecord:
    return RefundRecord(
        id=document["id"],
        items=tuple(
            RefundedItem(item_id=item_id, quantity=quantity, amount=_money_or_none(amount))
            for item_id, quantity, amount in document.get("items", ())
        ),
        reason_code=document.get("reason_code"),
        amount=_money_or_none(document.get("amount")),
        shipping=_money_or_none(document.get("shipping")),
    )


def _payment(payment: Payment) -> Document:
    return _tight({"id": payment.id, "total": _money(payment.total), "captured": payment.captured})


def _payment_back(document: Document) -> Payment:
    return Payment(
        id=document["id"],
        total=_money_or_none(document.get("total")),
        captured=document["captured"],
    )


def _quantities(items: Sequence[ItemQuantity]) -> list[list[Any]]:
    return [[item.item_id, item.quantity] for item in items]


def _quantities_back(document: Sequence[list[Any]]) -> tuple[ItemQuantity, ...]:
    return tuple(ItemQuantity(item_id=item_id, quantity=quantity) for item_id, quantity in document)


def _money(money: Money | None) -> str | None:
    return str(money) if money else None


def _money_back(text: str) -> Money:
    amount, _, currency = text.partition(" ")
    return Money(amount=Decimal(amount), currency=currency)


def _money_or_none(text: str | None) -> Money | None:
    return _money_back(text) if text else None


def _tight(document: Document) -> Document:
    return {name: value for name, value in document.items() if value not in _LEFT_OUT}
