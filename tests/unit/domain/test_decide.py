from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.commands import Acknowledge, Cancel, Change, Refund, RefundLine, Ship, UpdateTracking
from app.domain.decide import Allowed, AlreadyDone, Refusal, decide
from app.domain.orders import ItemQuantity, Order, OrderState, Tracking
from tests.orders import NOW, UPS, item, order, shipment, units, usd

SHIPPED = order(OrderState.COMPLETED, items=(item(ledger=units(shipped=3)),), shipments=(shipment(),))
CANCELLED = order(OrderState.COMPLETED, items=(item(ledger=units(cancelled=3)),))


def ship(
    *lines: tuple[str, int], rest: bool = False, tracking: Tracking = UPS, reference: str | None = None
) -> Ship:
    items = tuple(ItemQuantity(item_id=item_id, quantity=count) for item_id, count in lines)
    return Ship(
        items=items or None,
        ship_all_remaining=rest,
        tracking=tracking,
        external_shipment_id=None,
        merchant_order_reference=reference,
    )


def cancel(*lines: tuple[str, int]) -> Cancel:
    items = tuple(ItemQuantity(item_id=item_id, quantity=count) for item_id, count in lines)
    return Cancel(
        items=items or None, reason_code="OUT_OF_STOCK", reason_description=None, restock_items=True
    )


def refund(
    *,
    units_of: tuple[str, int] | None = None,
    money_of: tuple[str, str] | None = None,
    shipping: str | None = None,
) -> Refund:
    lines = []
    if units_of:
        lines.append(RefundLine(item_id=units_of[0], quantity=units_of[1], amount=None))
    if money_of:
        lines.append(RefundLine(item_id=money_of[0], quantity=None, amount=usd(money_of[1])))
    return Refund(
        items=tuple(lines),
        full=not lines and shipping is None,
        reason_code="DAMAGED_GOODS",
        reason_text=None,
        shipping=usd(shipping) if shipping else None,
        deductions=(),
    )


def refusal_code(whole: Order, change: Change) -> str:
    decision = decide(whole, change, NOW)
    assert isinstance(decision, Refusal), decision
    assert whole.id in decision.detail or change_names_carrier(decision)
    assert decision.hint
    return decision.code


def change_names_carrier(refusal: Refusal) -> bool:
    return refusal.code == "unknown_carrier"


class TestAcknowledge:
    def test_a_created_order_is_acknowledged(self) -> None:
        change = Acknowledge(merchant_order_reference="A-100")
        assert decide(order(OrderState.CREATED), change, NOW) == Allowed(change=change)

    def test_a_processing_order_waits(self) -> None:
        assert refusal_code(order(OrderState.FB_PROCESSING), Acknowledge(merchant_order_reference=None)) == (
            "order_processing"
        )

    def test_an_order_acknowledged_with_that_reference_is_already_done(self) -> None:
        taken = order(merchant_order_reference="A-100")
        assert isinstance(decide(taken, Acknowledge(merchant_order_reference="A-100"), NOW), AlreadyDone)
        assert isinstance(decide(taken, Acknowledge(merchant_order_reference=None), NOW), AlreadyDone)

    def test_another_reference_is_refused_with_the_stored_one(self) -> None:
        decision = decide(
            order(merchant_order_reference="A-100"), Acknowledge(merchant_order_reference="B"), NOW
        )
        assert isinstance(decision, Refusal)
        assert decision.code == "reference_mismatch"
        assert "A-100" in decision.hint

    def test_a_reference_after_an_acknowledgement_without_one_is_refused(self) -> None:
        assert refusal_code(order(), Acknowledge(merchant_order_reference="A-1")) == "already_acknowledged"

    def test_a_state_nobody_knows_is_refused(self) -> None:
        assert refusal_code(order(OrderState.UNKNOWN), Acknowledge(merchant_order_reference=None)) == (
            "unknown_state"
        )


class TestShip:
    def test_open_units_ship(self) -> None:
        assert isinstance(decide(order(), ship(("1", 2)), NOW), Allowed)

    def test_s06_a_shipment_without_items_is_refused_unless_it_says_all_remaining(self) -> None:
        assert refusal_code(order(), ship()) == "items_required"
        decision = decide(order(), ship(rest=True), NOW)
        assert isinstance(decision, Allowed)
        assert isinstance(decision.change, Ship)
        assert decision.change.items == (ItemQuantity(item_id="1", quantity=3),)

    def test_s08_another_reference_is_refused_with_the_stored_one(self) -> None:
        taken = order(merchant_order_reference="A-100")
        decision = decide(taken, ship(("1", 1), reference="A-100-B"), NOW)
        assert isinstance(decision, Refusal)
        assert decision.code == "reference_mismatch"
        assert "A-100" in decision.detail

    @pytest.mark.parametrize(
        ("whole", "change", "code"),
        [
            (order(), ship(("1", 4)), "more_than_open"),
            (order(), ship(("2", 1)), "unknown_item"),
            (order(OrderState.CREATED), ship(("1", 1)), "not_acknowledged"),
            (order(OrderState.FB_PROCESSING), ship(("1", 1)), "order_processing"),
            (SHIPPED, ship(("1", 1)), "nothing_open"),
            (CANCELLED, ship(("1", 1)), "order_cancelled"),
            (order(shipments=(shipment(),)), ship(("1", 1)), "tracking_number_used"),
            (order(OrderState.UNKNOWN), ship(("1", 1)), "unknown_state"),
        ],
    )
    def test_what_the_platform_would_refuse_is_refused_here(
        self, whole: Order, change: Ship, code: str
    ) -> None:
        assert refusal_code(whole, change) == code

    def test_an_unknown_carrier_is_refused_with_the_nearest(self) -> None:
        decision = decide(
            order(), ship(("1", 1), tracking=Tracking(carrier="FEDEXX", tracking_number="9")), NOW
        )
        assert isinstance(decision, Refusal)
        assert decision.code == "unknown_carrier"
        assert "FEDEX" in decision.hint

    def test_other_is_a_carrier(self) -> None:
        other = Tracking(carrier="OTHER", tracking_number="9")
        assert isinstance(decide(order(), ship(("1", 1), tracking=other), NOW), Allowed)


class TestUpdateTracking:
    def test_s07_the_right_number_replaces_a_typo_by_either_id(self) -> None:
        whole = order(shipments=(shipment("1Z-TYPO"),))
        for named in ("600001", "wh_1"):
            decision = decide(whole, UpdateTracking(shipment=named, tracking=UPS), NOW)
            assert decision == Allowed(change=UpdateTracking(shipment="600001", tracking=UPS))

    def test_the_same_tracking_again_is_already_done(self) -> None:
        whole = order(shipments=(shipment(),))
        assert isinstance(decide(whole, UpdateTracking(shipment="wh_1", tracking=UPS), NOW), AlreadyDone)

    def test_a_shipment_the_order_does_not_have_is_refused(self) -> None:
        assert refusal_code(order(), UpdateTracking(shipment="x", tracking=UPS)) == "unknown_shipment"

    def test_a_number_of_another_shipment_is_refused(self) -> None:
        two = (shipment("1Z1"), shipment("1Z2", shipment_id="600002", external_id="wh_2"))
        change = UpdateTracking(shipment="wh_2", tracking=UPS)
        assert refusal_code(order(shipments=two), change) == "tracking_number_used"


class TestCancel:
    def test_without_items_every_open_unit_is_cancelled(self) -> None:
        whole = order(items=(item("1", ledger=units(open=1, shipped=2)), item("2", ledger=units(shipped=1))))
        decision = decide(whole, cancel(), NOW)
        assert isinstance(decision, Allowed)
        assert isinstance(decision.change, Cancel)
        assert decision.change.items == (ItemQuantity(item_id="1", quantity=1),)

    def test_s09_a_shipped_order_is_refunded_instead_and_a_cancelled_one_is_done(self) -> None:
        assert refusal_code(SHIPPED, cancel()) == "already_shipped"
        assert isinstance(decide(CANCELLED, cancel(), NOW), AlreadyDone)

    def test_in_processing_only_after_24_hours(self) -> None:
        young = order(OrderState.FB_PROCESSING, created_at=NOW - timedelta(hours=23, minutes=59))
        old = order(OrderState.FB_PROCESSING, created_at=NOW - timedelta(hours=24))
        assert refusal_code(young, cancel()) == "processing_under_24h"
        assert isinstance(decide(old, cancel(), NOW), Allowed)

    def test_more_units_than_are_open_are_refused(self) -> None:
        assert refusal_code(order(), cancel(("1", 4))) == "more_than_open"
        partly = order(items=(item(ledger=units(open=1, shipped=2)),))
        assert refusal_code(partly, cancel(("1", 2))) == "already_shipped"


class TestRefund:
    def test_shipped_units_are_refunded_by_units_by_money_and_in_full(self) -> None:
        for change in (
            refund(units_of=("1", 3)),
            refund(money_of=("1", "5.00")),
            refund(),
            refund(shipping="6"),
        ):
            assert decide(SHIPPED, change, NOW) == Allowed(change=change)

    @pytest.mark.parametrize(
        ("whole", "change", "code"),
        [
            (order(), refund(units_of=("1", 1)), "nothing_shipped"),
            (CANCELLED, refund(units_of=("1", 1)), "order_cancelled"),
            (SHIPPED, refund(units_of=("1", 4)), "more_than_refundable"),
            (SHIPPED, refund(money_of=("1", "60.01")), "more_than_refundable"),
            (SHIPPED, refund(shipping="6.01"), "more_than_refundable"),
            (SHIPPED, refund(units_of=("7", 1)), "unknown_item"),
        ],
    )
    def test_more_than_was_paid_is_refused(self, whole: Order, change: Refund, code: str) -> None:
        assert refusal_code(whole, change) == code

    def test_another_currency_is_refused(self) -> None:
        line = RefundLine(item_id="1", quantity=None, amount=usd("1").__class__.parse("1", "EUR"))
        change = Refund(
            items=(line,), full=False, reason_code="OTHER", reason_text=None, shipping=None, deductions=()
        )
        assert refusal_code(SHIPPED, change) == "wrong_currency"

    def test_a_refund_of_nothing_is_refused(self) -> None:
        nothing = Refund(
            items=(), full=False, reason_code="OTHER", reason_text=None, shipping=None, deductions=()
        )
        assert refusal_code(SHIPPED, nothing) == "refund_empty"
        given = order(OrderState.COMPLETED, items=(item(ledger=units(shipped=3, refunded=3)),))
        assert refusal_code(given, refund()) == "already_refunded"
