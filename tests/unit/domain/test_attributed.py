"""Which news of an order our own commands made."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from app.domain.commands import (
    Acknowledge,
    Attempt,
    Cancel,
    Change,
    Command,
    CommandStatus,
    Refund,
    RefundLine,
    Ship,
    UpdateTracking,
)
from app.domain.compare import attributed, compare
from app.domain.orders import (
    Cancellation,
    ItemQuantity,
    Order,
    OrderState,
    Payment,
    RefundedItem,
    RefundRecord,
    Tracking,
)
from app.domain.timeline import Cause
from tests.orders import NOW, UPS, order, shipment

OTHER = Tracking(carrier="UPS", tracking_number="1Z-OTHER")
UNIT = (ItemQuantity(item_id="1", quantity=1),)
ACKNOWLEDGE = Acknowledge(merchant_order_reference="A-1")
SHIP = Ship(items=UNIT, ship_all_remaining=False, tracking=UPS, external_shipment_id="ow_1")
RETRACK = UpdateTracking(shipment="600001", tracking=OTHER)
CANCEL = Cancel(items=UNIT, reason_code="OUT_OF_STOCK", restock_items=False)
REFUND = Refund(
    items=(RefundLine(item_id="1", quantity=1),), full=False, reason_code="WRONG_ITEM", deductions=()
)
CREATED = order(OrderState.CREATED)
ACKNOWLEDGED = order(merchant_order_reference="A-1")
PARCEL = order(shipments=(shipment(external_id="ow_1"),))
GIVEN_UP = Cancellation(id="7", items=UNIT, reason_code="OUT_OF_STOCK")
PAID_BACK = RefundRecord(id="8", items=(RefundedItem(item_id="1", quantity=1),))


def command(change: Change, *, attempts: int = 1) -> Command:
    return Command(
        id=f"c-{change.kind}",
        order_id=CREATED.id,
        shop_id=CREATED.shop_id,
        kind=change.kind,
        change=change,
        status=CommandStatus.RUNNING,
        idempotency_key="k",
        created_at=NOW,
        cause=Cause.REST,
        attempts=tuple(
            Attempt(number=number + 1, started_at=NOW, timeout_s=5, idempotency_key="k")
            for number in range(attempts)
        ),
    )


def ours(old: Order, new: Order, commands: Sequence[Command]) -> list[str]:
    """Return the news that is put down to a command; all other news keeps its cause."""
    news = compare(old, new, at=NOW, cause=Cause.RECONCILIATION)
    told = attributed(news, new, commands)
    assert [replace(entry, cause=Cause.RECONCILIATION) for entry in told] == list(news)
    return [entry.what for entry in told if entry.cause is Cause.COMMAND]


@pytest.mark.parametrize(
    ("old", "new", "change", "explained"),
    [
        (CREATED, ACKNOWLEDGED, ACKNOWLEDGE, ["order.state_changed", "order.reference_set"]),
        (CREATED, order(), Acknowledge(), ["order.state_changed"]),
        (order(), PARCEL, SHIP, ["shipment.added"]),
        (order(), order(shipments=(shipment(external_id=None),)), SHIP, ["shipment.added"]),
        (
            order(),
            replace(PARCEL, state=OrderState.COMPLETED, payments=(Payment(id="9", captured=True),)),
            SHIP,
            ["order.state_changed", "shipment.added", "payment.captured"],
        ),
        (
            order(),
            replace(PARCEL, merchant_order_reference="A-1"),
            replace(SHIP, merchant_order_reference="A-1"),
            ["order.reference_set", "shipment.added"],
        ),
        (
            order(shipments=(shipment(),)),
            order(shipments=(shipment("1Z-OTHER"),)),
            RETRACK,
            ["shipment.tracking_changed"],
        ),
        (order(), order(cancellations=(GIVEN_UP,)), CANCEL, ["cancellation.added"]),
        (order(), order(cancellations=(GIVEN_UP,)), replace(CANCEL, items=None), ["cancellation.added"]),
        (order(), order(refunds=(PAID_BACK,)), REFUND, ["refund.added"]),
        (order(), order(refunds=(PAID_BACK,)), replace(REFUND, items=(), full=True), ["refund.added"]),
    ],
)
def test_a_change_that_our_attempt_explains_is_our_commands(
    old: Order, new: Order, change: Change, explained: list[str]
) -> None:
    assert ours(old, new, [command(change)]) == explained
    assert ours(old, new, [command(change, attempts=0)]) == []


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (CREATED, order(merchant_order_reference="B-2"), ACKNOWLEDGE),
        (order(OrderState.FB_PROCESSING), CREATED, ACKNOWLEDGE),
        (ACKNOWLEDGED, replace(ACKNOWLEDGED, state=OrderState.COMPLETED), ACKNOWLEDGE),
        (order(), order(shipments=(shipment(external_id="theirs"),)), SHIP),
        (order(), order(shipments=(shipment("1Z9", external_id=None),)), SHIP),
        (order(shipments=(shipment(),)), order(shipments=(shipment("1Z-TYPO"),)), RETRACK),
        (
            order(shipments=(shipment(shipment_id="2"),)),
            order(shipments=(shipment("1Z-OTHER", shipment_id="2"),)),
            RETRACK,
        ),
        (order(), order(cancellations=(replace(GIVEN_UP, items=()),)), CANCEL),
        (order(), order(refunds=(replace(PAID_BACK, items=()),)), REFUND),
        (order(), order(payments=(Payment(id="9", captured=True),)), SHIP),
        (order(), PARCEL, CANCEL),
        (CREATED, PARCEL, CANCEL),
        (order(), order(OrderState.COMPLETED), SHIP),
    ],
)
def test_a_change_that_somebody_else_made_keeps_its_cause(old: Order, new: Order, change: Change) -> None:
    assert ours(old, new, [command(change)]) == []


def test_one_command_explains_one_new_record() -> None:
    twice = order(refunds=(PAID_BACK, replace(PAID_BACK, id="9")))
    assert ours(order(), twice, [command(REFUND)]) == ["refund.added"]
    assert ours(order(), twice, [command(REFUND), command(REFUND)]) == ["refund.added"] * 2
