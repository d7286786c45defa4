"""The order as Orderwire knows it: items with their unit ledger, and what became of them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from app.domain.codec import Record
from app.domain.money import Money


class OrderState(StrEnum):
    """The platform's four states of an order (Order Lifecycle).

    UNKNOWN stands for any it may add, and for an order that it stopped knowing during its hold.
    """

    FB_PROCESSING = "FB_PROCESSING"
    CREATED = "CREATED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    UNKNOWN = "UNKNOWN"

    def reached(self, state: OrderState) -> bool:
        """Return whether an order in this state is in `state` or past it; False when either is UNKNOWN.

        An order only ever moves forward through its states.
        """
        if OrderState.UNKNOWN in (self, state):
            return False
        forward = list(OrderState)
        return forward.index(self) >= forward.index(state)

    @classmethod
    def _missing_(cls, value: object) -> OrderState:  # noqa: ARG003 - enum calls it with the value
        return cls.UNKNOWN


class Units(Record, frozen=True, kw_only=True, array_like=True):
    """The unit ledger of one item: quantity = open + shipped + cancelled; refunded ≤ shipped."""

    open: int
    shipped: int
    cancelled: int
    refunded: int

    @property
    def quantity(self) -> int:
        """Units ordered."""
        return self.open + self.shipped + self.cancelled

    @property
    def balanced(self) -> bool:
        """Whether the ledger's two laws hold."""
        return min(self.open, self.shipped, self.cancelled, self.refunded) >= 0 and (
            self.refunded <= self.shipped
        )


class ItemQuantity(Record, frozen=True, kw_only=True, array_like=True):
    """Some units of one item; the item's id is the platform's line-item id."""

    item_id: str
    quantity: int


class OrderItem(Record, frozen=True, kw_only=True):
    """One line of an order.

    `refunded_amount` is the pre-tax money given back, None for none; `refundable` what is left, where known.
    """

    id: str
    retailer_id: str
    product_id: str | None = None
    name: str | None = None
    unit_price: Money
    units: Units
    refunded_amount: Money | None = None
    refundable: Money | None = None


class Tracking(Record, frozen=True, kw_only=True, array_like=True):
    """How a parcel is followed. `carrier` is the upper-case code of `domain.carriers`."""

    carrier: str
    tracking_number: str
    shipping_method_name: str | None = None


class Shipment(Record, frozen=True, kw_only=True):
    """A parcel the platform has recorded."""

    id: str
    external_shipment_id: str | None = None
    tracking: Tracking | None = None
    items: tuple[ItemQuantity, ...] = ()


class Cancellation(Record, frozen=True, kw_only=True):
    """Units given up, by whomever; the platform does not say by whom."""

    id: str
    items: tuple[ItemQuantity, ...] = ()
    reason_code: str | None = None
    reason_description: str | None = None


class RefundedItem(Record, frozen=True, kw_only=True, array_like=True):
    """What one refund gave back on one item; `quantity` only when it was refunded by units."""

    item_id: str
    quantity: int | None = None
    amount: Money | None = None


class RefundRecord(Record, frozen=True, kw_only=True):
    """A refund the platform has recorded. `amount` is the whole, `shipping` its shipping part."""

    id: str
    items: tuple[RefundedItem, ...] = ()
    reason_code: str | None = None
    amount: Money | None = None
    shipping: Money | None = None


class Payment(Record, frozen=True, kw_only=True):
    """The charge of one shipment; refunds need it captured (Payments: `transaction_details` present)."""

    id: str
    total: Money | None = None
    captured: bool


class Totals(Record, frozen=True, kw_only=True, array_like=True):
    """What the order came to when it was placed; the platform never changes it afterwards."""

    items: Money
    shipping: Money
    tax: Money
    total: Money


class Buyer(Record, frozen=True, kw_only=True):
    """Who bought. `email` is the platform's relay address."""

    name: str | None = None
    email: str | None = None
    email_remarketing_option: bool


class Address(Record, frozen=True, kw_only=True):
    """Where the parcels go; absent parts are None."""

    name: str | None = None
    street1: str | None = None
    street2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Order(Record, frozen=True, kw_only=True):
    """One order as read from the platform, without the buyer: buyer data travels apart, to be sealed."""

    id: str
    shop_id: str
    state: OrderState
    channel: str | None = None
    created_at: datetime
    updated_at: datetime
    ship_by: date | None = None
    merchant_order_reference: str | None = None
    items: tuple[OrderItem, ...] = ()
    totals: Totals | None = None
    shipments: tuple[Shipment, ...] = ()
    cancellations: tuple[Cancellation, ...] = ()
    refunds: tuple[RefundRecord, ...] = ()
    payments: tuple[Payment, ...] = ()

    def item(self, item_id: str) -> OrderItem | None:
        """Return the item of that id, or None."""
        return next((item for item in self.items if item.id == item_id), None)

    @property
    def open_units(self) -> int:
        """Units neither shipped nor cancelled."""
        return sum(item.units.open for item in self.items)


class PlatformOrder(Record, frozen=True, kw_only=True):
    """What one read of the platform gave: the order, and apart from it the buyer data in clear."""

    order: Order
    buyer: Buyer | None = None
    shipping_address: Address | None = None
