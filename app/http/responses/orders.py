"""Orders and their timelines as the routes show them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import AliasPath, Field

from app.http.responses.parts import MoneyResponse, PageModel, ResponseModel


class BuyerResponse(ResponseModel):
    """Who bought; `email` is the platform's relay address."""

    name: str | None
    email: str | None
    email_remarketing_option: bool


class AddressResponse(ResponseModel):
    """Where the parcels go."""

    name: str | None
    street1: str | None
    street2: str | None
    city: str | None
    state: str | None
    postal_code: str | None
    country: str | None


class UnitsResponse(ResponseModel):
    """Where the units of an item are: open, shipped, cancelled."""

    in_progress: int = Field(validation_alias="open")
    fulfilled: int = Field(validation_alias="shipped")
    cancelled: int


class ItemResponse(ResponseModel):
    """One line of an order."""

    id: str
    retailer_id: str
    name: str | None
    quantity: int = Field(validation_alias=AliasPath("units", "quantity"))
    unit_price: MoneyResponse
    status: UnitsResponse = Field(validation_alias="units")
    refunded_quantity: int = Field(validation_alias=AliasPath("units", "refunded"))


class TotalsResponse(ResponseModel):
    """What the order came to when it was placed."""

    items: MoneyResponse
    shipping: MoneyResponse
    tax: MoneyResponse
    total: MoneyResponse


class QuantityResponse(ResponseModel):
    """Some units of one item."""

    item_id: str
    quantity: int


class TrackingResponse(ResponseModel):
    """How a parcel is followed."""

    carrier: str
    tracking_number: str
    shipping_method_name: str | None


class ShipmentResponse(ResponseModel):
    """A parcel the platform has recorded."""

    id: str
    external_shipment_id: str | None
    tracking: TrackingResponse | None
    items: list[QuantityResponse]


class CancellationResponse(ResponseModel):
    """Cancelled units, whoever cancelled them."""

    id: str
    items: list[QuantityResponse]
    reason_code: str | None
    reason_description: str | None


class RefundedItemResponse(ResponseModel):
    """What a refund gave back on one item; `quantity` only when it was refunded by units."""

    item_id: str
    quantity: int | None
    amount: MoneyResponse | None


class RefundResponse(ResponseModel):
    """A refund the platform has recorded; `amount` is the whole, `shipping` its shipping part."""

    id: str
    items: list[RefundedItemResponse]
    reason_code: str | None
    amount: MoneyResponse | None
    shipping: MoneyResponse | None


class OrderResponse(ResponseModel):
    """One order as of `synced_at`.

    `buyer` and `shipping_address` are null while the platform holds them back (FB_PROCESSING) and for keys
    without `orders:read`; `unreadable` names those that could not be opened with the sealing keys at hand.
    `archived`: it rests in the archive, and comes back by itself when anything happens to it.
    """

    id: str
    shop_id: str
    state: str
    channel: str | None
    created_at: datetime
    updated_at: datetime
    ship_by: date | None
    merchant_order_reference: str | None
    buyer: BuyerResponse | None
    shipping_address: AddressResponse | None
    unreadable: list[Literal["buyer", "shipping_address"]]
    items: list[ItemResponse]
    totals: TotalsResponse | None
    shipments: list[ShipmentResponse]
    cancellations: list[CancellationResponse]
    refunds: list[RefundResponse]
    synced_at: datetime
    archived: bool


class OrderPageResponse(PageModel):
    """One page of orders; `next_cursor` is null on the last."""

    data: list[OrderResponse]


class TimelineEntryResponse(ResponseModel):
    """One thing that happened to an order, when, and by which cause."""

    at: datetime
    what: str = Field(examples=["command.succeeded"])
    cause: str = Field(examples=["webhook"])
    detail: dict[str, Any]


class TimelineResponse(PageModel):
    """One page of what happened, oldest first."""

    data: list[TimelineEntryResponse]


class SyncResponse(ResponseModel):
    """The order as it was just read, and what that read changed; an empty list says that nothing differed."""

    order: OrderResponse
    differences: list[TimelineEntryResponse]
