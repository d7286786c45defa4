"""The parts of an order as nodes: items, shipments, payments, cancellations, refunds, offers.

Field lists and defaults: Order API, Fulfillment, Cancellation and Refund, and Payments API references.
"""

from __future__ import annotations

from sandbox.ledger.refunding import refundable
from sandbox.money import as_wire

from . import readings
from .schema import Field, NodeType, absent, plain

AMOUNT = plain("CurrencyAmount", "amount", "currency")
SUBTOTAL = plain("CommerceOrderSubtotal", "items", "shipping", nodes={"items": AMOUNT, "shipping": AMOUNT})
SHIPPING_OPTION = plain(
    "CommerceOrderShippingOption",
    *("name", "price", "calculated_tax", "estimated_shipping_time"),
    more=("handling_time_days", "reference_id", "promotion_details"),
    nodes={
        "price": AMOUNT,
        "calculated_tax": AMOUNT,
        "estimated_shipping_time": plain("EstimatedShippingTime", "min_days", "max_days"),
    },
)


def _attribute(name: str, *, default: bool = False) -> Field:
    """Return a field that is an attribute of the part of an order."""
    return Field(read=lambda _, thing: getattr(thing.it, name), default=default)


def _paid(name: str) -> Field:
    """Return an amount of a payment, by the name of its attribute."""
    return Field(
        read=lambda _, payment: as_wire(getattr(payment.it.payment, name), payment.order.currency),
        default=True,
        of=AMOUNT,
    )


PROMOTION = NodeType(
    name="CommerceOrderPromotionDetails",
    fields={
        "promotion_id": _attribute("id", default=True),
        "campaign_name": _attribute("campaign_name", default=True),
        "coupon_code": _attribute("coupon_code", default=True),
        "applied_amount": Field(
            read=lambda _, offer: as_wire(offer.it.applied_amount, offer.order.currency),
            default=True,
            of=AMOUNT,
        ),
        "applied_after_tax": Field(read=lambda _, __: False, default=True),
        "target_granularity": Field(read=lambda _, __: "item_level", default=True),
        "sponsor": _attribute("sponsor", default=True),
        "retailer_id": absent(),
    },
)
ITEM = NodeType(
    name="CommerceOrderItem",
    fields={
        "id": _attribute("id", default=True),
        "retailer_id": _attribute("retailer_id", default=True),
        "product_id": _attribute("product_id", default=True),
        "quantity": _attribute("quantity", default=True),
        "price_per_unit": Field(
            read=lambda _, item: as_wire(item.it.price, item.order.currency), default=True, of=AMOUNT
        ),
        "product_name": _attribute("product_name"),
        "selected_shipping_option": Field(
            read=lambda view, item: readings.shipping_option(view, item.order), of=SHIPPING_OPTION
        ),
        "status": Field(read=readings.status),
        "tax_details": Field(
            read=readings.line_tax,
            of=plain(
                "CommerceOrderItemTaxDetails",
                *("estimated_tax", "captured_tax"),
                nodes={
                    "estimated_tax": AMOUNT,
                    "captured_tax": plain("CapturedTax", "total_tax", nodes={"total_tax": AMOUNT}),
                },
            ),
        ),
        "customization": absent(),
        "ship_by": Field(read=lambda _, item: readings.iso(item.order.ship_by)),
        "promotion_details": Field(
            read=lambda _, item: readings.promotions(item), of=PROMOTION, wrapped=True
        ),
        "amount_available_for_refund": Field(
            read=lambda view, item: as_wire(
                refundable(item.order, item.it, now=view.now), item.order.currency
            ),
            of=AMOUNT,
        ),
        "price_details": absent(),
        "gift_details": absent(),
    },
)
_MOVED = {  # what parcels, cancellations and refunds tell of a line
    "id": _attribute("line_id", default=True),
    "retailer_id": Field(read=lambda _, part: readings.part_line(part).retailer_id, default=True),
    "product_id": Field(read=lambda _, part: readings.part_line(part).product_id, default=True),
    "quantity": _attribute("quantity", default=True),
    "promotion_allocations": absent(),
}


def _moved_items(name: str, **more: Field) -> Field:
    """Return the `items` of a parcel, a cancellation or a refund."""
    node = NodeType(name=name, fields={**_MOVED, **more})
    return Field(read=readings.parts, default=True, wrapped=True, of=node)


SHIPMENT = NodeType(
    name="CommerceOrderShipment",
    fields={
        "id": _attribute("id", default=True),
        "items": _moved_items(
            "CommerceOrderShipmentItem",
            tax=Field(
                read=readings.tax_of_part,
                default=True,
                of=plain("CommerceOrderShipmentItemTax", "final_tax", nodes={"final_tax": AMOUNT}),
            ),
        ),
        "tracking_info": Field(
            read=readings.tracking,
            default=True,
            of=plain("CommerceOrderTrackingInfo", "tracking_number", "carrier", "shipping_method_name"),
        ),
        "external_shipment_id": _attribute("external_id"),
    },
)
CANCELLATION = NodeType(
    name="CommerceOrderCancellation",
    fields={
        "id": _attribute("id", default=True),
        "items": _moved_items("CommerceOrderCancellationItem"),
        "cancel_reason": Field(
            read=readings.cancel_reason,
            default=True,
            of=plain("CommerceOrderCancelReason", "reason_code", "reason_description"),
        ),
    },
)
REFUND = NodeType(
    name="CommerceOrderRefund",
    fields={
        "id": _attribute("id", default=True),
        "items": _moved_items(
            "CommerceOrderRefundItem",
            refund_subtotal=Field(read=readings.refund_subtotal, default=True, of=AMOUNT),
        ),
        "refund_reason": Field(
            read=lambda _, entry: {"reason_code": entry.it.reason_code},
            default=True,
            of=plain("CommerceOrderRefundReason", "reason_code"),
        ),
        "refund_amount": Field(
            read=readings.refund_amount,
            default=True,
            of=plain(
                "CommerceOrderRefundAmount",
                *("amount", "currency"),
                more=("subtotal", "shipping", "tax", "total"),
            ),
        ),
    },
)
PAYMENT = NodeType(
    name="CommercePayment",
    fields={
        "id": Field(read=lambda _, payment: payment.it.payment.id, default=True),
        "subtotal": Field(read=readings.subtotal, default=True, of=SUBTOTAL),
        "tax": _paid("tax"),
        "tax_remitted": Field(read=lambda _, __: True, default=True),
        "total_amount": _paid("total"),
        "shipments": Field(
            read=lambda _, payment: [payment],
            default=True,
            wrapped=True,
            of=NodeType(
                name="CommerceOrderShipment",
                fields={
                    "id": _attribute("id", default=True),
                    "external_shipment_id": _attribute("external_id", default=True),
                },
            ),
        ),
        "transaction_details": Field(
            read=readings.transactions,
            default=True,
            wrapped=True,
            of=plain(
                "CommerceOrderTransactionDetail",
                *("transaction_type", "transaction_date", "transfer_id", "processing_fee"),
                *("net_payment_amount", "tax_rate", "payout_reference_id"),
                more=("tax_details",),
                nodes={"processing_fee": AMOUNT, "net_payment_amount": AMOUNT},
            ),
        ),
        "items": Field(
            read=readings.parts,
            wrapped=True,
            of=NodeType(
                name="CommercePaymentItem",
                fields={key: _MOVED[key] for key in ("id", "quantity", "promotion_allocations")},
            ),
        ),
    },
)
