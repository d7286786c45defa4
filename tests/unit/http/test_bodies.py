from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.domain.commands import Cancel, Refund, Ship
from app.domain.decisions import Refusal
from app.domain.money import Money
from app.domain.orders import ItemQuantity
from app.http import changes
from app.http.requests.changes import (
    AcknowledgementRequest,
    AcknowledgementsRequest,
    CancellationRequest,
    RefundRequest,
    ShipmentRequest,
)
from app.http.requests.queries import CommandsQuery, OrdersQuery
from tests.unit.http.samples import order

TRACKING = {"carrier": "UPS", "tracking_number": "1Z1"}


def refusals(model: type[BaseModel], body: object) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    return [(".".join(map(str, one["loc"])), one["type"]) for one in caught.value.errors()]


@pytest.mark.parametrize(
    ("changed", "field", "kind"),
    [
        ({"itmes": []}, "itmes", "extra_forbidden"),
        ({"ship_all_remaining": "true"}, "ship_all_remaining", "bool_type"),
        ({"external_shipment_id": "wh-17"}, "external_shipment_id", "string_pattern_mismatch"),
        ({"external_shipment_id": "wh_17\n"}, None, None),
        ({"merchant_order_reference": "A\x00B"}, "merchant_order_reference", "control_characters"),
        ({"merchant_order_reference": " "}, "merchant_order_reference", "string_too_short"),
        ({"merchant_order_reference": "x" * 101}, "merchant_order_reference", "string_too_long"),
        (
            {"tracking": {**TRACKING, "tracking_number": "1Z\n1"}},
            "tracking.tracking_number",
            "control_characters",
        ),
        (
            {"tracking": {**TRACKING, "tracking_number": "\ud800"}},
            "tracking.tracking_number",
            "string_unicode",
        ),
        ({"tracking": {"carrier": "UPS"}}, "tracking.tracking_number", "missing"),
        ({"tracking": None}, "tracking", "model_type"),
    ],
)
def test_a_shipment_names_the_field_that_is_wrong(
    changed: dict[str, Any], field: str | None, kind: str | None
) -> None:
    body = {"ship_all_remaining": True, "tracking": TRACKING, **changed}
    if field is None:
        # Blanks and line ends around a text are a paste's, not the caller's meaning.
        assert ShipmentRequest.model_validate(body).external_shipment_id == "wh_17"
    else:
        assert (field, kind) in refusals(ShipmentRequest, body)


@pytest.mark.parametrize(
    "line",
    [
        {"item_id": "1", "quantity": 0},
        {"item_id": "1", "quantity": -1},
        {"item_id": "1", "quantity": "1"},
        {"item_id": "1", "quantity": 1.0},
        {"item_id": "1", "quantity": True},
        {"item_id": "1", "quantity": 10**9},
        {"item_id": "1"},
        {"quantity": 1},
        {"item_id": "1", "retailer_id": "sku", "quantity": 1},
        {"item_id": "../1", "quantity": 1},
        {"item_id": 1, "quantity": 1},
    ],
)
def test_an_item_line_is_one_name_and_a_whole_number_of_units(line: dict[str, Any]) -> None:
    assert refusals(ShipmentRequest, {"items": [line], "tracking": TRACKING})


def test_s06_a_shipment_without_items_needs_ship_all_remaining() -> None:
    assert refusals(ShipmentRequest, {"tracking": TRACKING}) == [("", "unclear")]
    assert refusals(ShipmentRequest, {"tracking": TRACKING, "ship_all_remaining": False}) == [("", "unclear")]
    assert refusals(ShipmentRequest, {"tracking": TRACKING, "items": []}) == [("items", "too_short")]
    both = {"tracking": TRACKING, "ship_all_remaining": True, "items": [{"item_id": "1", "quantity": 1}]}
    assert refusals(ShipmentRequest, both) == [("", "unclear")]


def test_a_carrier_is_taken_in_any_case_and_an_unknown_one_names_the_nearest() -> None:
    body = ShipmentRequest.model_validate(
        {"ship_all_remaining": True, "tracking": {"carrier": "fedex", "tracking_number": "1"}}
    )
    assert body.tracking.carrier == "FEDEX"
    with pytest.raises(ValidationError) as caught:
        ShipmentRequest.model_validate(
            {"ship_all_remaining": True, "tracking": {"carrier": "FEDEXX", "tracking_number": "1"}}
        )
    (error,) = caught.value.errors()
    assert error["type"] == "unknown_carrier"
    assert "FEDEX" in error["ctx"]["hint"]
    assert "OTHER" in error["ctx"]["hint"]


@pytest.mark.parametrize(
    "amount",
    ["0", "0.00", "-1", "+1", "1e3", "1.", ".5", "1.00001", "NaN", "1,00", "", "1" * 13, 5, 5.0, None, "٣"],
)
def test_money_is_a_positive_plain_decimal_in_text(amount: object) -> None:
    body = {"reason_code": "WRONG_ITEM", "shipping": {"amount": amount, "currency": "USD"}}
    assert refusals(RefundRequest, body) == [("shipping.amount", "amount")]


@pytest.mark.parametrize("currency", ["usd", "US", "USDX", "", 1])
def test_a_currency_is_three_capital_letters(currency: object) -> None:
    body = {"reason_code": "WRONG_ITEM", "shipping": {"amount": "1.00", "currency": currency}}
    assert [field for field, _ in refusals(RefundRequest, body)] == ["shipping.currency"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"full": False},
        {"full": True, "items": [{"item_id": "1", "quantity": 1}]},
        {"items": [{"item_id": "1"}]},
        {"items": [{"item_id": "1", "quantity": 1, "amount": {"amount": "1", "currency": "USD"}}]},
        {"items": [{"item_id": "1", "quantity": 1}, {"item_id": "1", "quantity": 1}]},
        {"full": True, "reason_code": "FACEBOOK_INITIATED"},
        {
            "full": True,
            "deductions": [{"deduction_type": "OTHER", "amount": {"amount": "1", "currency": "USD"}}],
        },
    ],
)
def test_a_refund_says_exactly_what_is_given_back(body: dict[str, Any]) -> None:
    assert refusals(RefundRequest, {"reason_code": "WRONG_ITEM", **body})


def test_a_batch_names_each_order_once_and_at_most_a_thousand() -> None:
    twice = {"orders": [{"order_id": "1"}, {"order_id": "1"}]}
    assert refusals(AcknowledgementsRequest, twice) == [("", "unclear")]
    many = {"orders": [{"order_id": str(number)} for number in range(1001)]}
    assert refusals(AcknowledgementsRequest, many) == [("orders", "too_long")]
    assert len(AcknowledgementsRequest.model_validate({"orders": many["orders"][:1000]}).orders) == 1000


def test_an_unknown_field_of_the_smallest_body_is_refused() -> None:
    assert refusals(AcknowledgementRequest, {"reference": "A"}) == [("reference", "extra_forbidden")]


def test_braces_in_what_a_caller_sent_do_not_break_the_message() -> None:
    with pytest.raises(ValidationError) as caught:
        ShipmentRequest.model_validate(
            {"ship_all_remaining": True, "tracking": {"carrier": "{carrier}{x}", "tracking_number": "1"}}
        )
    assert "{carrier}{x}" in caught.value.errors()[0]["msg"].lower()


def test_a_shipment_body_becomes_a_change_by_item_ids() -> None:
    body = ShipmentRequest.model_validate(
        {
            "items": [{"retailer_id": "mug", "quantity": 2}],
            "tracking": TRACKING,
            "external_shipment_id": "wh_1",
        }
    )
    change = changes.shipment(body)(order())
    assert isinstance(change, Ship)
    assert change.items == (ItemQuantity(item_id="500001", quantity=2),)
    assert change.tracking.tracking_number == "1Z1"
    assert change.external_shipment_id == "wh_1"
    assert not change.ship_all_remaining


def test_a_body_that_names_another_orders_item_becomes_a_refusal() -> None:
    body = CancellationRequest.model_validate(
        {"items": [{"item_id": "999", "quantity": 1}], "reason_code": "OUT_OF_STOCK"}
    )
    change = changes.cancellation(body)(order())
    assert isinstance(change, Refusal)
    assert change.code == "unknown_item"


def test_a_cancellation_without_items_means_all_that_is_open() -> None:
    body = CancellationRequest.model_validate({"reason_code": "OUT_OF_STOCK", "restock_items": True})
    assert changes.cancellation(body)(order()) == Cancel(
        items=None, reason_code="OUT_OF_STOCK", reason_description=None, restock_items=True
    )


def test_a_refund_body_becomes_a_change_to_the_cent() -> None:
    body = RefundRequest.model_validate(
        {
            "items": [{"item_id": "500001", "amount": {"amount": "5.10", "currency": "USD"}}],
            "reason_code": "DAMAGED_GOODS",
            "reason_text": "chipped",
            "shipping": {"amount": "1", "currency": "USD"},
            "deductions": [
                {"deduction_type": "RETURN_SHIPPING", "amount": {"amount": "0.50", "currency": "USD"}}
            ],
        }
    )
    change = changes.refund(body)(order())
    assert isinstance(change, Refund)
    assert change.items[0].amount == Money.parse("5.10", "USD")
    assert change.items[0].quantity is None
    assert change.shipping == Money.parse("1", "USD")
    assert change.deductions[0].amount == Money.parse("0.50", "USD")


@pytest.mark.parametrize(
    "value", ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00 00:00", "2026-01-31T13:00:00+01:00", "1769860800"]
)
def test_a_moment_is_iso_8601_with_a_zone_or_unix_seconds(value: str) -> None:
    query = OrdersQuery.model_validate({"updated_after": value})
    assert query.updated_after is not None
    assert query.updated_after.isoformat() == "2026-01-31T12:00:00+00:00"


@pytest.mark.parametrize(
    "value", ["2026-01-31T12:00:00", "yesterday", "", "99999999999999", "-5", "2026-01-31"]
)
def test_a_moment_without_a_zone_or_sense_is_refused(value: str) -> None:
    assert refusals(OrdersQuery, {"updated_after": value}) == [("updated_after", "moment")]


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "101"}, {"limit": "ten"}, {"cursor": ""}, {"state": "created"}, {"stat": "x"}],
)
def test_a_query_that_means_nothing_is_refused(query: dict[str, str]) -> None:
    assert [field for field, _ in refusals(OrdersQuery, query)] == list(query)


def test_a_commands_query_knows_every_status_and_kind() -> None:
    assert CommandsQuery.model_validate({"status": "dead", "kind": "update_tracking"}).limit == 25
    assert refusals(CommandsQuery, {"status": "done"}) == [("status", "literal_error")]
