"""The records of the ledger: one frozen order with its lines, shipments, cancellations and refunds.

Units: ``quantity = open + shipped + cancelled`` and ``refunded_units <= shipped`` hold on every line, always.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sandbox.money import ZERO


class State(StrEnum):
    """The four states of an order (Order API reference); there is no CANCELLED, SHIPPED or REFUNDED."""

    FB_PROCESSING = "FB_PROCESSING"
    CREATED = "CREATED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"


class By(StrEnum):
    """Who changed an order: the merchant through the API, the buyer, or Meta itself."""

    MERCHANT = "merchant"
    BUYER = "buyer"
    META = "meta"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A commerce account with its Page: what tokens open and orders belong to."""

    cms_id: str
    page_id: str
    name: str
    business_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """The buyer as the platform tells it: a name, a relay address and the opt-in."""

    name: str
    email: str
    email_remarketing_option: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A shipping address as it is read (`street1`, not `street_1`)."""

    name: str
    street1: str
    street2: str
    city: str
    state: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """An offer that took something off one line, already inside its unit price (item level)."""

    id: str
    campaign_name: str
    coupon_code: str
    applied_amount: Decimal
    sponsor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One product of an order and what became of its units; `tax` is the estimated tax of the whole line."""

    id: str
    retailer_id: str
    product_id: str
    product_name: str
    quantity: int
    price: Decimal
    tax: Decimal
    shipped: int = 0
    cancelled: int = 0
    refunded_units: int = 0
    refunded_amount: Decimal = ZERO  # pre-tax, by quantity and by amount together
    refunded_tax: Decimal = ZERO
    promotions: tuple[Promotion, ...] = ()

    @property
    def open(self) -> int:
        """Units neither shipped nor cancelled."""
        return self.quantity - self.shipped - self.cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some units of one line inside a shipment or cancellation; `tax` is fixed when they ship."""

    line_id: str
    quantity: int
    tax: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """How a parcel is followed; `carrier` in lower case, as it is read back."""

    carrier: str
    tracking_number: str
    shipping_method_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What one shipment charges the buyer, and when the charge goes through."""

    id: str
    items: Decimal
    shipping: Decimal
    tax: Decimal
    captured_at: datetime

    @property
    def total(self) -> Decimal:
        """All the buyer pays for the shipment."""
        return self.items + self.shipping + self.tax

    def captured(self, now: datetime) -> bool:
        """Return whether the money has been taken by `now`."""
        return self.captured_at <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """A parcel: its units, its tracking and the payment it triggered."""

    id: str
    external_id: str | None
    parts: tuple[Part, ...]
    tracking: Tracking | None
    payment: Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Units that will never ship, with the reason given."""

    id: str
    parts: tuple[Part, ...]
    reason_code: str | None
    reason_description: str | None
    restock: bool
    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPart:
    """What a refund gives back on one line; `subtotal` is pre-tax, `quantity` None if by amount."""

    line_id: str
    quantity: int | None
    subtotal: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money given back: `total = subtotal + shipping + adjustment + tax - deductions`."""

    id: str
    parts: tuple[RefundPart, ...]
    shipping: Decimal
    tax: Decimal
    adjustment: Decimal
    deductions: Decimal
    reason_code: str
    reason_text: str | None
    at: datetime
    by: By

    @property
    def subtotal(self) -> Decimal:
        """What is given back before tax and shipping, goodwill included."""
        return sum((part.subtotal for part in self.parts), ZERO) + self.adjustment

    @property
    def total(self) -> Decimal:
        """What the buyer gets."""
        return self.subtotal + self.shipping + self.tax - self.deductions


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the platform knows it; every change makes a new one."""

    id: str
    shop_id: str
    state: State
    created_at: datetime
    updated_at: datetime
    channel: str
    currency: str
    buyer: Buyer
    address: Address
    shipping: Decimal
    shipping_tax: Decimal
    tax_rate: Decimal
    ship_by: datetime
    lines: tuple[Line, ...]
    reference: str | None = None
    listed: bool = True  # an order cancelled in its hold is listed no more
    test: bool = False
    shipments: tuple[Shipment, ...] = field(default=())
    cancellations: tuple[Cancellation, ...] = field(default=())
    refunds: tuple[Refund, ...] = field(default=())

    @property
    def open(self) -> int:
        """Units of the order neither shipped nor cancelled."""
        return sum(line.open for line in self.lines)

    @property
    def shipped(self) -> int:
        """Units of the order that left in a shipment."""
        return sum(line.shipped for line in self.lines)

    @property
    def cancelled(self) -> int:
        """Units of the order that were cancelled."""
        return sum(line.cancelled for line in self.lines)

    def line(self, line_id: str) -> Line:
        """Return the line with this id.

        Raises:
            KeyError: the order has no such line.
        """
        for line in self.lines:
            if line.id == line_id:
                return line
        raise KeyError(line_id)

    def captured_shipments(self, now: datetime) -> tuple[Shipment, ...]:
        """Return the shipments whose payment has been captured by `now`."""
        return tuple(shipment for shipment in self.shipments if shipment.payment.captured(now))

    def captured_units(self, line_id: str, now: datetime) -> int:
        """Return units of one line whose payment has been captured by `now`."""
        return sum(
            part.quantity
            for shipment in self.captured_shipments(now)
            for part in shipment.parts
            if part.line_id == line_id
        )

    def captured_tax(self, line_id: str, now: datetime) -> Decimal:
        """Tax of one line captured by `now`."""
        return sum(
            (
                part.tax
                for shipment in self.captured_shipments(now)
                for part in shipment.parts
                if part.line_id == line_id
            ),
            ZERO,
        )

    def captured_total(self, now: datetime) -> Decimal:
        """Return all the buyer has been charged by `now`."""
        return sum((shipment.payment.total for shipment in self.captured_shipments(now)), ZERO)

    def refunded_total(self) -> Decimal:
        """Return all the buyer got back."""
        return sum((refund.total for refund in self.refunds), ZERO)
