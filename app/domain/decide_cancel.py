"""The rules of cancelling: open units only, and not in the first 24 hours of processing.

Source: Cancellation and Refund API; Order best practices.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from app.domain.commands import Cancel
from app.domain.decisions import Allowed, AlreadyDone, Decision, Refusal
from app.domain.orders import ItemQuantity, Order, OrderItem, OrderState
from app.domain.selection import unknown_item

# An order in FB_PROCESSING may be cancelled once it has been there longer than this (Cancellation API).
PROCESSING_HOLD = timedelta(hours=24)


def decide_cancel(order: Order, change: Cancel, now: datetime) -> Decision:
    """Return whether those units may be given up now."""
    until = order.created_at + PROCESSING_HOLD
    if order.state is OrderState.FB_PROCESSING and now < until:
        return Refusal(
            code="processing_under_24h",
            title="The order has been processing for less than 24 hours",
            detail=f"Order {order.id} is FB_PROCESSING since {order.created_at.isoformat()}.",
            hint=f"Cancel once it is CREATED, or from {until.isoformat()} on.",
        )
    if order.open_units == 0:
        return _nothing_open(order)
    wanted = change.items
    if wanted is None:
        wanted = tuple(
            ItemQuantity(item_id=item.id, quantity=item.units.open) for item in order.items if item.units.open
        )
    for line in wanted:
        item = order.item(line.item_id)
        if item is None:
            return unknown_item(order, line.item_id)
        if line.quantity > item.units.open:
            return _more_than_open(order, item, line.quantity)
    return Allowed(change=replace(change, items=wanted))


def _nothing_open(order: Order) -> Decision:
    if any(item.units.shipped for item in order.items):
        return Refusal(
            code="already_shipped",
            title="The order is already shipped",
            detail=f"Order {order.id} is {order.state}: no unit is open, and some are shipped.",
            hint=f"Refund instead: POST /v1/orders/{order.id}/refunds.",
        )
    return AlreadyDone(detail=f"Order {order.id} is already cancelled.")


def _more_than_open(order: Order, item: OrderItem, wanted: int) -> Refusal:
    units = item.units
    return Refusal(
        code="already_shipped" if units.shipped else "more_than_open",
        title="More units than are open",
        detail=(
            f"Item {item.id} ({item.retailer_id}) of order {order.id} has {units.open} open, {units.shipped} "
            f"shipped and {units.cancelled} cancelled; {wanted} were to be cancelled."
        ),
        hint=f"Cancel at most {units.open}." + (" Refund what is shipped." if units.shipped else ""),
    )
