"""Acknowledges an order: CREATED becomes IN_PROGRESS, and the merchant's reference is set once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sandbox.errors import NOT_CREATED, commerce, invalid
from sandbox.rules import assumed, documented

from .book import Book
from .model import Order, State

MAX_REFERENCE_CHARS = 255


@documented(
    "Only an order in CREATED can be acknowledged, else 2361009",
    source="Error Codes page; Order Lifecycle page",
)
def acknowledge(order: Order, *, reference: str | None, book: Book, now: datetime) -> Order:
    """Return the order in IN_PROGRESS, with its reference.

    Raises:
        RefusedError: the order is not in CREATED (2361009), or the reference can't be given to it.
    """
    if order.state is not State.CREATED:
        raise commerce(NOT_CREATED, f"(order {order.id} is in {order.state})")
    return replace(with_reference(order, reference, book=book), state=State.IN_PROGRESS, updated_at=now)


@documented(
    "merchant_order_reference is unique and immutable; a different one later is refused",
    source="Using the API; Fulfillment API reference",
)
@assumed(
    "A reference mismatch, and one used by another order of the shop, is code 100",
    why="no number is published",
)
def with_reference(order: Order, reference: str | None, *, book: Book) -> Order:
    """Return the order with its merchant_order_reference: the one it has, or the one given now.

    Raises:
        RefusedError: the order has another reference, or another order of the shop has this one.
    """
    if not reference or reference == order.reference:
        return order
    if len(reference) > MAX_REFERENCE_CHARS:
        raise invalid(f"merchant_order_reference may have at most {MAX_REFERENCE_CHARS} characters")
    if order.reference is not None:
        raise invalid(
            f"Order {order.id} has merchant_order_reference {order.reference}, which can't be changed"
        )
    holder = book.holder_of(order.shop_id, reference)
    if holder is not None:
        raise invalid(f"merchant_order_reference {reference} belongs to order {holder}; it must be unique")
    return replace(order, reference=reference)
