"""The exact bytes of every call to the platform.

A command keeps its bytes and repeats them after a lost answer, also with a newer release of Orderwire: the
platform recognizes a repetition by its idempotency key and expects the same body. These bytes never change.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

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
from app.graph.requests import wire_batch, wire_request

KEY = "01JAAAAAAAAAAAAAAAAAAAAAAA"
MUG = ItemQuantity(item_id="500001", quantity=2)
CAP = ItemQuantity(item_id="500002", quantity=1)
UPS = Tracking(carrier="UPS", tracking_number="1Z 999 & 1", shipping_method_name=None)
DHL = Tracking(carrier="DHL_EXPRESS", tracking_number="JD/01", shipping_method_name='Größe "M" 100%')


def usd(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


CHANGES: dict[str, tuple[Change, str, str]] = {
    "acknowledge": (Acknowledge(merchant_order_reference=None), "acknowledge_order", ""),
    "acknowledge_reference": (
        Acknowledge(merchant_order_reference="A-ß 100/é"),
        "acknowledge_order",
        "&merchant_order_reference=A-%C3%9F+100%2F%C3%A9",
    ),
    "ship_all": (
        Ship(
            items=None,
            ship_all_remaining=True,
            tracking=UPS,
            external_shipment_id=None,
            merchant_order_reference=None,
        ),
        "shipments",
        ("&tracking_info=%7B%22carrier%22%3A%22UPS%22%2C%22tracking_number%22%3A%221Z+999+%26+1%22%7D"),
    ),
    "ship_items": (
        Ship(
            items=(MUG, CAP),
            ship_all_remaining=False,
            tracking=DHL,
            external_shipment_id="wh_17",
            merchant_order_reference="A-100",
        ),
        "shipments",
        (
            "&external_shipment_id=wh_17&merchant_order_reference=A-100&items=%5B%7B%22item_id%22%"
            "3A%22500001%22%2C%22quantity%22%3A2%7D%2C%7B%22item_id%22%3A%22500002%22%2C%22quantit"
            "y%22%3A1%7D%5D&tracking_info=%7B%22carrier%22%3A%22DHL_EXPRESS%22%2C%22tracking_numbe"
            "r%22%3A%22JD%2F01%22%2C%22shipping_method_name%22%3A%22Gr%5Cu00f6%5Cu00dfe+%5C%22M%5C"
            "%22+100%25%22%7D"
        ),
    ),
    "update_tracking": (
        UpdateTracking(shipment="600001", tracking=UPS),
        "update_shipment",
        (
            "&shipment_id=600001&tracking_info=%7B%22carrier%22%3A%22UPS%22%2C%22tracking_number%2"
            "2%3A%221Z+999+%26+1%22%7D"
        ),
    ),
    "update_tracking_method": (
        UpdateTracking(shipment="600001", tracking=DHL),
        "update_shipment",
        (
            "&shipment_id=600001&tracking_info=%7B%22carrier%22%3A%22DHL_EXPRESS%22%2C%22tracking_"
            "number%22%3A%22JD%2F01%22%2C%22shipping_method_name%22%3A%22Gr%5Cu00f6%5Cu00dfe+%5C%2"
            "2M%5C%22+100%25%22%7D"
        ),
    ),
    "cancel_all": (
        Cancel(items=None, reason_code="OUT_OF_STOCK", reason_description=None, restock_items=False),
        "cancellations",
        "&cancel_reason=%7B%22reason_code%22%3A%22OUT_OF_STOCK%22%7D&restock_items=false",
    ),
    "cancel_items": (
        Cancel(
            items=(MUG,),
            reason_code="CUSTOMER_REQUESTED",
            reason_description="changed\nher mind",
            restock_items=True,
        ),
        "cancellations",
        (
            "&cancel_reason=%7B%22reason_code%22%3A%22CUSTOMER_REQUESTED%22%2C%22reason_descriptio"
            "n%22%3A%22changed%5Cnher+mind%22%7D&restock_items=true&items=%5B%7B%22item_id%22%3A%2"
            "2500001%22%2C%22quantity%22%3A2%7D%5D"
        ),
    ),
    "refund_full": (
        Refund(items=(), full=True, reason_code="WRONG_ITEM", reason_text=None, shipping=None, deductions=()),
        "refunds",
        "&reason_code=WRONG_ITEM",
    ),
    "refund_shipping": (
        Refund(
            items=(),
            full=False,
            reason_code="QUALITY_ISSUE",
            reason_text=None,
            shipping=usd("6.00"),
            deductions=(),
        ),
        "refunds",
        (
            "&reason_code=QUALITY_ISSUE&items=%5B%5D&shipping=%7B%22shipping_refund%22%3A%7B%22amo"
            "unt%22%3A%226.00%22%2C%22currency%22%3A%22USD%22%7D%7D"
        ),
    ),
    "refund_full_shipping": (
        Refund(
            items=(),
            full=True,
            reason_code="REFUND_FOR_RETURN",
            reason_text="sorry",
            shipping=usd("0.50"),
            deductions=(Deduction(deduction_type="RETURN_SHIPPING", amount=usd("2.50")),),
        ),
        "refunds",
        (
            "&reason_code=REFUND_FOR_RETURN&reason_text=sorry&shipping=%7B%22shipping_refund%22%3A"
            "%7B%22amount%22%3A%220.50%22%2C%22currency%22%3A%22USD%22%7D%7D&deductions=%5B%7B%22d"
            "eduction_type%22%3A%22RETURN_SHIPPING%22%2C%22deduction_amount%22%3A%7B%22amount%22%3"
            "A%222.50%22%2C%22currency%22%3A%22USD%22%7D%7D%5D"
        ),
    ),
    "refund_lines": (
        Refund(
            items=(
                RefundLine(item_id="500001", quantity=2, amount=None),
                RefundLine(item_id="500002", quantity=None, amount=usd("1E+1")),
            ),
            full=False,
            reason_code="DAMAGED_GOODS",
            reason_text="broken ☕",
            shipping=None,
            deductions=(),
        ),
        "refunds",
        (
            "&reason_code=DAMAGED_GOODS&reason_text=broken+%E2%98%95&items=%5B%7B%22item_id%22%3A%"
            "22500001%22%2C%22item_refund_quantity%22%3A2%7D%2C%7B%22item_id%22%3A%22500002%22%2C%"
            "22item_refund_amount%22%3A%7B%22amount%22%3A%2210%22%2C%22currency%22%3A%22USD%22%7D%"
            "7D%5D"
        ),
    ),
}


@pytest.mark.parametrize(("change", "edge", "body"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_sent_in_exactly_these_bytes(change: Change, edge: str, body: str) -> None:
    assert wire_request("35001", change, KEY) == WireRequest(
        path=f"/35001/{edge}", body=f"idempotency_key={KEY}{body}"
    )


def test_a_batch_is_sent_in_exactly_these_bytes() -> None:
    request = wire_batch("900", [("35001", "A-ß 100"), ("35002", None), ("35003", "B")], KEY)
    assert request == WireRequest(
        path="/900/acknowledge_orders",
        body="idempotency_key=01JAAAAAAAAAAAAAAAAAAAAAAA&orders=%5B%7B%22id%22%3A%2235001%22%2C%22m"
        "erchant_order_reference%22%3A%22A-%5Cu00df+100%22%7D%2C%7B%22id%22%3A%2235002%22%7D%2"
        "C%7B%22id%22%3A%2235003%22%2C%22merchant_order_reference%22%3A%22B%22%7D%5D",
    )
