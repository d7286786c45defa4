from __future__ import annotations

import pytest

from app.domain.commands import Acknowledge, Cancel, Change, Refund, RefundLine, Ship, UpdateTracking
from app.domain.orders import Cancellation, ItemQuantity, Order, OrderState, RefundedItem, RefundRecord
from app.domain.readback import Applied, CannotTell, NotApplied, all_refunded, read_back
from tests.orders import UPS, item, order, shipment, units, usd

ONE_UNIT = (ItemQuantity(item_id="1", quantity=1),)
ACKNOWLEDGE = Acknowledge(merchant_order_reference="A-1")
SHIP = Ship(
    items=ONE_UNIT,
    ship_all_remaining=False,
    tracking=UPS,
    external_shipment_id="ow_1",
    merchant_order_reference=None,
)
CANCEL = Cancel(items=ONE_UNIT, reason_code="OUT_OF_STOCK", reason_description=None, restock_items=False)
REFUND = Refund(
    items=(RefundLine(item_id="1", quantity=None, amount=usd("5.00")),),
    full=False,
    reason_code="WRONG_ITEM",
    reason_text=None,
    shipping=None,
    deductions=(),
)
LIKE_CANCEL = Cancellation(id="7", items=ONE_UNIT, reason_code="OUT_OF_STOCK", reason_description=None)
LIKE_REFUND = RefundRecord(
    id="8",
    items=(RefundedItem(item_id="1", quantity=None, amount=usd("5.00")),),
    reason_code="WRONG_ITEM",
    amount=usd("5.00"),
    shipping=None,
)


@pytest.mark.parametrize(
    ("whole", "change", "verdict"),
    [
        (order(OrderState.CREATED), ACKNOWLEDGE, NotApplied),
        (order(merchant_order_reference="A-1"), ACKNOWLEDGE, Applied),
        (order(merchant_order_reference="B-2"), ACKNOWLEDGE, CannotTell),
        (order(), SHIP, NotApplied),
        (order(shipments=(shipment("other", external_id="ow_1"),)), SHIP, Applied),
        (order(shipments=(shipment("1Z1", external_id=None),)), SHIP, Applied),
        (order(shipments=(shipment("1Z1", external_id="by_hand"),)), SHIP, NotApplied),
        (order(shipments=(shipment("typo"),)), UpdateTracking(shipment="wh_1", tracking=UPS), NotApplied),
        (order(shipments=(shipment("1Z1"),)), UpdateTracking(shipment="wh_1", tracking=UPS), Applied),
        (order(), UpdateTracking(shipment="wh_1", tracking=UPS), CannotTell),
        (order(), CANCEL, NotApplied),
        (order(cancellations=(LIKE_CANCEL,)), CANCEL, CannotTell),
        (order(), REFUND, NotApplied),
        (order(refunds=(LIKE_REFUND,)), REFUND, CannotTell),
    ],
)
def test_only_a_handle_of_our_own_proves_a_change(whole: Order, change: Change, verdict: type) -> None:
    evidence = read_back(whole, change)
    assert type(evidence) is verdict
    assert evidence.evidence


def _refund_of_item_one() -> Refund:
    line = RefundLine(item_id="1", quantity=1, amount=None)
    return Refund(
        items=(line,), full=False, reason_code="RETURNED", reason_text=None, shipping=None, deductions=()
    )


def test_already_refunded_is_believed_when_nothing_is_left_to_refund() -> None:
    record = RefundRecord(id="9", items=(), reason_code=None, amount=None, shipping=None)
    whole = order(items=(item(ledger=units(shipped=2, refunded=2)),), refunds=(record,))
    assert isinstance(all_refunded(whole, _refund_of_item_one()), Applied)


def test_already_refunded_is_not_believed_while_units_are_left() -> None:
    record = RefundRecord(id="9", items=(), reason_code=None, amount=None, shipping=None)
    partly = order(items=(item(ledger=units(shipped=2, refunded=1)),), refunds=(record,))
    assert isinstance(all_refunded(partly, _refund_of_item_one()), NotApplied)
    untouched = order(items=(item(ledger=units(shipped=2)),))
    assert isinstance(all_refunded(untouched, _refund_of_item_one()), NotApplied)
