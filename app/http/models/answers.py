"""What the routes answer: the shapes that openapi/orderwire.json promises."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.domain.timeline import Cause


class Answer(BaseModel):
    """An answer; built from our own values only, so that nothing of the platform's slips through."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MoneyAnswer(Answer):
    """An exact amount: decimal text and an ISO 4217 code."""

    amount: str = Field(examples=["5.00"])
    currency: str = Field(examples=["USD"])


class BuyerAnswer(Answer):
    """Who bought; `email` is the platform's relay address."""

    name: str | None
    email: str | None
    email_remarketing_option: bool


class AddressAnswer(Answer):
    """Where the parcels go."""

    name: str | None
    street1: str | None
    street2: str | None
    city: str | None
    state: str | None
    postal_code: str | None
    country: str | None


class UnitsAnswer(Answer):
    """Where the units of an item are: open, shipped, given up."""

    in_progress: int
    fulfilled: int
    cancelled: int


class ItemAnswer(Answer):
    """One line of an order."""

    id: str
    retailer_id: str
    name: str | None
    quantity: int
    unit_price: MoneyAnswer
    status: UnitsAnswer
    refunded_quantity: int


class TotalsAnswer(Answer):
    """What the order came to when it was placed."""

    items: MoneyAnswer
    shipping: MoneyAnswer
    tax: MoneyAnswer
    total: MoneyAnswer


class QuantityAnswer(Answer):
    """Some units of one item."""

    item_id: str
    quantity: int


class TrackingAnswer(Answer):
    """How a parcel is followed."""

    carrier: str
    tracking_number: str
    shipping_method_name: str | None


class ShipmentAnswer(Answer):
    """A parcel the platform has recorded."""

    id: str
    external_shipment_id: str | None
    tracking: TrackingAnswer | None
    items: list[QuantityAnswer]


class CancellationAnswer(Answer):
    """Units given up, by whomever."""

    id: str
    items: list[QuantityAnswer]
    reason_code: str | None
    reason_description: str | None


class RefundedItemAnswer(Answer):
    """What a refund gave back on one item; `quantity` only when it was refunded by units."""

    item_id: str
    quantity: int | None
    amount: MoneyAnswer | None


class RefundAnswer(Answer):
    """A refund the platform has recorded; `amount` is the whole, `shipping` its shipping part."""

    id: str
    items: list[RefundedItemAnswer]
    reason_code: str | None
    amount: MoneyAnswer | None
    shipping: MoneyAnswer | None


class OrderAnswer(Answer):
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
    buyer: BuyerAnswer | None
    shipping_address: AddressAnswer | None
    unreadable: list[Literal["buyer", "shipping_address"]]
    items: list[ItemAnswer]
    totals: TotalsAnswer | None
    shipments: list[ShipmentAnswer]
    cancellations: list[CancellationAnswer]
    refunds: list[RefundAnswer]
    synced_at: datetime
    archived: bool


class OrderPageAnswer(Answer):
    """One page of orders; `next_cursor` is null on the last."""

    data: list[OrderAnswer]
    next_cursor: str | None


class TimelineEntryAnswer(Answer):
    """One thing that happened to an order, when, and by which cause."""

    at: datetime
    what: str = Field(examples=["command.succeeded"])
    cause: Cause = Field(examples=["webhook"])
    detail: dict[str, Any]


class TimelineAnswer(Answer):
    """One page of what happened, oldest first."""

    data: list[TimelineEntryAnswer]
    next_cursor: str | None


class SyncAnswer(Answer):
    """The order as it was just read, and what that read changed; an empty list says that nothing differed."""

    order: OrderAnswer
    differences: list[TimelineEntryAnswer]


class AttemptAnswer(Answer):
    """One call made for a command, with the key it carried; `outcome` is null while it runs."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: Literal["accepted", "refused", "throttled", "busy", "unknown"] | None
    error: str | None
    idempotency_key: str


class CommandAnswer(Answer):
    """A durable promise to make one change; it ends `succeeded`, `failed` or `dead` (a person must look)."""

    id: str
    order_id: str
    shop_id: str
    kind: Literal["acknowledge", "ship", "update_tracking", "cancel", "refund", "acknowledge_batch"]
    status: Literal["pending", "running", "waiting", "succeeded", "failed", "dead"]
    idempotency_key: str
    request: dict[str, Any]
    attempts: list[AttemptAnswer]
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    error: str | None


class CommandPageAnswer(Answer):
    """One page of commands, newest first."""

    data: list[CommandAnswer]
    next_cursor: str | None


class FieldErrorAnswer(Answer):
    """What is wrong with one field."""

    field: str
    message: str
    cure: str | None = None


class ProblemAnswer(Answer):
    """Why a request was not done, and what to do about it; `code` is stable."""

    type: str = Field(examples=["urn:orderwire:problem:order_unknown"])
    title: str
    status: int
    detail: str
    code: str
    cure: str
    request_id: str
    errors: list[FieldErrorAnswer] | None = None


class BatchLineAnswer(Answer):
    """What became of one order of a batch: a command, or the problem that stands against it."""

    order_id: str
    command: CommandAnswer | None
    problem: ProblemAnswer | None


class BatchAnswer(Answer):
    """What became of each order of a batch, in the order they were sent."""

    data: list[BatchLineAnswer]
    accepted: int
    refused: int


class DeliveryAnswer(Answer):
    """What became of a delivery's entries; all of it is durable."""

    accepted: int
    duplicates: int
    kept: int


class KeptAnswer(Answer):
    """A signed delivery, or an entry of one, not understood; `body` is null if it cannot be opened."""

    id: str
    at: datetime
    reason: str
    body: str | None


class KeptPageAnswer(Answer):
    """One page of what was kept, newest first."""

    data: list[KeptAnswer]
    next_cursor: str | None


class CountersAnswer(Answer):
    """How often each thing happened since the store was made."""

    data: dict[str, int]


class CheckAnswer(Answer):
    """One thing that readiness depends on."""

    name: str
    ok: bool
    detail: str


class ReadinessAnswer(Answer):
    """Whether this process can do its work, check by check."""

    status: Literal["ready", "not_ready"]
    checks: list[CheckAnswer]


class LivenessAnswer(Answer):
    """The process answers."""

    status: Literal["alive"]
