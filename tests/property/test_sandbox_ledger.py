"""Whatever is asked of an order, in whatever sequence: units and money stay true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sandbox.errors import RefusedError
from sandbox.ledger.acknowledging import acknowledge
from sandbox.ledger.book import Book
from sandbox.ledger.cancelling import CancelRequest, cancel
from sandbox.ledger.model import By, Order, State
from sandbox.ledger.placing import Draft, DraftLine, place, release
from sandbox.ledger.refunding import RefundPick, RefundRequest, refund, refundable
from sandbox.ledger.shipping import Parcel, ship
from sandbox.ledger.units import Pick
from sandbox.money import ZERO

START = datetime(2026, 1, 5, tzinfo=UTC)
LINES = 2


@dataclass
class Units:
    """What the model thinks of one line."""

    quantity: int
    shipped: int = 0
    cancelled: int = 0

    @property
    def open(self) -> int:
        return self.quantity - self.shipped - self.cancelled


class OrderLife(RuleBasedStateMachine):
    """Asks at random, predicts units by a plain model, and checks the money by what must always hold."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.book = Book()
        self.ids = count(1)

    def mint(self) -> str:
        return str(next(self.ids))

    @initialize(
        quantities=st.tuples(*[st.integers(1, 5)] * LINES),
        prices=st.tuples(*[st.decimals("0.01", "99.99", places=2)] * LINES),
        shipping=st.decimals(0, 20, places=2),
        tax_rate=st.decimals(0, "0.3", places=4),
        delay_s=st.sampled_from([0, 60]),
    )
    def begin(self, quantities: Any, prices: Any, shipping: Decimal, tax_rate: Decimal, delay_s: int) -> None:
        lines = tuple(
            DraftLine(retailer_id=str(n), quantity=quantities[n], price=prices[n]) for n in range(LINES)
        )
        draft = Draft(
            shop_id="1", lines=lines, currency="USD", shipping=shipping, tax_rate=tax_rate, channel="facebook"
        )
        self.order: Order = place(draft, now=self.now, mint=self.mint, pick=0)
        self.delay = timedelta(seconds=delay_s)
        self.units = [Units(quantity) for quantity in quantities]
        self.state = State.FB_PROCESSING

    def picks(self, wanted: list[int]) -> tuple[Pick, ...]:
        return tuple(
            Pick(item_id=self.order.lines[n].id, retailer_id=None, quantity=quantity)
            for n, quantity in enumerate(wanted)
            if quantity
        )

    def settle(self) -> None:
        if not any(line.open for line in self.units):
            self.state = State.COMPLETED

    @rule(seconds=st.sampled_from([1, 60, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def release(self) -> None:
        self.order = release(self.order, now=self.now, app_associated=True)
        if self.state is State.FB_PROCESSING:
            self.state = State.CREATED

    @rule()
    def acknowledge(self) -> None:
        try:
            self.order = acknowledge(self.order, reference=None, book=self.book, now=self.now)
        except RefusedError:
            assert self.state is not State.CREATED
        else:
            assert self.state is State.CREATED
            self.state = State.IN_PROGRESS

    @rule(wanted=st.none() | st.lists(st.integers(0, 6), min_size=LINES, max_size=LINES))
    def ship(self, wanted: list[int] | None) -> None:
        asked = [line.open for line in self.units] if wanted is None else wanted
        fits = self.state is State.IN_PROGRESS and any(asked)
        fits = fits and all(quantity <= line.open for quantity, line in zip(asked, self.units, strict=True))
        parcel = Parcel(
            items=None if wanted is None else self.picks(wanted),
            tracking=None,
            external_id=None,
            reference=None,
            origin_postal_code=None,
        )
        try:
            self.order = ship(
                self.order, parcel, book=self.book, now=self.now, capture_delay=self.delay, mint=self.mint
            )
        except RefusedError:
            assert not fits
        else:
            assert fits
            for quantity, line in zip(asked, self.units, strict=True):
                line.shipped += quantity
            self.settle()

    @rule(
        wanted=st.none() | st.lists(st.integers(0, 6), min_size=LINES, max_size=LINES),
        by=st.sampled_from(list(By)),
    )
    def cancel(self, wanted: list[int] | None, by: By) -> None:
        everything = wanted is None or not any(wanted)
        asked = [line.open for line in self.units] if everything or wanted is None else wanted
        held = self.state is State.FB_PROCESSING and by is By.MERCHANT
        fits = any(line.open for line in self.units)
        fits = fits and all(quantity <= line.open for quantity, line in zip(asked, self.units, strict=True))
        fits = fits and not (held and self.now - START <= timedelta(hours=24))
        request = CancelRequest(
            items=() if everything or wanted is None else self.picks(wanted),
            reason_code=None,
            reason_description=None,
            restock=False,
            by=by,
        )
        try:
            self.order = cancel(self.order, request, now=self.now, mint=self.mint)
        except RefusedError:
            assert not fits
        else:
            assert fits
            for quantity, line in zip(asked, self.units, strict=True):
                line.cancelled += quantity
            self.settle()

    @rule(
        line=st.integers(0, LINES - 1),
        units=st.none() | st.integers(1, 6),
        cents=st.integers(1, 20_000),
        extra_cents=st.tuples(st.integers(0, 2_500), st.sampled_from([0, 0, 100])),
        full=st.booleans(),
    )
    def refund(
        self, line: int, units: int | None, cents: int, extra_cents: tuple[int, int], *, full: bool
    ) -> None:
        amount = None if units is not None else Decimal(cents) / 100
        pick = RefundPick(item_id=self.order.lines[line].id, retailer_id=None, quantity=units, amount=amount)
        request = RefundRequest(
            items=None if full else (pick,),
            shipping=Decimal(extra_cents[0]) / 100,
            adjustment=Decimal(extra_cents[1]) / 100,
            deductions=ZERO,
            reason_code="WRONG_ITEM",
            reason_text=None,
            by=By.MERCHANT,
        )
        before = self.order
        try:
            self.order = refund(before, request, now=self.now, mint=self.mint)
        except RefusedError:
            return
        assert before.captured_total(self.now) > before.refunded_total()
        assert self.order.refunded_total() > before.refunded_total()

    @invariant()
    def units_agree_with_the_model(self) -> None:
        assert self.order.state is self.state
        for line, model in zip(self.order.lines, self.units, strict=True):
            assert (line.open, line.shipped, line.cancelled) == (model.open, model.shipped, model.cancelled)
            assert line.open + line.shipped + line.cancelled == line.quantity
            assert 0 <= line.refunded_units <= line.shipped

    @invariant()
    def money_stays_true(self) -> None:
        order, now = self.order, self.now
        assert ZERO <= order.refunded_total() <= order.captured_total(now)
        for line in order.lines:
            charged = line.price * order.captured_units(line.id, now)
            assert ZERO <= line.refunded_amount <= charged
            assert line.refunded_amount + refundable(order, line, now=now) == charged
            assert ZERO <= line.refunded_tax <= order.captured_tax(line.id, now) <= line.tax
        if order.open == 0 and not order.cancelled:
            estimate = sum((line.price * line.quantity + line.tax for line in order.lines), ZERO)
            charged = sum((shipment.payment.total for shipment in order.shipments), ZERO)
            assert charged == estimate + order.shipping + order.shipping_tax


OrderLife.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
test_units_and_money_stay_true_through_any_life = OrderLife.TestCase
