"""Documents give back exactly the value they were made of, whatever is in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.commands import (
    Acknowledge,
    Attempt,
    Cancel,
    Change,
    CommandKind,
    Deduction,
    Refund,
    RefundLine,
    Ship,
    UpdateTracking,
    kind_of,
)
from app.domain.documents import (
    address_from_text,
    address_text,
    attempt_document,
    attempt_from_document,
    buyer_from_text,
    buyer_text,
    change_document,
    change_from_document,
    document_text,
    time_from_text,
    time_text,
    timeline_document,
    timeline_from_document,
)
from app.domain.money import Money
from app.domain.order_documents import order_document, order_from_document
from app.domain.orders import (
    Address,
    Buyer,
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
from app.domain.timeline import TimelineEntry

TEXT = st.text(max_size=6)
MAYBE = st.none() | TEXT
COUNT = st.integers(0, 10**6)
TIME = st.datetimes(timezones=st.just(UTC))
MONEY = st.builds(
    Money,
    amount=st.decimals(min_value=-(10**11), max_value=10**11, places=4),
    currency=st.sampled_from(["USD", "EUR"]),
)
MAYBE_MONEY = st.none() | MONEY
UNITS = st.lists(st.builds(ItemQuantity, item_id=TEXT, quantity=COUNT), max_size=2).map(tuple)
TRACKING = st.builds(Tracking, carrier=TEXT, tracking_number=TEXT, shipping_method_name=MAYBE)


def several(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, max_size=2).map(tuple)


CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(Acknowledge, merchant_order_reference=MAYBE),
    st.builds(
        Ship,
        items=st.none() | UNITS,
        ship_all_remaining=st.booleans(),
        tracking=TRACKING,
        external_shipment_id=MAYBE,
        merchant_order_reference=MAYBE,
    ),
    st.builds(UpdateTracking, shipment=TEXT, tracking=TRACKING),
    st.builds(
        Cancel,
        items=st.none() | UNITS,
        reason_code=TEXT,
        reason_description=MAYBE,
        restock_items=st.booleans(),
    ),
    st.builds(
        Refund,
        items=several(st.builds(RefundLine, item_id=TEXT, quantity=st.none() | COUNT, amount=MAYBE_MONEY)),
        full=st.booleans(),
        reason_code=TEXT,
        reason_text=MAYBE,
        shipping=MAYBE_MONEY,
        deductions=several(st.builds(Deduction, deduction_type=TEXT, amount=MONEY)),
    ),
)
ORDERS = st.builds(
    Order,
    id=TEXT,
    shop_id=TEXT,
    state=st.sampled_from(OrderState),
    channel=MAYBE,
    created_at=TIME,
    updated_at=TIME,
    ship_by=st.none() | st.dates(),
    merchant_order_reference=MAYBE,
    items=several(
        st.builds(
            OrderItem,
            id=TEXT,
            retailer_id=TEXT,
            product_id=MAYBE,
            name=MAYBE,
            unit_price=MONEY,
            units=st.builds(Units, open=COUNT, shipped=COUNT, cancelled=COUNT, refunded=COUNT),
            refunded_amount=MONEY,
            refundable=MAYBE_MONEY,
        )
    ),
    totals=st.none() | st.builds(Totals, items=MONEY, shipping=MONEY, tax=MONEY, total=MONEY),
    shipments=several(
        st.builds(Shipment, id=TEXT, external_shipment_id=MAYBE, tracking=st.none() | TRACKING, items=UNITS)
    ),
    cancellations=several(
        st.builds(Cancellation, id=TEXT, items=UNITS, reason_code=MAYBE, reason_description=MAYBE)
    ),
    refunds=several(
        st.builds(
            RefundRecord,
            id=TEXT,
            items=several(
                st.builds(RefundedItem, item_id=TEXT, quantity=st.none() | COUNT, amount=MAYBE_MONEY)
            ),
            reason_code=MAYBE,
            amount=MAYBE_MONEY,
            shipping=MAYBE_MONEY,
        )
    ),
    payments=several(st.builds(Payment, id=TEXT, total=MAYBE_MONEY, captured=st.booleans())),
)
ATTEMPTS = st.builds(
    Attempt,
    number=COUNT,
    started_at=TIME,
    timeout_s=st.floats(0, 1000),
    idempotency_key=TEXT,
    finished_at=st.none() | TIME,
    outcome=MAYBE,
    error=MAYBE,
)


@given(ORDERS)
def test_an_order_survives_its_document(order: Order) -> None:
    assert order_from_document(json.loads(document_text(order_document(order)))) == order


@given(CHANGES)
def test_a_change_survives_its_document(change: Change) -> None:
    document = json.loads(document_text(change_document(change)))
    assert change_from_document(kind_of(change), document) == change


@given(ATTEMPTS)
def test_an_attempt_survives_its_document(attempt: Attempt) -> None:
    assert attempt_from_document(json.loads(document_text(attempt_document(attempt)))) == attempt


@given(TIME, st.dictionaries(TEXT, TEXT | st.integers() | st.none() | st.lists(TEXT), max_size=3))
def test_a_timeline_entry_survives_its_document(at: datetime, detail: dict[str, object]) -> None:
    entry = TimelineEntry(at=at, what="order.found", cause="webhook", detail=detail)
    assert timeline_from_document(json.loads(document_text(timeline_document(entry)))) == entry


@given(MAYBE, MAYBE, st.booleans())
def test_a_buyer_survives_the_text_that_is_sealed(name: str | None, email: str | None, option: bool) -> None:
    buyer = Buyer(name=name, email=email, email_remarketing_option=option)
    assert buyer_from_text(buyer_text(buyer)) == buyer


def test_an_address_survives_the_text_that_is_sealed() -> None:
    address = Address(
        name="김",
        street1="Hauptstraße 1",
        street2=None,
        city="",
        state=None,
        postal_code="01067",
        country="DE",
    )
    assert address_from_text(address_text(address)) == address


@pytest.mark.parametrize("amount", ["0.10", "5", "1E+3", "0.0000001", "999999999999.99"])
def test_money_in_a_document_is_plain_decimal_text(amount: str) -> None:
    refund = Refund(
        items=(),
        full=False,
        reason_code="OTHER",
        reason_text=None,
        shipping=Money(amount=Decimal(amount), currency="USD"),
        deductions=(),
    )
    document = change_document(refund)
    assert document["shipping"]["amount"] == format(Decimal(amount), "f")
    assert change_from_document(CommandKind.REFUND, document) == refund


def test_times_are_written_in_utc_whatever_zone_they_came_in() -> None:
    seoul = datetime(2026, 3, 1, 9, 0, tzinfo=timezone(timedelta(hours=9)))
    assert time_text(seoul) == "2026-03-01T00:00:00.000000+00:00"
    assert time_from_text(time_text(seoul)).tzinfo is UTC


def test_equal_documents_are_equal_texts() -> None:
    assert document_text({"b": 1, "a": "ß"}) == document_text({"a": "ß", "b": 1}) == '{"a":"ß","b":1}'
