"""Orders as JSON documents and back, exactly: what the store keeps of the true copy, without the buyer.

A document made by another version of this module raises KeyError, TypeError or ValueError when read back.
"""

from __future__ import annotations

from datetime import date

from app.domain.documents import (
    Document,
    money_document,
    money_from_document,
    money_or_none,
    quantities_document,
    quantities_from_document,
    time_from_text,
    time_text,
    tracking_document,
    tracking_from_document,
)
from app.domain.orders import (
    Cancellation,
    Order,
    OrderItem,
    OrderState,
    Payment,
    RefundedItem,
    RefundRecord,
    Shipment,
    Totals,
    Units,
)


def order_document(order: Order) -> Document:
    """Return the whole order, without the buyer, as a document."""
    return {
        "id": order.id,
        "shop_id": order.shop_id,
        "state": order.state.value,
        "channel": order.channel,
        "created_at": time_text(order.created_at),
        "updated_at": time_text(order.updated_at),
        "ship_by": order.ship_by.isoformat() if order.ship_by else None,
        "merchant_order_reference": order.merchant_order_reference,
        "items": [_item(item) for item in order.items],
        "totals": _totals(order.totals) if order.totals else None,
        "shipments": [_shipment(shipment) for shipment in order.shipments],
        "cancellations": [_cancellation(cancellation) for cancellation in order.cancellations],
        "refunds": [_refund_record(refund) for refund in order.refunds],
        "payments": [
            {"id": payment.id, "total": money_document(payment.total), "captured": payment.captured}
            for payment in order.payments
        ],
    }


def order_from_document(document: Document) -> Order:
    """Return the order that `order_document` wrote."""
    return Order(
        id=document["id"],
        shop_id=document["shop_id"],
        state=OrderState(document["state"]),
        channel=document["channel"],
        created_at=time_from_text(document["created_at"]),
        updated_at=time_from_text(document["updated_at"]),
        ship_by=date.fromisoformat(document["ship_by"]) if document["ship_by"] else None,
        merchant_order_reference=document["merchant_order_reference"],
        items=tuple(_item_back(item) for item in document["items"]),
        totals=_totals_back(document["totals"]) if document["totals"] else None,
        shipments=tuple(_shipment_back(shipment) for shipment in document["shipments"]),
        cancellations=tuple(_cancellation_back(entry) for entry in document["cancellations"]),
        refunds=tuple(_refund_record_back(refund) for refund in document["refunds"]),
        payments=tuple(
            Payment(id=payment["id"], total=money_or_none(payment["total"]), captured=payment["captured"])
            for payment in document["payments"]
        ),
    )


def _item(item: OrderItem) -> Document:
    units = item.units
    return {
        "id": item.id,
        "retailer_id": item.retailer_id,
        "product_id": item.product_id,
        "name": item.name,
        "unit_price": item.unit_price.document(),
        "units": [units.open, units.shipped, units.cancelled, units.refunded],
        "refunded_amount": item.refunded_amount.document(),
        "refundable": money_document(item.refundable),
    }


def _item_back(document: Document) -> OrderItem:
    still_open, shipped, cancelled, refunded = document["units"]
    return OrderItem(
        id=document["id"],
        retailer_id=document["retailer_id"],
        product_id=document["product_id"],
        name=document["name"],
        unit_price=money_from_document(document["unit_price"]),
        units=Units(open=still_open, shipped=shipped, cancelled=cancelled, refunded=refunded),
        refunded_amount=money_from_document(document["refunded_amount"]),
        refundable=money_or_none(document["refundable"]),
    )


def _totals(totals: Totals) -> Document:
    return {name: getattr(totals, name).document() for name in _TOTALS_FIELDS}


_TOTALS_FIELDS = ("items", "shipping", "tax", "total")


def _totals_back(document: Document) -> Totals:
    return Totals(**{name: money_from_document(document[name]) for name in _TOTALS_FIELDS})


def _shipment(shipment: Shipment) -> Document:
    return {
        "id": shipment.id,
        "external_shipment_id": shipment.external_shipment_id,
        "tracking": tracking_document(shipment.tracking) if shipment.tracking else None,
        "items": quantities_document(shipment.items),
    }


def _shipment_back(document: Document) -> Shipment:
    return Shipment(
        id=document["id"],
        external_shipment_id=document["external_shipment_id"],
        tracking=tracking_from_document(document["tracking"]) if document["tracking"] else None,
        items=quantities_from_document(document["items"]),
    )


def _cancellation(cancellation: Cancellation) -> Document:
    return {
        "id": cancellation.id,
        "items": quantities_document(cancellation.items),
        "reason_code": cancellation.reason_code,
        "reason_description": cancellation.reason_description,
    }


def _cancellation_back(document: Document) -> Cancellation:
    return Cancellation(
        id=document["id"],
        items=quantities_from_document(document["items"]),
        reason_code=document["reason_code"],
        reason_description=document["reason_description"],
    )


def _refund_record(refund: RefundRecord) -> Document:
    return {
        "id": refund.id,
        "items": [
            {"item_id": item.item_id, "quantity": item.quantity, "amount": money_document(item.amount)}
            for item in refund.items
        ],
        "reason_code": refund.reason_code,
        "amount": money_document(refund.amount),
        "shipping": money_document(refund.shipping),
    }


def _refund_record_back(document: Document) -> RefundRecord:
    return RefundRecord(
        id=document["id"],
        items=tuple(
            RefundedItem(
                item_id=item["item_id"], quantity=item["quantity"], amount=money_or_none(item["amount"])
            )
            for item in document["items"]
        ),
        reason_code=document["reason_code"],
        amount=money_or_none(document["amount"]),
        shipping=money_or_none(document["shipping"]),
    )
