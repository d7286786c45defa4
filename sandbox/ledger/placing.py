"""Places an order: from a request of the control API to an order of the platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sandbox.money import ZERO, rounded
from sandbox.rules import assumed, documented

from .model import Address, Buyer, Line, Order, Promotion, State

HANDLING = timedelta(days=3)  # "ship within 3 business days" (test plan), without a calendar

# Invented people with non-ASCII names and streets, because connectors often fail on those.
BUYERS = (
    ("Zoë Müller", "Große Straße 7"),
    ("김민준", "서초대로 77"),
    ("Łukasz Żółć", "ul. Świętokrzyska 3"),
    ("Renée O'Brien", "12 Café Row"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLine:
    """A line to be placed; `discount` is what an item-level offer takes off each unit of `price`."""

    retailer_id: str
    quantity: int
    price: Decimal
    product_name: str | None = None
    discount: Decimal = ZERO
    coupon_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An order to be placed, before it has ids and times."""

    shop_id: str
    lines: tuple[DraftLine, ...]
    currency: str
    shipping: Decimal
    tax_rate: Decimal
    channel: str
    buyer: Buyer | None = None
    address: Address | None = None
    test: bool = False


@assumed(
    "Estimated tax is the rate over goods and over shipping, each line rounded by itself",
    why="one docs sample fits (25.00+1.00+2.50=28.50); the rounding is not told",
)
def place(draft: Draft, *, now: datetime, mint: Callable[[], str], pick: int) -> Order:
    """Return a new order in FB_PROCESSING; `pick` chooses an invented buyer where the draft names none."""
    currency = draft.currency
    offer_ids = {line.coupon_code: mint() for line in draft.lines if line.discount}
    lines = tuple(_line(line, draft, mint, offer_ids) for line in draft.lines)
    name, street = BUYERS[pick % len(BUYERS)]
    buyer = draft.buyer or Buyer(
        name=name, email=f"{pick:010x}@marketplace.facebook.com", email_remarketing_option=pick % 2 == 0
    )
    return Order(
        id=mint(),
        shop_id=draft.shop_id,
        state=State.FB_PROCESSING,
        created_at=now,
        updated_at=now,
        channel=draft.channel,
        currency=currency,
        buyer=buyer,
        address=draft.address
        or Address(
            name=buyer.name,
            street1=street,
            street2="",
            city="Menlo Park",
            state="CA",
            postal_code="94025-1234",
            country="US",
        ),
        shipping=rounded(draft.shipping, currency),
        shipping_tax=rounded(draft.shipping * draft.tax_rate, currency),
        tax_rate=draft.tax_rate,
        ship_by=now + HANDLING,
        lines=lines,
        test=draft.test,
    )


@documented("An order leaves FB_PROCESSING for CREATED when its hold ends", source="Order Lifecycle page")
@documented(
    "With no app associated with the shop, a finalised order goes straight to IN_PROGRESS",
    source="Acknowledgement API reference; Partners: Order Integration",
)
def release(order: Order, *, now: datetime, app_associated: bool) -> Order:
    """Return the order after its hold; an order that is not held comes back unchanged."""
    if order.state is not State.FB_PROCESSING:
        return order
    state = State.CREATED if app_associated else State.IN_PROGRESS
    return replace(order, state=state, updated_at=now)


@documented(
    "price_per_unit is after item-level discounts, before order-level ones",
    source="Order API reference; Offers page",
)
def _line(line: DraftLine, draft: Draft, mint: Callable[[], str], offer_ids: dict[str, str]) -> Line:
    price = rounded(line.price - line.discount, draft.currency)
    return Line(
        id=mint(),
        retailer_id=line.retailer_id,
        product_id=mint(),
        product_name=line.product_name or f"Product {line.retailer_id}",
        quantity=line.quantity,
        price=price,
        tax=rounded(price * line.quantity * draft.tax_rate, draft.currency),
        promotions=_offers(line, draft.currency, offer_ids),
    )


def _offers(line: DraftLine, currency: str, offer_ids: dict[str, str]) -> tuple[Promotion, ...]:
    if not line.discount:
        return ()
    return (
        Promotion(
            id=offer_ids[line.coupon_code],
            campaign_name="Sandbox offer",
            coupon_code=line.coupon_code,
            applied_amount=rounded(line.discount, currency) * line.quantity,
            sponsor="merchant",
        ),
    )
