"""One order, small enough to see whole."""

from __future__ import annotations

from datetime import UTC, datetime

from app.domain.money import Money
from app.domain.orders import Order, OrderItem, OrderState, Totals, Units

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def usd(amount: str) -> Money:
    return Money.parse(amount, "USD")


def order(order_id: str = "35001", state: OrderState = OrderState.IN_PROGRESS) -> Order:
    return Order(
        id=order_id,
        shop_id="900",
        state=state,
        channel="instagram",
        created_at=NOW,
        updated_at=NOW,
        ship_by=None,
        merchant_order_reference=None,
        items=(
            OrderItem(
                id="500001",
                retailer_id="mug",
                product_id=None,
                name="Mug",
                unit_price=usd("10.00"),
                units=Units(open=2, shipped=1, cancelled=0, refunded=0),
                refundable=None,
            ),
        ),
        totals=Totals(items=usd("30.00"), shipping=usd("5.00"), tax=usd("2.10"), total=usd("37.10")),
        shipments=(),
        cancellations=(),
        refunds=(),
        payments=(),
    )
