"""Ships units in a parcel and captures its payment."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.errors import (
    ALREADY_CAPTURED,
    BAD_ORIGIN_POSTAL_CODE,
    ORDER_DONE,
    SHIPMENT_OF_CANCELLED,
    SHIPMENT_WITHOUT_ITEMS,
    TRACKING_USED,
    commerce,
    invalid,
)
from sandbox.money import ZERO, share
from sandbox.rules import assumed, documented

from .acknowledging import with_reference
from .book import Book
from .model import Line, Order, Part, Payment, Shipment, State, Tracking
from .units import Pick, open_units

_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_]{1,100}")
_ZIP = re.compile(r"\d{5}(-\d{4})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A shipment as it is asked for; `items` None means every open unit."""

    items: tuple[Pick, ...] | None
    tracking: Tracking | None
    external_id: str | None
    reference: str | None
    origin_postal_code: str | None


@assumed(
    "Shipping needs IN_PROGRESS; in FB_PROCESSING and CREATED it is code 100",
    why="the docs name only IN_PROGRESS and publish no number for the others",
)
@documented(
    "The last open unit shipped or cancelled makes the order COMPLETED", source="Order Lifecycle page"
)
@assumed(
    "Every change of an order moves last_updated", why="seen for states and refunds; nothing says otherwise"
)
def ship(
    order: Order,
    parcel: Parcel,
    *,
    book: Book,
    now: datetime,
    capture_delay: timedelta,
    mint: Callable[[], str],
) -> Order:
    """Return the order with one more shipment, and with its units and its payment accounted for.

    Raises:
        RefusedError: the state, the units, the tracking or the reference does not allow it.
    """
    _allow_shipping(order)
    taken = _units_to_ship(order, parcel.items)
    _check_parcel(order, parcel)
    referenced = with_reference(order, parcel.reference, book=book)
    parts = tuple(_part(order.line(line_id), units, order.currency) for line_id, units in taken.items())
    shipment = Shipment(
        id=mint(),
        external_id=parcel.external_id,
        parts=parts,
        tracking=parcel.tracking,
        payment=_payment(order, parts, captured_at=now + capture_delay, payment_id=mint()),
    )
    lines = tuple(replace(line, shipped=line.shipped + taken.get(line.id, 0)) for line in order.lines)
    left = sum(line.open for line in lines)
    return replace(
        referenced,
        state=order.state if left else State.COMPLETED,
        lines=lines,
        shipments=(*order.shipments, shipment),
        updated_at=now,
    )


@documented(
    "Tracking changes on IN_PROGRESS and COMPLETED orders, never the items of a parcel",
    source="Fulfillment API reference; Best practices: Shipping",
)
@assumed("An unknown shipment in update_shipment is code 100", why="no number is published")
def update_tracking(
    order: Order, *, shipment_id: str | None, external_id: str | None, tracking: Tracking, now: datetime
) -> Order:
    """Return the order with other tracking on one of its shipments.

    Raises:
        RefusedError: no such shipment, or the tracking is already used in this order (2382045).
    """
    if order.state not in {State.IN_PROGRESS, State.COMPLETED}:
        raise invalid(f"Order {order.id} is in {order.state}; it has no shipment to update")
    found = [
        shipment
        for shipment in order.shipments
        if (shipment_id is not None and shipment.id == shipment_id)
        or (external_id is not None and shipment.external_id == external_id)
    ]
    if len(found) != 1:
        raise invalid(f"Order {order.id} has no shipment {shipment_id or external_id}")
    _check_tracking_unused(order, tracking, of=found[0])
    changed = tuple(
        replace(shipment, tracking=tracking) if shipment is found[0] else shipment
        for shipment in order.shipments
    )
    return replace(order, shipments=changed, updated_at=now)


@documented(
    "Nothing open: all cancelled 1818111, all captured 1818015, mixed 1818214", source="Error Codes page"
)
def _allow_shipping(order: Order) -> None:
    if order.state is State.COMPLETED:
        if not order.shipped:
            raise commerce(SHIPMENT_OF_CANCELLED, f"(order {order.id})")
        raise commerce(ORDER_DONE if order.cancelled else ALREADY_CAPTURED, f"(order {order.id})")
    if order.state is not State.IN_PROGRESS:
        raise invalid(f"Order {order.id} is in {order.state}; only an order in IN_PROGRESS can be shipped")


@documented(
    "A shipment without items ships every open unit; an empty list is 2361357",
    source="Fulfillment API reference, items; Error Codes page",
)
def _units_to_ship(order: Order, items: tuple[Pick, ...] | None) -> dict[str, int]:
    if items is None:
        return {line.id: line.open for line in order.lines if line.open}
    if not items:
        raise commerce(SHIPMENT_WITHOUT_ITEMS, f"(order {order.id})")
    return open_units(order, items, done_code={})


@documented(
    "external_shipment_id is letters, digits and _, and unique",
    source="Fulfillment API reference, external_shipment_id",
)
@documented("A shipment origin postal code is a ZIP or ZIP+4, else 2361084", source="Error Codes page")
def _check_parcel(order: Order, parcel: Parcel) -> None:
    if parcel.external_id is not None:
        if not _EXTERNAL_ID.fullmatch(parcel.external_id):
            raise invalid("external_shipment_id takes 1 to 100 letters, digits and _ only")
        if any(shipment.external_id == parcel.external_id for shipment in order.shipments):
            raise invalid(f"Order {order.id} already has a shipment {parcel.external_id}")
    if parcel.origin_postal_code is not None and not _ZIP.fullmatch(parcel.origin_postal_code):
        raise commerce(BAD_ORIGIN_POSTAL_CODE, f"({parcel.origin_postal_code})")
    if parcel.tracking is not None:
        _check_tracking_unused(order, parcel.tracking, of=None)


@documented(
    "A tracking number is used once in an order; sending the same tracking again is 2382045",
    source="Error Codes page; Meta's Magento connector",
)
@assumed(
    "On update_shipment the parcel's own number may stay while its carrier or method changes",
    why="only the same tracking again is known to be refused",
)
def _check_tracking_unused(order: Order, tracking: Tracking, *, of: Shipment | None) -> None:
    for shipment in order.shipments:
        if shipment.tracking is None or not tracking.tracking_number:
            continue
        same = shipment.tracking == tracking
        elsewhere = shipment is not of and shipment.tracking.tracking_number == tracking.tracking_number
        if same or elsewhere:
            raise commerce(TRACKING_USED, f"(order {order.id}, {tracking.tracking_number})")


@documented(
    "Captured tax grows with each shipment up to the estimate of the line",
    source="Order API reference, tax_details; the cents of a step are cumulative rounding, which is ours",
)
def _part(line: Line, units: int, currency: str) -> Part:
    done = line.shipped
    tax = share(line.tax, before=done, after=done + units, whole=line.quantity, currency=currency)
    return Part(line_id=line.id, quantity=units, tax=tax)


@documented(
    "One payment per shipment; a flat shipping price is all on the first",
    source="Payments API reference: pro-rating",
)
@documented(
    "The payment is captured some time after shipping",
    source="Error Codes page, 2361076; the delay is a setting",
)
def _payment(order: Order, parts: tuple[Part, ...], *, captured_at: datetime, payment_id: str) -> Payment:
    first = not order.shipments
    return Payment(
        id=payment_id,
        items=sum((order.line(part.line_id).price * part.quantity for part in parts), ZERO),
        shipping=order.shipping if first else ZERO,
        tax=sum((part.tax for part in parts), order.shipping_tax if first else ZERO),
        captured_at=captured_at,
    )
