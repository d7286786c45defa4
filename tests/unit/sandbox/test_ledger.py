"""The ledger without any wire: the book's order, the cents, the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest

from sandbox.clock import Clock
from sandbox.ledger.book import Book
from sandbox.ledger.model import By, Order, State
from sandbox.ledger.placing import Draft, DraftLine, place, release
from sandbox.ledger.refunding import RefundPick, RefundRequest, refund
from sandbox.ledger.shipping import Parcel, ship
from sandbox.ledger.units import Pick
from sandbox.money import as_text, rounded, share

NOW = datetime(2026, 1, 5, 9, 16, 21, tzinfo=UTC)


class Mint:
    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self) -> str:
        return f"{next(self._numbers):05d}"


def draft(quantity: int = 3, price: str = "20.00") -> Draft:
    line = DraftLine(retailer_id="A", quantity=quantity, price=Decimal(price))
    return Draft(
        shop_id="1",
        lines=(line,),
        currency="USD",
        channel="facebook",
        shipping=Decimal(6),
        tax_rate=Decimal("0.0825"),
    )


def shipped_singly(quantity: int, price: str) -> Order:
    mint, book = Mint(), Book()
    order = release(place(draft(quantity, price), now=NOW, mint=mint, pick=0), now=NOW, app_associated=False)
    parcel = Parcel(
        items=(Pick(item_id=order.lines[0].id, retailer_id=None, quantity=1),),
        tracking=None,
        external_id=None,
        reference=None,
        origin_postal_code=None,
    )
    for _ in range(quantity):
        order = ship(order, parcel, book=book, now=NOW, capture_delay=timedelta(), mint=mint)
    return order


@pytest.mark.parametrize(("quantity", "price"), [(3, "3.33"), (7, "0.01"), (1, "9.99"), (11, "12.345")])
def test_parcels_of_one_unit_charge_the_estimate_to_the_cent(quantity: int, price: str) -> None:
    order = shipped_singly(quantity, price)
    line = order.lines[0]
    estimate = line.price * quantity + line.tax + order.shipping + order.shipping_tax
    assert order.captured_total(NOW) == estimate
    assert [shipment.payment.shipping for shipment in order.shipments] == [6, *[0] * (quantity - 1)]


@pytest.mark.parametrize(("quantity", "price"), [(3, "3.33"), (7, "0.02"), (11, "12.34")])
def test_refunds_of_one_unit_give_the_charge_back_to_the_cent(quantity: int, price: str) -> None:
    order, mint = shipped_singly(quantity, price), Mint()
    for step in range(quantity):
        pick = RefundPick(item_id=order.lines[0].id, retailer_id=None, quantity=1, amount=None)
        asked = RefundRequest(
            items=(pick,),
            shipping=order.shipping if step == quantity - 1 else Decimal(0),
            adjustment=Decimal(0),
            deductions=Decimal(0),
            reason_code="WRONG_ITEM",
            reason_text=None,
            by=By.MERCHANT,
        )
        order = refund(order, asked, now=NOW, mint=mint)
    assert order.refunded_total() == order.captured_total(NOW)
    assert order.lines[0].refunded_units == quantity


def test_steps_of_a_share_take_exactly_the_whole() -> None:
    steps = [share(Decimal("1.00"), before=n, after=n + 1, whole=3, currency="USD") for n in range(3)]
    assert sum(steps) == Decimal("1.00")
    assert share(Decimal(1), before=0, after=1, whole=0, currency="USD") == 0


def test_money_is_rounded_half_up_to_what_its_currency_pays() -> None:
    assert rounded(Decimal("0.125"), "USD") == Decimal("0.13")
    assert rounded(Decimal("100.5"), "JPY") == Decimal(101)
    assert as_text(Decimal("5.5"), "USD") == "5.50"
    assert as_text(Decimal("1E+3"), "JPY") == "1000"


def walk(book: Book, *states: State) -> list[str]:
    return [order.id for _, order in book.newest_first("1", states)]


def test_the_book_lists_by_last_change_over_states_and_forgets_stale_marks() -> None:
    book, mint = Book(), Mint()
    orders = [place(draft(), now=NOW, mint=mint, pick=0) for _ in range(400)]
    for order in orders:
        book.put(order)
    assert walk(book, State.FB_PROCESSING) == [order.id for order in reversed(orders)]
    later = NOW + timedelta(hours=1)
    for order in orders[::2]:
        book.put(release(order, now=later, app_associated=True))
    released = [order.id for order in reversed(orders[::2])]
    held = [order.id for order in reversed(orders[1::2])]
    assert walk(book, State.CREATED) == released
    assert walk(book, State.FB_PROCESSING) == held
    assert walk(book, State.CREATED, State.FB_PROCESSING, State.CREATED) == released + held
    assert walk(book, State.COMPLETED) == []
    for turn in range(5):
        for order in orders[::2]:
            moved = release(order, now=later + timedelta(seconds=turn), app_associated=True)
            book.put(moved)
    assert walk(book, State.CREATED) == released
    assert len(book._logs["1", State.CREATED]) < 1_000


def test_the_book_starts_below_a_place_above_one_and_before_a_time() -> None:
    book, mint = Book(), Mint()
    for second in range(10):
        book.put(place(draft(), now=NOW + timedelta(seconds=second), mint=mint, pick=0))
    places = [place_ for place_, _ in book.newest_first("1", [State.FB_PROCESSING])]
    assert [p for p, _ in book.newest_first("1", [State.FB_PROCESSING], below=places[3])] == places[4:]
    assert [p for p, _ in book.oldest_first("1", [State.FB_PROCESSING], above=places[3])] == places[2::-1]
    until = int((NOW + timedelta(seconds=4)).timestamp())
    assert [p for p, _ in book.newest_first("1", [State.FB_PROCESSING], not_after_s=until)] == places[5:]


def test_the_oldest_held_order_is_the_first_that_still_waits() -> None:
    book, mint = Book(), Mint()
    first, second = (place(draft(), now=NOW, mint=mint, pick=0) for _ in range(2))
    book.put(first)
    book.put(second)
    book.put(release(first, now=NOW, app_associated=True))
    held = book.oldest_held()
    assert held is not None
    assert held.id == second.id
    book.put(release(second, now=NOW, app_associated=True))
    assert book.oldest_held() is None


def test_the_clock_never_runs_back_even_when_the_machine_does() -> None:
    times = iter([NOW, NOW + timedelta(seconds=5), NOW, NOW])
    clock = Clock(lambda: next(times))
    assert clock.now() == NOW + timedelta(seconds=5)
    assert clock.now() == NOW + timedelta(seconds=5)
    assert clock.advance(seconds=60) == NOW + timedelta(seconds=60)
    with pytest.raises(ValueError, match="0 or more"):
        clock.advance(seconds=-1)
