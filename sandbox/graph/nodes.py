"""The order as a node, with every edge (Order API reference, fields and their defaults)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import readings
from .parts import AMOUNT, CANCELLATION, ITEM, PAYMENT, PROMOTION, REFUND, SHIPMENT, SHIPPING_OPTION, SUBTOTAL
from .schema import Field, NodeType, View, absent, plain


def _entries(name: str) -> Callable[[View, Any], list[readings.Of]]:
    return lambda _, order: [readings.Of(order, it) for it in getattr(order, name)]


ORDER = NodeType(
    name="CommerceOrder",
    fields={
        "id": Field(read=lambda _, order: order.id, default=True),
        "order_status": Field(
            read=lambda _, order: {"state": order.state.value},
            default=True,
            of=plain("CommerceOrderStatus", "state"),
        ),
        "created": Field(read=lambda _, order: readings.iso(order.created_at), default=True),
        "last_updated": Field(read=lambda _, order: readings.iso(order.updated_at), default=True),
        "items": Field(read=_entries("lines"), edge=True, of=ITEM),
        "ship_by_date": Field(read=lambda _, order: order.ship_by.date().isoformat()),
        "merchant_order_id": Field(read=lambda _, order: order.reference),
        "channel": Field(read=lambda _, order: order.channel),
        "selected_shipping_option": Field(read=readings.shipping_option, of=SHIPPING_OPTION),
        "shipping_address": Field(
            read=readings.address,
            of=plain(
                "CommerceOrderShippingAddress",
                *("name", "street1", "street2", "city", "state", "postal_code", "country"),
                more=("first_name", "last_name"),
            ),
        ),
        "estimated_payment_details": Field(
            read=readings.estimate,
            of=plain(
                "CommerceOrderEstimatedPaymentDetails",
                *("subtotal", "tax", "total_amount", "tax_remitted"),
                *("facebook_paid_amount", "buyer_paid_amount"),
                nodes={
                    "subtotal": SUBTOTAL,
                    "tax": AMOUNT,
                    "total_amount": AMOUNT,
                    "facebook_paid_amount": AMOUNT,
                    "buyer_paid_amount": AMOUNT,
                },
            ),
        ),
        "buyer_details": Field(
            read=readings.buyer,
            of=plain(
                "CommerceOrderBuyerDetails",
                *("name", "email", "email_remarketing_option"),
                more=("phone_number",),
            ),
        ),
        "is_test_order": Field(read=lambda _, order: order.test),
        "is_group_buy": Field(read=lambda _, __: False),
        "contains_bopis_items": Field(read=lambda _, __: False),
        "pre_order_details": absent(),
        "payments": Field(read=_entries("shipments"), edge=True, of=PAYMENT),
        "promotion_details": Field(read=readings.order_promotions, edge=True, of=PROMOTION),
        "shipments": Field(read=_entries("shipments"), edge=True, of=SHIPMENT),
        "cancellations": Field(read=_entries("cancellations"), edge=True, of=CANCELLATION),
        "refunds": Field(read=_entries("refunds"), edge=True, of=REFUND),
    },
)
