"""Refunds money for units that were shipped and captured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sandbox.errors import (
    CAPTURE_PENDING,
    EMPTY_REFUND,
    ITEM_ALREADY_REFUNDED,
    ITEM_REFUND_TOO_HIGH,
    NOTHING_CHARGED,
    REFUND_OF_CANCELLED,
    SHIPPING_REFUND_TOO_HIGH,
    UNKNOWN_REFUND_ITEM,
    commerce,
    invalid,
)
from sandbox.money import ZERO, rounded, share
from sandbox.rules import assumed, documented

from .model import By, Line, Order, Refund, RefundPart
from .units import named_line


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPick:
    """One entry of a refund's `items`: a line, and units of it or a pre-tax amount, never both."""

    item_id: str | None
    retailer_id: str | None
    quantity: int | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """A refund as it is asked for; `items` None was left out, an empty one names no line."""

    items: tuple[RefundPick, ...] | None
    shipping: Decimal
    adjustment: Decimal
    deductions: Decimal
    reason_code: str
    reason_text: str | None
    by: By


@documented(
    "Only shipped and captured units can be refunded, in any state", source="Cancellation and Refund API"
)
@documented(
    "A refund moves last_updated and leaves the state", source="Transactions page sample; Order API reference"
)
@documented("A refund that adds up to 0 is 2382030", source="Error Codes page")
def refund(order: Order, request: RefundRequest, *, now: datetime, mint: Callable[[], str]) -> Order:
    """Return the order with one more refund, and with its money accounted for.

    Raises:
        RefusedError: nothing is captured yet, or more is asked for than was charged and is still there.
    """
    _allow_refunding(order, now=now)
    parts = _parts(order, request, now=now)
    shipping, shipping_tax = _shipping(order, request.shipping, now=now)
    entry = Refund(
        id=mint(),
        parts=parts,
        shipping=shipping,
        tax=sum((part.tax for part in parts), shipping_tax),
        adjustment=request.adjustment,
        deductions=request.deductions,
        reason_code=request.reason_code,
        reason_text=request.reason_text,
        at=now,
        by=request.by,
    )
    if entry.total <= 0:
        raise commerce(EMPTY_REFUND, f"(order {order.id})")
    if order.refunded_total() + entry.total > order.captured_total(now):
        raise commerce(ITEM_REFUND_TOO_HIGH, f"(order {order.id})")
    lines = tuple(_booked(line, parts) for line in order.lines)
    return replace(order, lines=lines, refunds=(*order.refunds, entry), updated_at=now)


@documented(
    "amount_available_for_refund is price times captured units less what was refunded",
    source="Offers page, without order-level offers",
)
def refundable(order: Order, line: Line, *, now: datetime) -> Decimal:
    """Return the pre-tax amount of a line that can still be given back."""
    return max(line.price * order.captured_units(line.id, now) - line.refunded_amount, ZERO)


@documented(
    "Before capture a refund is 2361076; nothing shipped is 1818107; all cancelled is 1818105",
    source="Error Codes page; Payments API reference",
)
def _allow_refunding(order: Order, *, now: datetime) -> None:
    if not order.shipped:
        raise commerce(NOTHING_CHARGED if order.open else REFUND_OF_CANCELLED, f"(order {order.id})")
    if not order.captured_shipments(now):
        raise commerce(CAPTURE_PENDING, f"(order {order.id})")


@documented(
    "A refund without items is a full refund of what is captured", source="Cancellation and Refund API, items"
)
@assumed(
    "A full refund gives shipping back only when `shipping` says so",
    why="not told; the test plan expects that a plain return keeps it",
)
@assumed(
    "With adjustment_amount and no items, or with an empty list, no item is refunded",
    why="else a goodwill amount or a shipping refund alone could not be sent",
)
def _parts(order: Order, request: RefundRequest, *, now: datetime) -> tuple[RefundPart, ...]:
    if request.items is not None:
        parts: list[RefundPart] = []
        for pick in request.items:
            line = _refund_line(order, pick)
            if any(part.line_id == line.id for part in parts):
                raise invalid(f"Item {line.id} is named twice in one refund")
            parts.append(_part(order, line, pick, now=now))
        return tuple(parts)
    if request.adjustment:
        return ()
    rest = [(line, refundable(order, line, now=now)) for line in order.lines]
    if not any(amount for _, amount in rest) and not request.shipping:
        raise commerce(ITEM_ALREADY_REFUNDED, f"(order {order.id})")
    return tuple(
        RefundPart(
            line_id=line.id,
            quantity=None
            if line.refunded_amount != line.price * line.refunded_units
            else _units_left(order, line, now),
            subtotal=amount,
            tax=_tax_of(order, line, amount, now=now),
        )
        for line, amount in rest
        if amount
    )


@documented("An unknown retailer_id in a refund is 2382021", source="Error Codes page")
def _refund_line(order: Order, pick: RefundPick) -> Line:
    if (pick.quantity is None) == (pick.amount is None):
        raise invalid("Each item needs exactly one of item_refund_quantity and item_refund_amount")
    if pick.item_id is None and pick.retailer_id not in {None, *(line.retailer_id for line in order.lines)}:
        raise commerce(UNKNOWN_REFUND_ITEM, f"(order {order.id}, {pick.retailer_id})")
    return named_line(order, item_id=pick.item_id, retailer_id=pick.retailer_id)


@documented(
    "By quantity a unit is refunded with price and tax; by amount it is pre-tax and Meta adds the tax share",
    source="Cancellation and Refund API",
)
@documented(
    "Above what was charged is 2382023; an item already refunded is 2382319", source="Error Codes page"
)
def _part(order: Order, line: Line, pick: RefundPick, *, now: datetime) -> RefundPart:
    rest = refundable(order, line, now=now)
    units_left = _units_left(order, line, now)
    if not order.captured_units(line.id, now):
        raise commerce(_uncaptured(line), f"(item {line.id})")
    if not rest or (pick.quantity is not None and not units_left):
        raise commerce(ITEM_ALREADY_REFUNDED, f"(item {line.id})")
    subtotal = (
        line.price * pick.quantity
        if pick.quantity is not None
        else rounded(pick.amount or ZERO, order.currency)
    )
    if subtotal <= 0:
        raise invalid(f"The refund of item {line.id} must be above 0")
    if subtotal > rest or (pick.quantity or 0) > units_left:
        raise commerce(ITEM_REFUND_TOO_HIGH, f"(item {line.id}, {rest} {order.currency} left)")
    return RefundPart(
        line_id=line.id,
        quantity=pick.quantity,
        subtotal=subtotal,
        tax=_tax_of(order, line, subtotal, now=now),
    )


def _uncaptured(line: Line) -> int:
    if line.shipped:
        return CAPTURE_PENDING
    return NOTHING_CHARGED if line.open else REFUND_OF_CANCELLED


def _units_left(order: Order, line: Line, now: datetime) -> int:
    return order.captured_units(line.id, now) - line.refunded_units


def _tax_of(order: Order, line: Line, subtotal: Decimal, *, now: datetime) -> Decimal:
    """Return the line's captured tax that goes back with a subtotal: cumulative, never more than is left."""
    charged = order.captured_tax(line.id, now)
    whole = line.price * order.captured_units(line.id, now)
    upto = share(
        charged, before=0, after=line.refunded_amount + subtotal, whole=whole, currency=order.currency
    )
    return max(upto - line.refunded_tax, ZERO)


@documented("A shipping refund above what was charged is 2382022", source="Error Codes page")
@assumed(
    "A shipping refund is before tax, and its tax share goes back with it",
    why="so for items; the page is silent, and for GBP connectors add the tax themselves",
)
def _shipping(order: Order, asked: Decimal, *, now: datetime) -> tuple[Decimal, Decimal]:
    amount = rounded(asked, order.currency)
    charged = sum((shipment.payment.shipping for shipment in order.captured_shipments(now)), ZERO)
    before = sum((refund.shipping for refund in order.refunds), ZERO)
    if amount < 0:
        raise invalid("shipping_refund must be 0 or more")
    if before + amount > charged:
        raise commerce(
            SHIPPING_REFUND_TOO_HIGH, f"(order {order.id}, {charged - before} {order.currency} left)"
        )
    tax = share(
        order.shipping_tax, before=before, after=before + amount, whole=charged, currency=order.currency
    )
    return amount, tax


def _booked(line: Line, parts: tuple[RefundPart, ...]) -> Line:
    for part in parts:
        if part.line_id == line.id:
            return replace(
                line,
                refunded_units=line.refunded_units + (part.quantity or 0),
                refunded_amount=line.refunded_amount + part.subtotal,
                refunded_tax=line.refunded_tax + part.tax,
            )
    return line
