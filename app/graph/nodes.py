"""The platform's order node and its edges, as sent: lenient models, every part but the vital ones optional.

Empty fields are left out by the platform, unknown ones are passed over, unknown enum values are data. Amounts
come as text or numbers, ids as text or numbers, `status` as an object or as JSON text (Order API reference).
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# What one edge of one order may hold in all its pages; real orders have a few dozen lines.
MAX_EDGE = 2000


def _to_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _to_decimal(value: object) -> object:
    # A float here would already have lost cents; the client reads JSON numbers as Decimal.
    if isinstance(value, bool) or not isinstance(value, str | int):
        return value
    try:
        return Decimal(value)
    except InvalidOperation:
        raise ValueError("not a decimal amount") from None


def _to_date(value: object) -> object:
    # The promised ship day is information, not money: an odd one is none.
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def _to_time(value: object) -> object:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        return moment
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _to_members(value: object) -> object:
    # `status` is typed "string" in the reference and an object in its samples: both are read.
    return json.loads(value) if isinstance(value, str) else value


def _to_state(value: object) -> object:
    return {"state": value} if isinstance(value, str) else value


def _to_reason(value: object) -> object:
    # `refund_reason` is a number in a table of the reference and an object in its sample.
    return {"reason_code": _to_text(value)} if isinstance(value, str | int) else value


def _to_edge(value: object) -> object:
    return {"data": value} if isinstance(value, list) else value


Text = Annotated[str, BeforeValidator(_to_text)]
Amount = Annotated[Decimal, BeforeValidator(_to_decimal)]
Moment = Annotated[datetime, BeforeValidator(_to_time)]
ShipDay = Annotated[date | None, BeforeValidator(_to_date)]


class Node(BaseModel):
    """A lenient model: what it does not know is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Part = TypeVar("Part", bound=BaseModel)


class EdgeOf(Node, Generic[Part]):
    """A list of nodes with its own paging; the client has gathered the pages before this reads it."""

    data: list[Part] = Field(default_factory=list, max_length=MAX_EDGE)


class AmountNode(Node):
    """`currency_amount`: decimal text in major units and an ISO code."""

    amount: Amount
    currency: str


class UnitsNode(Node):
    """An item's breakdown; absent figures are told apart from zero."""

    in_progress: int | None = None
    fulfilled: int = 0
    cancelled: int = 0


class ItemNode(Node):
    """One line of the order."""

    id: Text
    retailer_id: Text = ""
    product_id: Text | None = None
    product_name: Text | None = None
    quantity: Annotated[int, Field(ge=0)]
    price_per_unit: AmountNode
    status: Annotated[UnitsNode | None, BeforeValidator(_to_members)] = None
    amount_available_for_refund: AmountNode | None = None


class LineNode(Node):
    """Some units of one line, in a shipment, cancellation or refund."""

    id: Text
    quantity: int | None = None
    refund_subtotal: AmountNode | None = None


Lines = Annotated[EdgeOf[LineNode], BeforeValidator(_to_edge)]


class TrackingNode(Node):
    """How a parcel is followed."""

    carrier: str = "OTHER"
    tracking_number: Text = ""
    shipping_method_name: str | None = None


class ShipmentNode(Node):
    """One parcel."""

    id: Text
    external_shipment_id: Text | None = None
    tracking_info: TrackingNode | None = None
    items: Lines = EdgeOf[LineNode]()


class ReasonNode(Node):
    """Why units were cancelled or money was given back."""

    reason_code: str | None = None
    reason_description: str | None = None


class CancellationNode(Node):
    """Units given up by somebody."""

    id: Text
    items: Lines = EdgeOf[LineNode]()
    cancel_reason: ReasonNode | None = None


class RefundAmountNode(Node):
    """`refund_amount`: the whole, and its parts where they were asked for (plain decimals)."""

    amount: Amount | None = None
    currency: str | None = None
    subtotal: Amount | None = None
    shipping: Amount | None = None
    tax: Amount | None = None
    total: Amount | None = None


class RefundNode(Node):
    """Money given back by somebody."""

    id: Text
    items: Lines = EdgeOf[LineNode]()
    refund_reason: Annotated[ReasonNode | None, BeforeValidator(_to_reason)] = None
    refund_amount: RefundAmountNode | None = None


class TransactionNode(Node):
    """One movement of money; that there is one means that the payment was captured."""

    transaction_type: str | None = None


class PaymentNode(Node):
    """The charge of one shipment."""

    id: Text
    total_amount: AmountNode | None = None
    transaction_details: Annotated[EdgeOf[TransactionNode], BeforeValidator(_to_edge)] = EdgeOf[
        TransactionNode
    ]()


class SubtotalNode(Node):
    """Goods and shipping before tax."""

    items: AmountNode
    shipping: AmountNode | None = None


class PaymentDetailsNode(Node):
    """What the order came to when it was placed."""

    subtotal: SubtotalNode
    tax: AmountNode | None = None
    total_amount: AmountNode | None = None


class BuyerNode(Node):
    """Who bought. The opt-in counts only as JSON `true`, so it is kept as it came."""

    name: str | None = None
    email: str | None = None
    email_remarketing_option: Any = None


class AddressNode(Node):
    """Where the parcels go."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    street1: str | None = None
    street2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: Text | None = None
    country: str | None = None


class StatusNode(Node):
    """The order's state."""

    state: str


class OrderNode(Node):
    """One order with every edge Orderwire asks for."""

    id: Text
    order_status: Annotated[StatusNode, BeforeValidator(_to_state)]
    created: Moment
    last_updated: Moment
    channel: str | None = None
    ship_by_date: ShipDay = None
    merchant_order_id: Text | None = None
    buyer_details: BuyerNode | None = None
    shipping_address: AddressNode | None = None
    estimated_payment_details: PaymentDetailsNode | None = None
    items: Annotated[EdgeOf[ItemNode], BeforeValidator(_to_edge)]
    shipments: Annotated[EdgeOf[ShipmentNode], BeforeValidator(_to_edge)] = EdgeOf[ShipmentNode]()
    cancellations: Annotated[EdgeOf[CancellationNode], BeforeValidator(_to_edge)] = EdgeOf[CancellationNode]()
    refunds: Annotated[EdgeOf[RefundNode], BeforeValidator(_to_edge)] = EdgeOf[RefundNode]()
    payments: Annotated[EdgeOf[PaymentNode], BeforeValidator(_to_edge)] = EdgeOf[PaymentNode]()
