from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.domain.money import Money
from app.domain.orders import (
    Address,
    Buyer,
    Cancellation,
    ItemQuantity,
    OrderItem,
    OrderState,
    Payment,
    PlatformOrder,
    RefundedItem,
    RefundRecord,
    Shipment,
    Totals,
    Tracking,
    Units,
)
from app.graph.failures import UnreadableOrder
from app.graph.orders import ORDER_FIELDS, parse_order

WIRES = Path(__file__).parents[2] / "wires" / "orders"


def _raw(name: str) -> dict[str, Any]:
    raw = json.loads((WIRES / f"{name}.json").read_bytes(), parse_float=Decimal)
    assert isinstance(raw, dict)
    return raw


def _parsed(**changed: Any) -> PlatformOrder:
    return parse_order(_raw("processing") | changed, "900")


def _item(**changed: Any) -> OrderItem:
    (item,) = _raw("processing")["items"]["data"]
    return _parsed(items={"data": [item | changed]}).order.items[0]


def _usd(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


def test_an_order_in_processing_has_its_products_and_no_buyer() -> None:
    read = _parsed()
    assert (read.buyer, read.shipping_address) == (None, None)
    assert read.order.state is OrderState.FB_PROCESSING
    assert read.order.shop_id == "900"
    assert read.order.channel == "instagram"
    assert read.order.updated_at == datetime(2026, 1, 5, 18, 2, 11, tzinfo=UTC)
    assert (read.order.merchant_order_reference, read.order.ship_by) == (None, None)
    assert read.order.items[0].units == Units(open=2, shipped=0, cancelled=0, refunded=0)
    assert read.order.totals == Totals(
        items=_usd("40.00"), shipping=_usd("6.00"), tax=_usd("3.68"), total=_usd("49.68")
    )


def test_a_shipped_cancelled_and_refunded_order_is_read_whole() -> None:
    read = parse_order(_raw("shipped_and_refunded"), "900")
    order = read.order
    assert (order.id, order.state, order.channel) == ("35001", OrderState.COMPLETED, "facebook")
    assert order.created_at == datetime(2026, 1, 5, 18, 2, 11, tzinfo=UTC)
    assert order.ship_by == date(2026, 1, 8)
    assert order.merchant_order_reference == "A-100"
    mug, cup = order.items
    assert (mug.name, mug.retailer_id, mug.product_id) == ("Mug", "SKU-1", "300001")
    assert mug.units == Units(open=0, shipped=2, cancelled=1, refunded=1)
    assert (mug.refunded_amount, mug.refundable) == (_usd("20.00"), _usd("20.00"))
    assert cup.unit_price == _usd("10.10")
    assert cup.units == Units(open=0, shipped=1, cancelled=0, refunded=0)
    assert (cup.refunded_amount, cup.refundable) == (_usd("1.10"), None)
    assert order.shipments == (
        Shipment(
            id="600001",
            external_shipment_id="wh_17",
            tracking=Tracking(carrier="FEDEX", tracking_number="FX1", shipping_method_name="Ground"),
            items=(
                ItemQuantity(item_id="500001", quantity=2),
                ItemQuantity(item_id="500002", quantity=1),
            ),
        ),
    )
    assert order.cancellations == (
        Cancellation(
            id="700001",
            items=(ItemQuantity(item_id="500001", quantity=1),),
            reason_code="A_REASON_OF_TOMORROW",
            reason_description="none left",
        ),
    )
    assert order.refunds == (
        RefundRecord(
            id="800001",
            items=(RefundedItem(item_id="500001", quantity=1, amount=_usd("20.00")),),
            reason_code="WRONG_ITEM",
            amount=_usd("27.60"),
            shipping=_usd("6.00"),
        ),
        RefundRecord(
            id="800002",
            items=(RefundedItem(item_id="500002", quantity=None, amount=_usd("1.10")),),
            reason_code="7",
            amount=_usd("1.19"),
            shipping=None,
        ),
    )
    assert order.payments == (
        Payment(id="900001", total=_usd("28.08"), captured=True),
        Payment(id="900002", total=None, captured=False),
    )
    assert order.totals == Totals(
        items=_usd("70.00"), shipping=_usd("6.00"), tax=_usd("5.60"), total=_usd("81.60")
    )
    assert read.buyer == Buyer(
        name="Zoë Müller", email="k3j2h1@marketplace.facebook.com", email_remarketing_option=True
    )
    assert read.shipping_address == Address(
        name="Zoë Müller",
        street1="1 Hacker Way",
        street2=None,
        city="Menlo Park",
        state="CA",
        postal_code="94025",
        country="US",
    )


@pytest.mark.parametrize("option", [False, None, "true", 1, "yes"])
def test_s31_only_json_true_is_consent(option: Any) -> None:
    details = {"name": "N", "email": "e@x", "email_remarketing_option": option}
    buyer = _parsed(buyer_details=details).buyer
    assert buyer is not None
    assert buyer.email_remarketing_option is False


def test_a_state_and_fields_of_tomorrow_are_data() -> None:
    read = _parsed(order_status={"state": "ON_THE_MOON"}, channel="Threads", new={"a": [1]})
    assert (read.order.state, read.order.channel) == (OrderState.UNKNOWN, "threads")


def test_an_odd_ship_day_is_no_ship_day() -> None:
    assert _parsed(ship_by_date="soon").order.ship_by is None
    assert _parsed(ship_by_date="2026-01-08T00:00:00-08:00").order.ship_by == date(2026, 1, 8)


@pytest.mark.parametrize(
    ("status", "units"),
    [
        (
            {"in_progress": 1, "fulfilled": 1, "cancelled": 0},
            Units(open=1, shipped=1, cancelled=0, refunded=0),
        ),
        ('{"in_progress":0,"fulfilled":2}', Units(open=0, shipped=2, cancelled=0, refunded=0)),
        ({"in_progress": "2"}, Units(open=2, shipped=0, cancelled=0, refunded=0)),
        ({"fulfilled": 1}, Units(open=1, shipped=1, cancelled=0, refunded=0)),
        # Units that left `fulfilled` (refunded ones might, as in item_updates) were shipped once.
        (
            {"in_progress": 0, "fulfilled": 1, "cancelled": 0},
            Units(open=0, shipped=2, cancelled=0, refunded=0),
        ),
    ],
)
def test_units_are_read_from_the_status_as_object_or_text(status: Any, units: Units) -> None:
    assert _item(status=status).units == units


def test_without_a_status_units_are_counted_from_shipments_and_cancellations() -> None:
    line = {"data": [{"id": "500001", "quantity": 1}, {"id": "other", "quantity": 9}]}
    order = _parsed(
        shipments=[{"id": "6", "items": line}], cancellations={"data": [{"id": "7", "items": line}]}
    ).order
    assert order.items[0].units == Units(open=0, shipped=1, cancelled=1, refunded=0)


def _full_refund(subtotal: str | None) -> dict[str, Any]:
    amounts = {"amount": "43.20", "currency": "USD"} | ({"subtotal": subtotal} if subtotal else {})
    return {"refunds": {"data": [{"id": "8", "refund_amount": amounts}]}}


def _shipped(**changed: Any) -> dict[str, Any]:
    (item,) = _raw("processing")["items"]["data"]
    return {"items": {"data": [item | {"status": {"in_progress": 0, "fulfilled": 2}} | changed]}}


def test_a_refund_of_goods_that_names_none_gave_all_shipped_units_back() -> None:
    (item,) = _parsed(**_shipped(), **_full_refund("40.00")).order.items
    assert (item.units.refunded, item.refunded_amount) == (2, _usd("40.00"))


@pytest.mark.parametrize("subtotal", ["0.00", None])
def test_a_refund_of_shipping_alone_gave_no_units_back(subtotal: str | None) -> None:
    (item,) = _parsed(**_shipped(), **_full_refund(subtotal)).order.items
    assert (item.units.refunded, item.refunded_amount) == (0, None)


def test_a_line_that_still_has_refundable_money_was_not_wholly_refunded() -> None:
    left = {"amount": "20.00", "currency": "USD"}
    (item,) = _parsed(**_shipped(amount_available_for_refund=left), **_full_refund("20.00")).order.items
    assert item.units.refunded == 0


def test_a_parcel_without_tracking_and_one_with_an_empty_number_differ() -> None:
    order = _parsed(
        shipments={
            "data": [{"id": "1"}, {"id": "2", "tracking_info": {"carrier": "other", "tracking_number": ""}}]
        }
    ).order
    assert order.shipments[0].tracking is None
    assert order.shipments[1].tracking == Tracking(carrier="OTHER", tracking_number="")


def test_a_negative_shipping_refund_means_the_same_as_a_positive_one() -> None:
    amounts = {"currency": "USD", "subtotal": "1.00", "shipping": "-10.00", "tax": "-1.02"}
    (refund,) = _parsed(refunds=[{"id": "8", "refund_amount": amounts}]).order.refunds
    assert (refund.shipping, refund.amount) == (_usd("10.00"), _usd("12.02"))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"created": None}, "created"),
        ({"last_updated": "yesterday"}, "last_updated"),
        ({"order_status": {}}, "order_status"),
        ({"items": None}, "items"),
        ({"items": {"data": [{"id": "1", "quantity": 1}]}}, "price_per_unit"),
        ({"items": {"data": [{"id": "1", "quantity": -1}]}}, "quantity"),
        ({"refunds": [{"id": "8", "refund_amount": {"amount": "x"}}]}, "amount: .*not a decimal"),
        ({"refunds": [{"id": "8", "refund_amount": {"amount": "1", "currency": "€"}}]}, "currency"),
    ],
)
def test_an_order_without_its_vital_parts_is_unreadable_and_says_where(
    changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnreadableOrder, match=reason) as caught:
        _parsed(**changed)
    assert caught.value.order_id == "35000"


def test_units_that_cannot_add_up_make_an_order_unreadable() -> None:
    with pytest.raises(UnreadableOrder, match="item 500001 of 2 units has 3 open"):
        _item(status={"in_progress": 3})


def test_a_reason_never_repeats_what_may_be_the_buyers() -> None:
    with pytest.raises(UnreadableOrder) as caught:
        _parsed(buyer_details={"name": {"secret": "Zoë"}})
    assert "Zoë" not in str(caught.value)


def test_an_order_without_an_id_is_unreadable() -> None:
    raw = _raw("processing")
    del raw["id"]
    with pytest.raises(UnreadableOrder) as caught:
        parse_order(raw, "900")
    assert caught.value.order_id == ""


def test_every_edge_is_asked_for_by_name_with_its_sub_fields() -> None:
    assert ORDER_FIELDS.count("{") == ORDER_FIELDS.count("}")
    for edge in ("items", "shipments", "cancellations", "refunds", "payments"):
        assert f",{edge}.limit(50){{id," in ORDER_FIELDS
