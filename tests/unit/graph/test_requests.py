from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from msgspec.structs import replace

from app.domain.commands import (
    Acknowledge,
    Cancel,
    Change,
    Deduction,
    Refund,
    RefundLine,
    Ship,
    UpdateTracking,
    WireRequest,
)
from app.domain.money import Money
from app.domain.orders import ItemQuantity, Tracking
from app.graph.requests import MAX_BATCH, wire_batch, wire_request

TRACKING = Tracking(carrier="UPS", tracking_number="1Z & 1")
REFUND = Refund(items=(), full=True, reason_code="WRONG_ITEM", reason_text=None, shipping=None, deductions=())


def _fields(request: WireRequest) -> dict[str, Any]:
    pairs = parse_qsl(request.body, keep_blank_values=True, strict_parsing=True)
    assert len(pairs) == len(dict(pairs))
    return {name: json.loads(text) if text[:1] in "[{" else text for name, text in pairs}


def _usd(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


def test_an_acknowledgement_carries_its_reference_where_there_is_one() -> None:
    request = wire_request("35001", Acknowledge(merchant_order_reference="A-ß 100"), "k1")
    assert request.path == "/35001/acknowledge_order"
    assert _fields(request) == {"idempotency_key": "k1", "merchant_order_reference": "A-ß 100"}
    bare = wire_request("35001", Acknowledge(merchant_order_reference=None), "k1")
    assert bare.body == "idempotency_key=k1"


def test_a_shipment_names_its_items_by_item_id_and_its_tracking_as_json() -> None:
    change = Ship(
        items=(ItemQuantity(item_id="500001", quantity=2),),
        ship_all_remaining=False,
        tracking=Tracking(carrier="FEDEX", tracking_number="F1", shipping_method_name="Ground"),
        external_shipment_id="wh_17",
        merchant_order_reference="A-100",
    )
    request = wire_request("35001", change, "k")
    assert request.path == "/35001/shipments"
    assert _fields(request) == {
        "idempotency_key": "k",
        "external_shipment_id": "wh_17",
        "merchant_order_reference": "A-100",
        "items": [{"item_id": "500001", "quantity": 2}],
        "tracking_info": {"carrier": "FEDEX", "tracking_number": "F1", "shipping_method_name": "Ground"},
    }


def test_s07_a_tracking_update_names_the_platforms_shipment() -> None:
    request = wire_request("35001", UpdateTracking(shipment="600001", tracking=TRACKING), "k")
    assert request.path == "/35001/update_shipment"
    assert _fields(request) == {
        "idempotency_key": "k",
        "shipment_id": "600001",
        "tracking_info": {"carrier": "UPS", "tracking_number": "1Z & 1"},
    }


@pytest.mark.parametrize(("restock", "text"), [(True, "true"), (False, "false")])
def test_a_whole_cancellation_leaves_its_items_out_and_says_whether_to_restock(
    restock: bool, text: str
) -> None:
    change = Cancel(items=None, reason_code="OUT_OF_STOCK", reason_description=None, restock_items=restock)
    request = wire_request("35001", change, "k")
    assert request.path == "/35001/cancellations"
    assert _fields(request) == {
        "idempotency_key": "k",
        "cancel_reason": {"reason_code": "OUT_OF_STOCK"},
        "restock_items": text,
    }


def test_a_partial_cancellation_names_its_units_and_its_words() -> None:
    change = Cancel(
        items=(ItemQuantity(item_id="1", quantity=1), ItemQuantity(item_id="2", quantity=3)),
        reason_code="CUSTOMER_REQUESTED",
        reason_description="changed\nher mind",
        restock_items=False,
    )
    fields = _fields(wire_request("35001", change, "k"))
    assert fields["items"] == [{"item_id": "1", "quantity": 1}, {"item_id": "2", "quantity": 3}]
    assert fields["cancel_reason"]["reason_description"] == "changed\nher mind"


def test_a_full_refund_leaves_its_items_out() -> None:
    request = wire_request("35001", REFUND, "k")
    assert request.path == "/35001/refunds"
    assert _fields(request) == {"idempotency_key": "k", "reason_code": "WRONG_ITEM"}


def test_a_refund_of_shipping_alone_says_that_it_gives_back_no_item() -> None:
    change = replace(REFUND, full=False, shipping=_usd("6.00"))
    fields = _fields(wire_request("35001", change, "k"))
    assert fields["items"] == []
    assert fields["shipping"] == {"shipping_refund": {"amount": "6.00", "currency": "USD"}}


def test_a_partial_refund_names_units_or_exact_amounts_shipping_and_deductions() -> None:
    change = Refund(
        items=(
            RefundLine(item_id="1", quantity=2, amount=None),
            RefundLine(item_id="2", quantity=None, amount=_usd("0.10")),
        ),
        full=False,
        reason_code="DAMAGED_GOODS",
        reason_text="sorry",
        shipping=_usd("6.00"),
        deductions=(Deduction(deduction_type="RETURN_SHIPPING", amount=_usd("2.50")),),
    )
    assert _fields(wire_request("35001", change, "k")) == {
        "idempotency_key": "k",
        "reason_code": "DAMAGED_GOODS",
        "reason_text": "sorry",
        "items": [
            {"item_id": "1", "item_refund_quantity": 2},
            {"item_id": "2", "item_refund_amount": {"amount": "0.10", "currency": "USD"}},
        ],
        "shipping": {"shipping_refund": {"amount": "6.00", "currency": "USD"}},
        "deductions": [
            {"deduction_type": "RETURN_SHIPPING", "deduction_amount": {"amount": "2.50", "currency": "USD"}}
        ],
    }


@pytest.mark.parametrize(
    "change",
    [
        Acknowledge(merchant_order_reference="r"),
        UpdateTracking(shipment="s", tracking=TRACKING),
        REFUND,
    ],
)
def test_s12_the_same_change_and_key_are_the_same_bytes_and_another_key_changes_only_the_key(
    change: Change,
) -> None:
    assert wire_request("1", change, "k1") == wire_request("1", change, "k1")
    assert wire_request("1", change, "k1").body.replace("k1", "k2") == wire_request("1", change, "k2").body


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    path = wire_request("../1?x=/#", Acknowledge(merchant_order_reference=None), "k").path
    assert path == "/..%2F1%3Fx%3D%2F%23/acknowledge_order"


def test_a_batch_names_each_order_in_its_order() -> None:
    request = wire_batch("900", [("1", "A-1"), ("2", None)], "k")
    assert request.path == "/900/acknowledge_orders"
    assert _fields(request) == {
        "idempotency_key": "k",
        "orders": [{"id": "1", "merchant_order_reference": "A-1"}, {"id": "2"}],
    }


@pytest.mark.parametrize("count", [0, MAX_BATCH + 1])
def test_a_batch_of_none_or_of_more_than_a_hundred_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"not {count}"):
        wire_batch("900", [("1", None)] * count, "k")
