"""Values the store's tests write, with only what a test cares about to be named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import structs

from app.domain.commands import (
    Acknowledge,
    Attempt,
    Change,
    Command,
    CommandStatus,
    Ship,
    WireRequest,
)
from app.domain.money import Money
from app.domain.orders import (
    Cancellation,
    ItemQuantity,
    Order,
    OrderItem,
    OrderState,
    Payment,
    RefundedItem,
    RefundRecord,
    Shipment,
    Totals,
    Tracking,
    Units,
)
from app.domain.timeline import Cause, TimelineEntry
from app.store.command_values import Settlement

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def usd(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


def order(order_id: str = "368508827392800", **changed: Any) -> Order:
    whole = Order(
        id=order_id,
        shop_id="112",
        state=OrderState.CREATED,
        channel="facebook",
        created_at=NOW,
        updated_at=NOW,
        ship_by=NOW.date(),
        merchant_order_reference=None,
        items=(
            OrderItem(
                id="2082596341811586",
                retailer_id="sku-ß",
                product_id=None,
                name="Straßenschuh",
                unit_price=usd("30.00"),
                units=Units(open=1, shipped=2, cancelled=1, refunded=1),
                refunded_amount=usd("0.10"),
                refundable=None,
            ),
        ),
        totals=Totals(items=usd("120"), shipping=usd("5"), tax=usd("0"), total=usd("125.00")),
        shipments=(
            Shipment(
                id="1",
                external_shipment_id="ext_1",
                tracking=Tracking(carrier="UPS", tracking_number="1Z", shipping_method_name=None),
                items=(ItemQuantity(item_id="2082596341811586", quantity=2),),
            ),
            Shipment(id="2", external_shipment_id=None, tracking=None, items=()),
        ),
        cancellations=(
            Cancellation(
                id="3",
                items=(ItemQuantity(item_id="2082596341811586", quantity=1),),
                reason_code="OUT_OF_STOCK",
                reason_description=None,
            ),
        ),
        refunds=(
            RefundRecord(
                id="4",
                items=(
                    RefundedItem(item_id="2082596341811586", quantity=1, amount=None),
                    RefundedItem(item_id="2082596341811586", quantity=None, amount=usd("0.10")),
                ),
                reason_code=None,
                amount=usd("30.10"),
                shipping=None,
            ),
        ),
        payments=(Payment(id="5", total=usd("60"), captured=True),),
    )
    return structs.replace(whole, **changed)


def ship() -> Ship:
    return Ship(
        items=(ItemQuantity(item_id="1", quantity=1),),
        ship_all_remaining=False,
        tracking=Tracking(carrier="UPS", tracking_number="1Z"),
        external_shipment_id=None,
        merchant_order_reference=None,
    )


def command(
    command_id: str = "c1", *, order_id: str = "1", change: Change | None = None, at: datetime = NOW
) -> Command:
    made = change or Acknowledge(merchant_order_reference="A-100")
    return Command(
        id=command_id,
        order_id=order_id,
        shop_id="112",
        kind=made.kind,
        change=made,
        status=CommandStatus.PENDING,
        idempotency_key=f"key-{command_id}",
        created_at=at,
        cause=Cause.REST,
    )


def note(what: str = "command.accepted", **detail: Any) -> TimelineEntry:
    return TimelineEntry(at=NOW, what=what, cause=Cause.REST, detail=detail)


def attempt(
    number: int = 1, *, key: str = "key-c1", at: datetime = NOW, outcome: str | None = None
) -> Attempt:
    return Attempt(
        number=number,
        started_at=at,
        timeout_s=10.0,
        idempotency_key=key,
        finished_at=at if outcome else None,
        outcome=outcome,
        error=None,
    )


WIRE = WireRequest(path="/1/acknowledge_order", body="idempotency_key=key-c1")


def settlement(status: CommandStatus, **changed: Any) -> Settlement:
    plain = Settlement(
        status=status,
        attempt=None,
        next_attempt_at=later(600) if status is CommandStatus.WAITING else None,
        idempotency_key="key-c1",
        keep_wire=True,
        error=None,
        timeline=(),
    )
    return replace(plain, **changed)
