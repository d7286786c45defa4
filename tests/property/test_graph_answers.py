"""Whatever the platform answers is one of five outcomes; whatever order it sends adds up or is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.commands import CommandKind
from app.domain.outcomes import Accepted, Outcome, Refused
from app.graph.errors import TABLE, outcome_of, outcome_of_entry
from app.graph.failures import UnreadableOrder
from app.graph.orders import parse_order
from app.graph.usage import read_usage

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
CODES = st.sampled_from([row.code for row in TABLE]) | VALUES
ERRORS = st.fixed_dictionaries(
    {"code": CODES},
    optional={"error_subcode": CODES, "message": VALUES, "error_user_msg": VALUES, "is_transient": VALUES},
)
BODIES = st.fixed_dictionaries(
    {}, optional={"error": ERRORS | VALUES, "success": VALUES, "id": VALUES, "orders": VALUES}
)
KINDS = st.none() | st.sampled_from(CommandKind)


@given(st.integers(100, 599), st.binary(max_size=200), KINDS)
def test_no_bytes_raise_and_none_but_a_success_is_accepted(
    status: int, body: bytes, kind: CommandKind | None
) -> None:
    outcome = outcome_of(status, {}, body, kind=kind)
    assert isinstance(outcome, Outcome)
    assert not isinstance(outcome, Accepted) or 200 <= status < 300


@settings(max_examples=300)
@given(st.integers(100, 599), BODIES | VALUES, KINDS)
def test_no_answer_raises_and_an_error_is_never_accepted(
    status: int, body: Any, kind: CommandKind | None
) -> None:
    outcome = outcome_of(status, {}, json.dumps(body).encode(), kind=kind)
    assert isinstance(outcome, Outcome)
    if isinstance(outcome, Accepted):
        assert isinstance(body, dict)
        assert body.get("error") is None
        assert 200 <= status < 300
    if isinstance(outcome, Refused) and outcome.already_done:
        assert kind in {CommandKind.CANCEL, CommandKind.UPDATE_TRACKING}


@given(st.dictionaries(st.sampled_from(["id", "state", "error"]), ERRORS | VALUES))
def test_no_batch_entry_raises(entry: dict[str, Any]) -> None:
    outcome = outcome_of_entry(entry)
    assert isinstance(outcome, Outcome)
    assert not isinstance(outcome, Accepted) or entry.get("error") is None


@given(VALUES, st.sampled_from(["X-App-Usage", "X-Business-Use-Case-Usage"]))
def test_no_usage_header_raises(value: Any, name: str) -> None:
    usage = read_usage({name: json.dumps(value)})
    assert usage is None or usage.percent >= 0


@given(
    st.dictionaries(st.integers(1, 10**6), st.lists(st.integers(0, 10**6), max_size=4), max_size=4),
)
def test_the_highest_percentage_wins_wherever_it_is_nested(figures: dict[int, list[int]]) -> None:
    header = {str(business): [{"call_count": n} for n in counts] for business, counts in figures.items()}
    counts = [n for counts in figures.values() for n in counts]
    usage = read_usage({"x-business-use-case-usage": json.dumps(header)})
    assert (usage.percent if usage else None) == (max(counts) if counts else None)


def _order(**parts: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "order_status": {"state": "IN_PROGRESS"},
        "created": "2026-01-05T18:02:11+00:00",
        "last_updated": "2026-01-05T18:02:11+00:00",
        "items": {"data": []},
    } | parts


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "id",
                "order_status",
                "created",
                "items",
                "shipments",
                "cancellations",
                "refunds",
                "payments",
                "buyer_details",
                "estimated_payment_details",
                "ship_by_date",
            ]
        ),
        VALUES,
    )
)
def test_an_order_of_any_shape_is_read_or_called_unreadable(parts: dict[str, Any]) -> None:
    try:
        read = parse_order(_order(**parts), "900")
    except UnreadableOrder:
        return
    assert read.order.shop_id == "900"
    assert all(item.units.balanced for item in read.order.items)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_the_units_of_a_line_add_up_or_the_order_is_unreadable(
    open_units: int, shipped: int, cancelled: int, refunded: int
) -> None:
    quantity = open_units + shipped + cancelled
    status = {"in_progress": open_units, "fulfilled": shipped, "cancelled": cancelled}
    price = {"amount": "1.10", "currency": "USD"}
    item = {"id": "5", "quantity": quantity, "price_per_unit": price, "status": status}
    refunds = [{"id": "8", "items": {"data": [{"id": "5", "quantity": refunded}]}}]
    try:
        (line,) = parse_order(_order(items={"data": [item]}, refunds=refunds), "900").order.items
    except UnreadableOrder:
        assert refunded > shipped
    else:
        assert line.units.quantity == quantity
        assert (line.units.open, line.units.shipped, line.units.cancelled) == (open_units, shipped, cancelled)
        assert line.units.refunded == refunded <= shipped
        given_back = line.refunded_amount.amount if line.refunded_amount else 0
        assert given_back == Decimal("1.10") * refunded


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_no_cent_is_lost_as_text_or_as_number(amount: Decimal) -> None:
    for spelled in (f'"{amount:f}"', f"{amount:f}"):
        price = f'{{"amount":{spelled},"currency":"USD"}}'
        raw = f'{{"items":[{{"id":"5","quantity":1,"price_per_unit":{price}}}]}}'
        items = outcome_of(200, {}, raw.encode(), kind=None)
        assert isinstance(items, Accepted)
        order = parse_order(_order(**items.answer), "900").order
        assert order.items[0].unit_price.amount == amount
