"""The book: every order of every shop, and the list of a shop's orders by last change, newest first.

Each shop and state has its own log of changes. A change appends a mark to the log of the new state, and the
older mark goes stale where it is; so a listing walks a few logs backwards instead of sorting 100,000 orders.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count
from typing import NamedTuple

from .model import Order, State

# Stale marks are removed when they outnumber current ones, but never in a short log.
_SWEEP_FROM = 256


class Mark(NamedTuple):
    """One change of one order: its place in the book, its time in whole Unix seconds, the order."""

    place: int
    updated_s: int
    order_id: str


class Book:
    """Remembers orders: each in its latest version, and each shop's in the order of their last change."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._marks: dict[str, Mark] = {}
        self._logs: dict[tuple[str, State], list[Mark]] = {}
        self._stale: dict[tuple[str, State], int] = {}
        self._references: dict[tuple[str, str], str] = {}
        self._held: deque[str] = deque()
        self._places = count(1)

    def __len__(self) -> int:
        return len(self._orders)

    def get(self, order_id: str) -> Order | None:
        """Return the order's latest version, or None."""
        return self._orders.get(order_id)

    def put(self, order: Order) -> None:
        """Store a new order, or the next version of one; it becomes the newest of its shop."""
        before = self._orders.get(order.id)
        if before is not None:
            self._outdate(before)
        elif order.state is State.FB_PROCESSING:
            self._held.append(order.id)
        mark = Mark(next(self._places), int(order.updated_at.timestamp()), order.id)
        self._orders[order.id] = order
        self._marks[order.id] = mark
        self._logs.setdefault((order.shop_id, order.state), []).append(mark)
        if order.reference is not None:
            self._references[order.shop_id, order.reference] = order.id

    def holder_of(self, shop_id: str, reference: str) -> str | None:
        """Return the id of the shop's order that has this merchant_order_reference, or None."""
        return self._references.get((shop_id, reference))

    def oldest_held(self) -> Order | None:
        """Return the order that has been in FB_PROCESSING longest, or None."""
        while self._held:
            order = self._orders[self._held[0]]
            if order.state is State.FB_PROCESSING:
                return order
            self._held.popleft()
        return None

    def newest_first(
        self,
        shop_id: str,
        states: Iterable[State],
        *,
        below: int | None = None,
        not_after_s: int | None = None,
    ) -> Iterator[tuple[int, Order]]:
        """Walk the shop's orders from the latest change back, as (place, order).

        `below` starts under a place of the book; `not_after_s` leaves out changes after that Unix second.
        """
        walks = [self._backwards((shop_id, state), below, not_after_s) for state in dict.fromkeys(states)]
        for mark in heapq.merge(*walks, reverse=True):
            yield mark.place, self._orders[mark.order_id]

    def oldest_first(
        self, shop_id: str, states: Iterable[State], *, above: int
    ) -> Iterator[tuple[int, Order]]:
        """Walk the shop's orders from a place of the book towards the latest change, as (place, order)."""
        walks = [self._forwards((shop_id, state), above) for state in dict.fromkeys(states)]
        for mark in heapq.merge(*walks):
            yield mark.place, self._orders[mark.order_id]

    def all_orders(self, *, after: int = 0) -> Iterator[tuple[int, Order]]:
        """Walk every order in the order it was written first, as (position from 1, order), beyond `after`."""
        for position, order in enumerate(self._orders.values(), start=1):
            if position > after:
                yield position, order

    def _backwards(
        self, key: tuple[str, State], below: int | None, not_after_s: int | None
    ) -> Iterator[Mark]:
        log = self._logs.get(key, [])
        end = len(log)
        if below is not None:
            end = bisect_left(log, below, key=_place)
        if not_after_s is not None:
            end = min(end, bisect_right(log, not_after_s, key=_updated_s))
        for index in range(end - 1, -1, -1):
            if self._marks[log[index].order_id] is log[index]:
                yield log[index]

    def _forwards(self, key: tuple[str, State], above: int) -> Iterator[Mark]:
        log = self._logs.get(key, [])
        for index in range(bisect_right(log, above, key=_place), len(log)):
            if self._marks[log[index].order_id] is log[index]:
                yield log[index]

    def _outdate(self, order: Order) -> None:
        key = (order.shop_id, order.state)
        del self._marks[order.id]
        stale = self._stale.get(key, 0) + 1
        log = self._logs[key]
        if len(log) > _SWEEP_FROM and stale * 2 > len(log):
            self._logs[key] = [mark for mark in log if self._marks.get(mark.order_id) is mark]
            stale = 0
        self._stale[key] = stale


def _place(mark: Mark) -> int:
    return mark.place


def _updated_s(mark: Mark) -> int:
    return mark.updated_s
