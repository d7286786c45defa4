from __future__ import annotations

from msgspec.structs import replace

from app.domain.compare import compare
from app.domain.orders import Cancellation, ItemQuantity, Order, OrderState, Payment, RefundRecord
from app.domain.timeline import Cause
from tests.orders import NOW, order, shipment, usd


def news(old: Order | None, new: Order, cause: Cause = Cause.WEBHOOK) -> list[str]:
    return [entry.what for entry in compare(old, new, at=NOW, cause=cause)]


def test_s02_an_order_first_seen_by_the_poll_says_so() -> None:
    (entry,) = compare(None, order(OrderState.CREATED), at=NOW, cause=Cause.RECONCILIATION)
    assert (entry.what, entry.cause, entry.detail) == (
        "order.found",
        "reconciliation",
        {"state": "CREATED"},
    )


def test_equal_copies_have_no_news() -> None:
    assert news(order(), order()) == []


def test_everything_that_happened_is_told_once() -> None:
    old = order(OrderState.CREATED)
    new = order(
        OrderState.IN_PROGRESS,
        merchant_order_reference="A-1",
        shipments=(shipment(),),
        cancellations=(
            Cancellation(
                id="7",
                items=(ItemQuantity(item_id="1", quantity=1),),
                reason_code="OUT_OF_STOCK",
                reason_description=None,
            ),
        ),
        refunds=(
            RefundRecord(id="8", items=(), reason_code="WRONG_ITEM", amount=usd("5.00"), shipping=None),
        ),
        payments=(Payment(id="9", total=usd("20"), captured=True),),
    )
    assert news(old, new) == [
        "order.state_changed",
        "order.reference_set",
        "shipment.added",
        "cancellation.added",
        "refund.added",
        "payment.captured",
    ]
    assert news(new, new) == []


def test_s07_both_tracking_numbers_stay_in_the_timeline() -> None:
    old = order(shipments=(shipment("1Z-TYPO"),))
    (entry,) = compare(old, replace(old, shipments=(shipment("1Z1"),)), at=NOW, cause=Cause.COMMAND)
    assert entry.what == "shipment.tracking_changed"
    assert entry.detail["from"]["tracking_number"] == "1Z-TYPO"
    assert entry.detail["to"]["tracking_number"] == "1Z1"
