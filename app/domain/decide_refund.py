"""The rules of refunding: shipped units only, never more than was paid for them.

Source: Cancellation and Refund API; Error Codes 1818105, 1818107, 2382022, 2382023, 2382030.
"""

from __future__ import annotations

from app.domain.commands import Refund, RefundLine
from app.domain.decisions import Allowed, Decision, Refusal
from app.domain.money import Money
from app.domain.orders import Order, OrderItem
from app.domain.selection import unknown_item


def decide_refund(order: Order, change: Refund) -> Decision:
    """Return whether that money may be given back.

    Whether the payment is captured is left to the platform: it says so, and the command waits.
    """
    return (
        _nothing_shipped(order)
        or _empty(order, change)
        or _line_refusal(order, change)
        or _shipping_refusal(order, change)
        or Allowed(change=change)
    )


def _nothing_shipped(order: Order) -> Refusal | None:
    if any(item.units.shipped for item in order.items):
        return None
    cancelled = order.items and order.open_units == 0
    return Refusal(
        code="order_cancelled" if cancelled else "nothing_shipped",
        title="The order is cancelled" if cancelled else "Nothing is shipped yet",
        detail=f"No unit of order {order.id} is shipped, so the buyer was charged nothing.",
        hint="There is nothing to refund." if cancelled else "Cancel the units instead of refunding them.",
    )


def _empty(order: Order, change: Refund) -> Refusal | None:
    if change.items or change.shipping:
        return None
    if not change.full:
        return Refusal(
            code="refund_empty",
            title="The refund names no money",
            detail=f"The refund for order {order.id} has no items and no shipping.",
            hint='Name items or shipping, or send "full": true.',
        )
    if all(_units_left(item) == 0 for item in order.items):
        return Refusal(
            code="already_refunded",
            title="Every shipped unit is already refunded",
            detail=f"Nothing shipped of order {order.id} is left to refund.",
            hint="Look at the order's refunds; nothing was sent.",
        )
    return None


def _line_refusal(order: Order, change: Refund) -> Refusal | None:
    seen: set[str] = set()
    for line in change.items:
        item = order.item(line.item_id)
        if item is None:
            return unknown_item(order, line.item_id)
        if item.id in seen:
            return Refusal(
                code="item_repeated",
                title="An item is named twice",
                detail=f"The refund names item {item.id} of order {order.id} more than once.",
                hint="Name each item once.",
            )
        seen.add(item.id)
        refusal = _too_many_units(order, item, line) or _too_much_money(order, item, line)
        if refusal:
            return refusal
    return None


def _too_many_units(order: Order, item: OrderItem, line: RefundLine) -> Refusal | None:
    if line.quantity is None or line.quantity <= _units_left(item):
        return None
    return Refusal(
        code="more_than_refundable",
        title="More units than can be refunded",
        detail=(
            f"Item {item.id} ({item.retailer_id}) of order {order.id} has {item.units.shipped} shipped and "
            f"{item.units.refunded} refunded; {line.quantity} were to be refunded."
        ),
        hint=f"Refund at most {_units_left(item)} units. Units that are not shipped can be cancelled.",
    )


def _too_much_money(order: Order, item: OrderItem, line: RefundLine) -> Refusal | None:
    if line.amount is None:
        return None
    left = money_left(item)
    if line.amount.currency != left.currency:
        return _wrong_currency(order, line.amount, left)
    if line.amount.amount <= left.amount:
        return None
    return Refusal(
        code="more_than_refundable",
        title="More money than can be refunded",
        detail=f"Item {item.id} ({item.retailer_id}) of order {order.id} has {left} left to refund "
        f"before tax; {line.amount} was to be refunded.",
        hint=f"Refund at most {left}; the platform adds the tax by itself.",
    )


def _shipping_refusal(order: Order, change: Refund) -> Refusal | None:
    if change.shipping is None or order.totals is None:
        return None
    paid = order.totals.shipping
    if change.shipping.currency != paid.currency:
        return _wrong_currency(order, change.shipping, paid)
    given = [record.shipping for record in order.refunds if record.shipping]
    left = Money(amount=paid.amount - sum(abs(money.amount) for money in given), currency=paid.currency)
    if change.shipping.amount <= left.amount:
        return None
    return Refusal(
        code="more_than_refundable",
        title="More shipping than was charged",
        detail=f"Order {order.id} has {left} of shipping left to refund; {change.shipping} was asked for.",
        hint=f"Refund at most {left} of shipping.",
    )


def _wrong_currency(order: Order, asked: Money, paid: Money) -> Refusal:
    return Refusal(
        code="wrong_currency",
        title="The refund is in another currency",
        detail=f"Order {order.id} was paid in {paid.currency}; {asked} was to be refunded.",
        hint=f"Send the amount in {paid.currency}.",
    )


def money_left(item: OrderItem) -> Money:
    """Return the pre-tax money of the item's shipped units that is not refunded yet."""
    if item.refundable is not None:
        return item.refundable
    shipped = item.unit_price.times(item.units.shipped)
    return shipped.minus(item.refunded_amount) if item.refunded_amount else shipped


def _units_left(item: OrderItem) -> int:
    return item.units.shipped - item.units.refunded
