"""The bodies of the write routes: strict, so that a slip of the pen is told and never guessed at."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from app.http.requests.fields import (
    MAX_ITEMS,
    Amount,
    Body,
    CancelReason,
    Carrier,
    ExternalShipmentId,
    PlatformId,
    Quantity,
    ReasonText,
    Reference,
    RefundReason,
    RetailerId,
    ShippingMethod,
    TrackingNumber,
    printable,
)

# Ten of the platform's batches of 100.
MAX_ORDERS = 1000
# The platform knows a single type of deduction; a handful leaves room for one per parcel.
MAX_DEDUCTIONS = 10


class TrackingRequest(Body):
    """How a parcel is followed; `carrier` in any case, `OTHER` for one that has no code."""

    carrier: Carrier = Field(examples=["UPS"])
    tracking_number: TrackingNumber
    shipping_method_name: ShippingMethod | None = None


class ItemLine(Body):
    """Some units of one item, named by exactly one of `item_id` and `retailer_id`."""

    item_id: PlatformId | None = None
    retailer_id: RetailerId | None = None
    quantity: Quantity

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.item_id is None) == (self.retailer_id is None):
            raise _unclear(
                "names its item by neither or both of item_id and retailer_id", "Give exactly one of the two."
            )
        return self


ItemLines = Annotated[list[ItemLine], Field(min_length=1, max_length=MAX_ITEMS)]


class AcknowledgementRequest(Body):
    """Take an order over. The reference is write-once; without one the shop's template makes it."""

    merchant_order_reference: Reference | None = None


class AcknowledgementLine(Body):
    """One order of a batch."""

    order_id: PlatformId
    merchant_order_reference: Reference | None = None


class AcknowledgementsRequest(Body):
    """Take many orders over; one command is made for each."""

    orders: Annotated[list[AcknowledgementLine], Field(min_length=1, max_length=MAX_ORDERS)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen: set[str] = set()
        for line in self.orders:
            if line.order_id in seen:
                raise _unclear(f"name order {line.order_id} more than once", "Name each order once.")
            seen.add(line.order_id)
        return self


class ShipmentRequest(Body):
    """Ship one parcel: the items in it, or `ship_all_remaining` for everything that is still open."""

    items: ItemLines | None = None
    ship_all_remaining: bool = False
    tracking: TrackingRequest
    external_shipment_id: ExternalShipmentId | None = None
    merchant_order_reference: Reference | None = None

    @model_validator(mode="after")
    def _items_or_all(self) -> Self:
        if (self.items is None) != self.ship_all_remaining:
            raise _unclear(
                "must have either items or ship_all_remaining",
                'List the parcel\'s items, or send "ship_all_remaining": true to ship all that is open.',
            )
        return self


class TrackingChangeRequest(Body):
    """Give a shipped parcel its right number."""

    tracking: TrackingRequest


class CancellationRequest(Body):
    """Give up units that are not shipped; without `items` all that are open."""

    items: ItemLines | None = None
    reason_code: CancelReason
    reason_description: ReasonText | None = None
    restock_items: bool = False


class RefundLineRequest(Body):
    """Give money back on one item: whole units (with their tax), or an amount before tax."""

    item_id: PlatformId
    quantity: Quantity | None = None
    amount: Amount | None = None

    @model_validator(mode="after")
    def _units_or_money(self) -> Self:
        if (self.quantity is None) == (self.amount is None):
            raise _unclear("has neither or both of quantity and amount", "Give exactly one of the two.")
        return self


class DeductionRequest(Body):
    """Money kept back; the platform knows one reason, the cost of the return."""

    deduction_type: Literal["RETURN_SHIPPING"]
    amount: Amount


class RefundRequest(Body):
    """Give money back: `full` for everything shipped, or by `items`; `shipping` alone or with either."""

    items: Annotated[list[RefundLineRequest], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    full: bool = False
    reason_code: RefundReason
    reason_text: ReasonText | None = None
    shipping: Amount | None = None
    deductions: Annotated[list[DeductionRequest], Field(max_length=MAX_DEDUCTIONS)] = Field(
        default_factory=list
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.full and self.items is not None:
            raise _unclear(
                "has both full and items", "Send full for everything shipped, or items for a part."
            )
        if not self.full and self.items is None and self.shipping is None:
            raise _unclear(
                "names nothing to refund", 'Send items, or shipping, or "full": true for everything shipped.'
            )
        return self

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        named = [line.item_id for line in self.items or ()]
        repeated = next((item_id for item_id in named if named.count(item_id) > 1), None)
        if repeated is not None:
            raise _unclear(f"names item {repeated} more than once", "Name each item once.")
        return self


class DismissalRequest(Body):
    """Why a dead letter is closed undone; it becomes the command's error and stands in the timeline."""

    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(printable)] = Field(
        examples=["refunded by hand in Commerce Manager"]
    )


def _unclear(message: str, hint: str) -> PydanticCustomError:
    # pydantic fills braces in its templates; ours are finished texts.
    return PydanticCustomError("unclear", "{what}", {"what": message, "hint": hint})
