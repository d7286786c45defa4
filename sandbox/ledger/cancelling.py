"""Cancels open units, which then never ship."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.errors import ALREADY_CANCELLED, ALREADY_SHIPPED, ORDER_DONE, commerce, invalid
from sandbox.rules import assumed, documented

from .model import By, Cancellation, Order, Part, State
from .units import Pick, open_units

HOLD_CANCEL_AFTER = timedelta(hours=24)  # Cancellation and Refund API; Best practices: Orders


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """A cancellation as it is asked for; `items` empty means every open unit."""

    items: tuple[Pick, ...]
    reason_code: str | None
    reason_description: str | None
    restock: bool
    by: By


@documented(
    "A cancellation without items, with null or with [] cancels every unshipped unit",
    source="Cancellation and Refund API; Meta's Magento connector sends null and []",
)
@documented(
    "Cancelled units of a whole order make it COMPLETED", source="Order Lifecycle page; there is no CANCELLED"
)
@assumed(
    "An order cancelled in its hold is COMPLETED by id and vanishes from the listing",
    why="the docs only say that it never becomes CREATED",
)
def cancel(order: Order, request: CancelRequest, *, now: datetime, mint: Callable[[], str]) -> Order:
    """Return the order with some or all of its open units cancelled.

    Raises:
        RefusedError: the hold, or what already happened to the units, does not allow it.
    """
    _allow_cancelling(order, by=request.by, now=now)
    taken = (
        open_units(order, request.items, done_code=_shipped_lines(order))
        if request.items
        else {line.id: line.open for line in order.lines if line.open}
    )
    entry = Cancellation(
        id=mint(),
        parts=tuple(Part(line_id=line_id, quantity=units) for line_id, units in taken.items()),
        reason_code=request.reason_code,
        reason_description=request.reason_description,
        restock=request.restock,
        by=request.by,
    )
    lines = tuple(replace(line, cancelled=line.cancelled + taken.get(line.id, 0)) for line in order.lines)
    finished = not any(line.open for line in lines)
    return replace(
        order,
        state=State.COMPLETED if finished else order.state,
        listed=order.listed and not (finished and order.state is State.FB_PROCESSING),
        lines=lines,
        cancellations=(*order.cancellations, entry),
        updated_at=now,
    )


@documented(
    "The seller may cancel in FB_PROCESSING only after 24 h; buyer and Meta may at any time",
    source="Cancellation and Refund API; Best practices: Orders. The refusal's code 100 is assumed",
)
@documented(
    "Nothing open: all cancelled 1818048, all shipped 1818050, mixed 1818214", source="Error Codes page"
)
@assumed(
    "Cancelling is allowed in CREATED",
    why="the Cancellation page and Magento do it; the lifecycle page does not",
)
def _allow_cancelling(order: Order, *, by: By, now: datetime) -> None:
    held = order.state is State.FB_PROCESSING and by is By.MERCHANT
    if held and now - order.created_at <= HOLD_CANCEL_AFTER:
        raise invalid(f"Order {order.id} is still being processed; it can be cancelled after 24 hours")
    if not order.open:
        if not order.shipped:
            raise commerce(ALREADY_CANCELLED, f"(order {order.id})")
        raise commerce(ORDER_DONE if order.cancelled else ALREADY_SHIPPED, f"(order {order.id})")


@documented(
    "An item whose units are all shipped is refused with 1818050: refund it", source="Error Codes page"
)
def _shipped_lines(order: Order) -> dict[str, int]:
    return {line.id: ALREADY_SHIPPED for line in order.lines if line.shipped == line.quantity}
