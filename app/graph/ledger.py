"""The unit ledger of one line, counted from what the platform says of it."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.money import Money
from app.domain.orders import Units
from app.graph.nodes import ItemNode, LineNode, OrderNode, RefundNode


def count_units(item: ItemNode, order: OrderNode) -> Units:
    """Return the line's units: quantity = open + shipped + cancelled, refunded at most shipped.

    Open and cancelled come from the line's `status`; every other unit was shipped, refunded ones too. Without
    a `status` (it may be missing) the order's shipments and cancellations are counted.

    Raises:
        ValueError: the figures cannot all be true.
    """
    if item.status is None:
        shipped = _named(item, (line for parcel in order.shipments.data for line in parcel.items.data))
        cancelled = _named(item, (line for one in order.cancellations.data for line in one.items.data))
        open_units = item.quantity - shipped - cancelled
    else:
        cancelled = item.status.cancelled
        still_open = item.status.in_progress
        open_units = item.quantity - item.status.fulfilled - cancelled if still_open is None else still_open
        shipped = item.quantity - open_units - cancelled
    units = Units(
        open=open_units, shipped=shipped, cancelled=cancelled, refunded=_refunded(item, order, shipped)
    )
    if not units.balanced:
        raise ValueError(
            f"item {item.id} of {item.quantity} units has {units.open} open, {units.shipped} shipped, "
            f"{units.cancelled} cancelled and {units.refunded} refunded"
        )
    return units


def refunded_amount(item: ItemNode, order: OrderNode, units: Units) -> Money:
    """Return the pre-tax money given back on the line in all its refunds."""
    price = Money.parse(item.price_per_unit.amount, item.price_per_unit.currency)
    total = Money.zero(price.currency)
    for line in _refund_lines(item, order):
        if line.refund_subtotal is not None:
            given = line.refund_subtotal
            total = total.plus(Money.parse(abs(given.amount), given.currency))
        else:
            total = total.plus(price.times(line.quantity or 0))
    if _wholly_refunded(item, order):
        # A full refund names no items: its lines are worth their shipped units, whatever was given before.
        return max(total, price.times(units.shipped), key=lambda money: money.amount)
    return total


def _named(item: ItemNode, lines: Iterable[LineNode]) -> int:
    return sum(line.quantity or 0 for line in lines if line.id == item.id)


def _refund_lines(item: ItemNode, order: OrderNode) -> list[LineNode]:
    return [line for refund in order.refunds.data for line in refund.items.data if line.id == item.id]


def _refunded(item: ItemNode, order: OrderNode, shipped: int) -> int:
    return shipped if _wholly_refunded(item, order) else _named(item, _refund_lines(item, order))


def _wholly_refunded(item: ItemNode, order: OrderNode) -> bool:
    # What is still refundable tells apart a line shipped after the full refund, which it did not cover.
    left = item.amount_available_for_refund
    return (left is None or left.amount <= 0) and any(_is_full(refund) for refund in order.refunds.data)


def _is_full(refund: RefundNode) -> bool:
    """Whether the refund gave goods back without naming them; one of shipping alone names none either."""
    parts = refund.refund_amount
    return not refund.items.data and parts is not None and parts.subtotal is not None and parts.subtotal > 0
