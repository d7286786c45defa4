"""The world: one run of the emulated platform; orders change only here."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from .clock import Clock
from .faults import Faults
from .idempotency import Answers
from .journal import Journal
from .ledger.book import Book
from .ledger.model import By, Order, Shop
from .ledger.placing import Draft, place, release
from .options import Options
from .rules import assumed, documented
from .settings import Settings
from .tokens import Tokens

# 17 digits, beyond 2^53 where a double loses the last ones. The start time is added, in thousandths of a
# millisecond, so that a later run gives higher ids.
_FIRST_ID = 64_000_000_000_000_000


class World:
    """Holds one run: clock, book, journal, tokens, faults, settings, and the receivers of changes."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self.shops: dict[str, Shop] = {access.shop.cms_id: access.shop for access in options.shops}
        self.pages: dict[str, Shop] = {access.shop.page_id: access.shop for access in options.shops}
        self.tokens = Tokens({access.access_token: access.shop.cms_id for access in options.shops})
        self.faults = Faults()
        self.tell: Callable[[Order, str], None] = _tell_nobody
        self._ids = count(_FIRST_ID + int(clock.now().timestamp() * 1_000) * 1_000)
        self._empty(options.seed)

    def mint(self) -> str:
        """Return the next id: digits, 17 of them, higher than every earlier one, also of earlier runs."""
        return str(next(self._ids))

    def trace_id(self) -> str:
        """Return a new fbtrace_id for an error."""
        return f"A{self.rng.getrandbits(64):016x}"

    def reset(self, *, seed: int | None) -> None:
        """Forget every order, call, fault, setting and token state; ids continue where they were."""
        self.clock.reset()
        self.tokens.reset()
        self.faults.arm([])
        self._empty(self.options.seed if seed is None else seed)

    def _empty(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - repeatable faults, no secret
        self.book = Book()
        self.journal = Journal()
        self.answers = Answers()
        self.settings = Settings()

    def place(self, draft: Draft, *, released: bool) -> Order:
        """Store a new order, in its hold or already released, and notify of it."""
        now = self.clock.now()
        order = place(draft, now=now, mint=self.mint, pick=self.rng.randrange(1 << 32))
        if released:
            order = release(order, now=now, app_associated=self._app_associated)
        self.book.put(order)
        self.tell(order, "ORDER_CREATED")
        return order

    def release(self, order: Order) -> Order:
        """End the hold of an order and notify of it; an order that is not held does not change."""
        released = release(order, now=self.clock.now(), app_associated=self._app_associated)
        if released is not order:
            self.book.put(released)
            self.tell(released, "ORDER_RELEASED")
        return released

    @assumed(
        "A webhook is sent on every change of an order, also on the merchant's own",
        why="no public commerce topic exists; a signed hint for each change is the widest reading",
    )
    def change(self, order: Order, *, kind: str, by: By, key: str | None, request: dict[str, Any]) -> None:
        """Store the next version of an order and what changed it, and notify of it."""
        self.book.put(order)
        self.journal.effect(order.id, kind, by=by, key=key, at=self.clock.now(), request=request)
        self.tell(order, _EVENTS[kind])

    @documented(
        "The hold lasts about 30 minutes, then Meta makes the order CREATED", source="Best practices: Orders"
    )
    def end_due_holds(self) -> None:
        """Release every order whose hold has lasted long enough on the sandbox's clock."""
        remorse = timedelta(seconds=self.settings.remorse_s)
        now = self.clock.now()
        for _ in range(len(self.book)):
            order = self.book.oldest_held()
            if order is None or order.created_at + remorse > now:
                return
            self.release(order)

    def order_of(self, shop: Shop, order_id: str) -> Order | None:
        """Return the order, if this shop has it."""
        order = self.book.get(order_id)
        return order if order is not None and order.shop_id == shop.cms_id else None

    @property
    def _app_associated(self) -> bool:
        return self.settings.managing_app != "none"


_EVENTS = {
    "acknowledge": "ORDER_ACKNOWLEDGED",
    "ship": "ORDER_SHIPPED",
    "update_tracking": "ORDER_TRACKING_UPDATED",
    "cancel": "ORDER_CANCELLED",
    "refund": "ORDER_REFUNDED",
}


def _tell_nobody(order: Order, event: str) -> None:
    del order, event
