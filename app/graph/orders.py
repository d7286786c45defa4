"""Orders as the platform tells them, made the domain's: units counted, money exact, the buyer set apart."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from app.domain.money import Money
from app.domain.orders import (
    Address,
    Buyer,
    Cancellation,
    ItemQuantity,
    Order,
    OrderItem,
    OrderState,
    Payment,
    PlatformOrder,
    RefundedItem,
    RefundRecord,
    Shipment,
    Totals,
    Tracking,
)
from app.graph.failures import UnreadableOrder
from app.graph.ledger import count_units, refunded_amount
from app.graph.nodes import (
    AddressNode,
    AmountNode,
    CancellationNode,
    ItemNode,
    LineNode,
    OrderNode,
    PaymentDetailsNode,
    PaymentNode,
    RefundNode,
    ShipmentNode,
    TrackingNode,
)

# The sub-fields of each edge; the client reads an edge's further pages with the same ones.
EDGES: Mapping[str, str] = {
    "items": (
        "id,retailer_id,product_id,product_name,quantity,price_per_unit,status,amount_available_for_refund"
    ),
    "shipments": "id,external_shipment_id,tracking_info,items.limit(50){id,quantity}",
    "cancellations": "id,cancel_reason,items.limit(50){id,quantity}",
    "refunds": (
        "id,refund_reason,refund_amount{amount,currency,tax,shipping,subtotal,total},"
        "items.limit(50){id,quantity,refund_subtotal}"
    ),
    "payments": "id,total_amount,transaction_details",
}
# The sub-fields of the `items` inside a shipment, cancellation or refund, for these may have pages too.
LINE_FIELDS: Mapping[str, str] = {
    "shipments": "id,quantity",
    "cancellations": "id,quantity",
    "refunds": "id,quantity,refund_subtotal",
}
# The page size asked of an edge: most orders then come in one call. The platform may send shorter pages.
EDGE_PAGE = 50

# Everything Orderwire reads of an order, by name: the platform sends only what is asked for.
ORDER_FIELDS: str = ",".join(
    [
        "id,order_status,created,last_updated,channel,ship_by_date,merchant_order_id",
        "buyer_details,shipping_address,estimated_payment_details",
        *(f"{edge}.limit({EDGE_PAGE}){{{fields}}}" for edge, fields in EDGES.items()),
    ]
)


def parse_order(raw: Mapping[str, Any], shop_id: str) -> PlatformOrder:
    """Return the order in the platform's answer; all pages of its edges must be gathered already.

    Raises:
        UnreadableOrder: a vital part is missing or makes no sense, or the units do not add up.
    """
    order_id = raw.get("id")
    named = str(order_id) if isinstance(order_id, str | int) else ""
    try:
        node = OrderNode.model_validate(raw)
        return _order(node, shop_id)
    except ValidationError as error:
        raise UnreadableOrder(named, _told(error)) from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise UnreadableOrder(named, str(error)) from None


def _told(error: ValidationError) -> str:
    # The places and the complaints, never the values: these may be a buyer's.
    found = error.errors(include_input=False, include_url=False, include_context=False)[:3]
    return "; ".join(f"{'.'.join(str(step) for step in one['loc'])}: {one['msg']}" for one in found)


def _order(node: OrderNode, shop_id: str) -> PlatformOrder:
    order = Order(
        id=node.id,
        shop_id=shop_id,
        state=OrderState(node.order_status.state.upper()),
        channel=node.channel.lower() if node.channel else None,
        created_at=node.created,
        updated_at=node.last_updated,
        ship_by=node.ship_by_date,
        merchant_order_reference=node.merchant_order_id,
        items=tuple(_item(item, node) for item in node.items.data),
        totals=_totals(node.estimated_payment_details) if node.estimated_payment_details else None,
        shipments=tuple(_shipment(shipment) for shipment in node.shipments.data),
        cancellations=tuple(_cancellation(cancellation) for cancellation in node.cancellations.data),
        refunds=tuple(_refund(refund) for refund in node.refunds.data),
        payments=tuple(_payment(payment) for payment in node.payments.data),
    )
    return PlatformOrder(
        order=order,
        buyer=_buyer(node),
        shipping_address=_address(node.shipping_address) if node.shipping_address else None,
    )


def _money(node: AmountNode) -> Money:
    return Money.parse(node.amount, node.currency)


def _some_money(node: AmountNode | None) -> Money | None:
    return _money(node) if node else None


def _item(item: ItemNode, node: OrderNode) -> OrderItem:
    units = count_units(item, node)
    refunded = refunded_amount(item, node, units)
    return OrderItem(
        id=item.id,
        retailer_id=item.retailer_id,
        product_id=item.product_id,
        name=item.product_name,
        unit_price=_money(item.price_per_unit),
        units=units,
        refunded_amount=refunded if refunded.amount else None,
        refundable=_some_money(item.amount_available_for_refund),
    )


def _totals(details: PaymentDetailsNode) -> Totals:
    items = _money(details.subtotal.items)
    zero = Money.zero(items.currency)
    shipping = _some_money(details.subtotal.shipping) or zero
    tax = _some_money(details.tax) or zero
    total = _some_money(details.total_amount) or items.plus(shipping).plus(tax)
    return Totals(items=items, shipping=shipping, tax=tax, total=total)


def _lines(lines: list[LineNode]) -> tuple[ItemQuantity, ...]:
    return tuple(ItemQuantity(item_id=line.id, quantity=line.quantity or 0) for line in lines)


def _shipment(node: ShipmentNode) -> Shipment:
    return Shipment(
        id=node.id,
        external_shipment_id=node.external_shipment_id,
        tracking=_tracking(node.tracking_info) if node.tracking_info else None,
        items=_lines(node.items.data),
    )


def _tracking(node: TrackingNode) -> Tracking:
    return Tracking(
        # Sent as FEDEX, read back as fedex (Fulfillment API reference).
        carrier=node.carrier.upper(),
        tracking_number=node.tracking_number,
        shipping_method_name=node.shipping_method_name,
    )


def _cancellation(node: CancellationNode) -> Cancellation:
    reason = node.cancel_reason
    return Cancellation(
        id=node.id,
        items=_lines(node.items.data),
        reason_code=reason.reason_code if reason else None,
        reason_description=reason.reason_description if reason else None,
    )


def _refund(node: RefundNode) -> RefundRecord:
    return RefundRecord(
        id=node.id,
        items=tuple(
            RefundedItem(item_id=line.id, quantity=line.quantity, amount=_some_money(line.refund_subtotal))
            for line in node.items.data
        ),
        reason_code=node.refund_reason.reason_code if node.refund_reason else None,
        amount=_refund_amount(node),
        shipping=_refund_shipping(node),
    )


def _refund_amount(node: RefundNode) -> Money | None:
    parts = node.refund_amount
    if parts is None or parts.currency is None:
        return None
    whole = parts.amount if parts.amount is not None else parts.total
    if whole is None and parts.subtotal is not None:
        # `tax` comes negative: the whole is subtotal + shipping - tax, as Meta's Magento connector has it.
        whole = parts.subtotal + abs(parts.shipping or Decimal(0)) - (parts.tax or Decimal(0))
    return Money.parse(whole, parts.currency) if whole is not None else None


def _refund_shipping(node: RefundNode) -> Money | None:
    parts = node.refund_amount
    if parts is None or parts.currency is None or not parts.shipping:
        return None
    # The reference's text calls it negative, its sample and Meta's connector have it positive.
    return Money.parse(abs(parts.shipping), parts.currency)


def _payment(node: PaymentNode) -> Payment:
    return Payment(
        id=node.id,
        total=_some_money(node.total_amount),
        # Without transaction details the capture failed or is still pending (Payments).
        captured=bool(node.transaction_details.data),
    )


def _buyer(node: OrderNode) -> Buyer | None:
    details = node.buyer_details
    if details is None or (details.name is None and details.email is None):
        return None
    return Buyer(
        name=details.name,
        email=details.email,
        # Only JSON true is consent; "true" as text, 1 and everything else are not.
        email_remarketing_option=details.email_remarketing_option is True,
    )


def _address(node: AddressNode) -> Address:
    full_name = " ".join(part for part in (node.first_name, node.last_name) if part)
    return Address(
        name=node.name or full_name or None,
        street1=node.street1,
        street2=node.street2,
        city=node.city,
        state=node.state,
        postal_code=node.postal_code,
        country=node.country,
    )
