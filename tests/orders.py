"""Orders for tests: whole, plausible, and changed by name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from app.domain.money import Money
from app.domain.orders import (
    Address,
    Buyer,
    Order,
    OrderItem,
    OrderState,
    PlatformOrder,
    Shipment,
    Totals,
    Tracking,
    Units,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
UPS = Tracking(carrier="UPS", tracking_number="1Z1")


def usd(amount: str) -> Money:
    return Money.parse(amount, "USD")


def units(*, open: int = 0, shipped: int = 0, cancelled: int = 0, refunded: int = 0) -> Units:  # noqa: A002 - the ledger's own word
    return Units(open=open, shipped=shipped, cancelled=cancelled, refunded=refunded)


def item(
    item_id: str = "1", *, ledger: Units | None = None, retailer_id: str | None = None, price: str = "20.00"
) -> OrderItem:
    return OrderItem(
        id=item_id,
        retailer_id=retailer_id or f"SKU-{item_id}",
        product_id=f"9{item_id}",
        name="A mug",
        unit_price=usd(price),
        units=ledger or units(open=3),
        refundable=None,
    )


def order(state: OrderState = OrderState.IN_PROGRESS, **changes: Any) -> Order:
    whole = Order(
        id="64000000000000001",
        shop_id="900000000000017",
        state=state,
        channel="facebook",
        created_at=NOW,
        updated_at=NOW,
        ship_by=None,
        merchant_order_reference=None,
        items=(item(),),
        totals=Totals(items=usd("60.00"), shipping=usd("6.00"), tax=usd("5.00"), total=usd("71.00")),
        shipments=(),
        cancellations=(),
        refunds=(),
        payments=(),
    )
    return replace(whole, **changes)


def shipment(
    number: str = "1Z1", *, shipment_id: str = "600001", external_id: str | None = "wh_1"
) -> Shipment:
    return Shipment(
        id=shipment_id,
        external_shipment_id=external_id,
        tracking=Tracking(carrier="UPS", tracking_number=number),
        items=(),
    )


def platform_order(whole: Order | None = None) -> PlatformOrder:
    return PlatformOrder(
        order=whole or order(),
        buyer=Buyer(name="Zoë Müller", email="k3@marketplace.facebook.com", email_remarketing_option=False),
        shipping_address=Address(
            name="Zoë Müller",
            street1="Hauptstraße 1",
            street2=None,
            city="Springfield",
            state="IL",
            postal_code="62701",
            country="US",
        ),
    )
