"""The transition table and the unit ledger, against a model that only counts units."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.domain.commands import Acknowledge, Cancel, Change, Refund, RefundLine, Ship
from app.domain.decide import Allowed, AlreadyDone, Refusal, decide
from app.domain.orders import ItemQuantity, Order, OrderState, Tracking
from tests.orders import NOW, item, order, units

ITEMS = ("1", "2")
quantities = st.integers(min_value=1, max_value=4)
lines = st.dictionaries(st.sampled_from(ITEMS), quantities, min_size=1).map(
    lambda chosen: tuple(ItemQuantity(item_id=key, quantity=count) for key, count in sorted(chosen.items()))
)
ships = st.builds(
    Ship,
    items=st.none() | lines,
    ship_all_remaining=st.just(True),
    tracking=st.integers(1, 99).map(lambda number: Tracking(carrier="UPS", tracking_number=str(number))),
    external_shipment_id=st.none(),
    merchant_order_reference=st.none(),
)
cancels = st.builds(
    Cancel,
    items=st.none() | lines,
    reason_code=st.just("OUT_OF_STOCK"),
    reason_description=st.none(),
    restock_items=st.booleans(),
)
refunds = lines.map(
    lambda chosen: Refund(
        items=tuple(RefundLine(item_id=line.item_id, quantity=line.quantity, amount=None) for line in chosen),
        full=False,
        reason_code="WRONG_ITEM",
        reason_text=None,
        shipping=None,
        deductions=(),
    )
)
acknowledges = st.builds(Acknowledge, merchant_order_reference=st.none())
changes = st.lists(st.one_of(ships, cancels, refunds, acknowledges), max_size=12)


def make(whole: Order, change: Change) -> Order:
    """Do what the platform would do: move units, and complete the order when none is open."""
    moved = {entry.id: entry.units for entry in whole.items}
    match change:
        case Acknowledge():
            return replace(whole, state=OrderState.IN_PROGRESS)
        case Ship(items=chosen) if chosen:
            for line in chosen:
                was = moved[line.item_id]
                moved[line.item_id] = replace(
                    was, open=was.open - line.quantity, shipped=was.shipped + line.quantity
                )
        case Cancel(items=chosen) if chosen:
            for line in chosen:
                was = moved[line.item_id]
                moved[line.item_id] = replace(
                    was, open=was.open - line.quantity, cancelled=was.cancelled + line.quantity
                )
        case Refund(items=refunded):
            for given_back in refunded:
                was = moved[given_back.item_id]
                moved[given_back.item_id] = replace(was, refunded=was.refunded + (given_back.quantity or 0))
    items = tuple(replace(entry, units=moved[entry.id]) for entry in whole.items)
    done = all(entry.units.open == 0 for entry in items)
    return replace(whole, items=items, state=OrderState.COMPLETED if done else whole.state)


@given(changes)
def test_no_run_of_allowed_changes_unbalances_the_ledger(wanted: list[Change]) -> None:
    whole = order(OrderState.CREATED, items=tuple(item(each, ledger=units(open=3)) for each in ITEMS))
    for change in wanted:
        decision = decide(whole, change, NOW)
        if isinstance(decision, Allowed):
            whole = make(whole, decision.change)
        assert all(entry.units.balanced and entry.units.quantity == 3 for entry in whole.items)


@given(changes)
def test_a_change_is_allowed_exactly_when_its_units_are_there(wanted: list[Change]) -> None:
    whole = order(OrderState.CREATED, items=tuple(item(each, ledger=units(open=3)) for each in ITEMS))
    for change in wanted:
        decision = decide(whole, change, NOW)
        assert isinstance(decision, Allowed) == permitted(whole, change)
        if isinstance(decision, Allowed):
            whole = make(whole, decision.change)
        else:
            assert isinstance(decision, Refusal | AlreadyDone)


def permitted(whole: Order, change: Change) -> bool:
    ledger = {entry.id: entry.units for entry in whole.items}
    some_open = any(entry.open for entry in ledger.values())
    match change:
        case Acknowledge():
            return whole.state is OrderState.CREATED
        case Ship(items=chosen):
            enough = all(ledger[line.item_id].open >= line.quantity for line in chosen or ())
            return whole.state is OrderState.IN_PROGRESS and some_open and enough
        case Cancel(items=chosen):
            return some_open and all(ledger[line.item_id].open >= line.quantity for line in chosen or ())
        case Refund(items=refunded):
            return any(entry.shipped for entry in ledger.values()) and all(
                ledger[line.item_id].shipped - ledger[line.item_id].refunded >= (line.quantity or 0)
                for line in refunded
            )
        case _:
            raise AssertionError(change)
