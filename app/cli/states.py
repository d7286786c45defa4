"""`orderwire docs states`: docs/states.md, written from the rules: what `decide` answers in each state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from app.domain.commands import Acknowledge, Cancel, Change, Refund, RefundLine, Ship, UpdateTracking
from app.domain.decide import Allowed, AlreadyDone, Refusal, decide
from app.domain.money import Money
from app.domain.orders import Order, OrderItem, OrderState, Shipment, Tracking, Units

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD = Tracking(carrier="UPS", tracking_number="1Z-OLD")
NEW = Tracking(carrier="UPS", tracking_number="1Z-NEW")
PARCEL = Shipment(id="1", external_shipment_id=None, tracking=OLD, items=())

CHANGES: dict[str, Change] = {
    "acknowledge": Acknowledge(merchant_order_reference=None),
    "ship": Ship(
        items=None,
        ship_all_remaining=True,
        tracking=NEW,
        external_shipment_id=None,
        merchant_order_reference=None,
    ),
    "update_tracking": UpdateTracking(shipment="1", tracking=NEW),
    "cancel": Cancel(items=None, reason_code="OUT_OF_STOCK", reason_description=None, restock_items=False),
    "refund": Refund(
        items=(RefundLine(item_id="1", quantity=1, amount=None),),
        full=False,
        reason_code="WRONG_ITEM",
        reason_text=None,
        shipping=None,
        deductions=(),
    ),
}


def table() -> str:
    """Return the document."""
    lines = [
        "# What each state allows",
        "",
        "For integrators and support. This page says which change an order accepts in which state.",
        "",
        "Generated from `app/domain/decide.py` by `orderwire docs states`; `make check` keeps it up to date.",
        "A refused change is answered 409 with the code shown. *done* means that nothing has to be sent: the",
        "command succeeds without a call.",
        "",
        "| order | " + " | ".join(CHANGES) + " |",
        "|---" * (len(CHANGES) + 1) + "|",
    ]
    for name, order in orders().items():
        lines.append(f"| {name} | " + " | ".join(_word(order, change) for change in CHANGES.values()) + " |")
    return "\n".join(lines) + "\n"


def orders() -> dict[str, Order]:
    """Return one order for each row, by what its row is called."""
    fresh = _order(OrderState.CREATED, Units(open=2, shipped=0, cancelled=0, refunded=0))
    held = replace(fresh, state=OrderState.FB_PROCESSING)
    progress = replace(fresh, state=OrderState.IN_PROGRESS)
    partly = _order(OrderState.IN_PROGRESS, Units(open=1, shipped=1, cancelled=0, refunded=0), PARCEL)
    shipped = _order(OrderState.COMPLETED, Units(open=0, shipped=2, cancelled=0, refunded=0), PARCEL)
    refunded = _order(OrderState.COMPLETED, Units(open=0, shipped=2, cancelled=0, refunded=2), PARCEL)
    cancelled = _order(OrderState.COMPLETED, Units(open=0, shipped=0, cancelled=2, refunded=0))
    return {
        "FB_PROCESSING, under 24 h": held,
        "FB_PROCESSING, over 24 h": replace(held, created_at=NOW - timedelta(hours=25)),
        "CREATED": fresh,
        "IN_PROGRESS, all open": progress,
        "IN_PROGRESS, partly shipped": partly,
        "COMPLETED, shipped": shipped,
        "COMPLETED, refunded": refunded,
        "COMPLETED, cancelled": cancelled,
        "a state unknown to Orderwire": replace(fresh, state=OrderState.UNKNOWN),
    }


def _order(state: OrderState, units: Units, *parcels: Shipment) -> Order:
    item = OrderItem(
        id="1",
        retailer_id="SKU",
        product_id=None,
        name=None,
        unit_price=Money.parse("10.00", "USD"),
        units=units,
        refundable=None,
    )
    return Order(
        id="1",
        shop_id="1",
        state=state,
        channel=None,
        created_at=NOW,
        updated_at=NOW,
        ship_by=None,
        merchant_order_reference=None,
        items=(item,),
        totals=None,
        shipments=parcels,
        cancellations=(),
        refunds=(),
        payments=(),
    )


def _word(order: Order, change: Change) -> str:
    match decide(order, change, NOW):
        case Allowed():
            return "yes"
        case AlreadyDone():
            return "done"
        case Refusal(code=code):
            return f"`{code}`"
