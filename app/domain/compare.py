"""Comparing two copies of an order: what happened between them, as timeline entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from app.domain.codec import document
from app.domain.commands import Acknowledge, Cancel, Change, Command, Refund, Ship, UpdateTracking
from app.domain.orders import ItemQuantity, Order, OrderState, Shipment, Tracking
from app.domain.readback import NotApplied, read_back
from app.domain.timeline import Cause, TimelineEntry


def compare(old: Order | None, new: Order, *, at: datetime, cause: Cause) -> tuple[TimelineEntry, ...]:
    """Return what is new in `new`, oldest kind of news first; nothing when both say the same.

    `cause` says how the news reached us. An order seen for the first time is `order.found`, whatever state
    it is in by then.
    """
    return tuple(
        TimelineEntry(at=at, what=what, cause=cause, detail=detail) for what, detail in _news(old, new)
    )


def attributed(
    news: Sequence[TimelineEntry], order: Order, commands: Sequence[Command]
) -> tuple[TimelineEntry, ...]:
    """Return the news with cause COMMAND where an attempt of one of our commands made the change.

    `order` is the copy that shows the news; `commands` are those of the order whose effect its older copy
    cannot show yet. A command explains one new shipment, cancellation or refund, not several.
    """
    changes = [command.change for command in commands if command.attempts]
    ours: set[int] = set()
    for number, entry in enumerate(news):
        made = next((change for change in changes if _made(change, entry, order)), None)
        if made is not None:
            ours.add(number)
            if entry.what.endswith(".added"):
                changes.remove(made)
    # The platform completes an order in the moment its last units are shipped or cancelled.
    ends = any(news[number].what in ("shipment.added", "cancellation.added") for number in ours)
    ours |= {number for number, entry in enumerate(news) if ends and _completes(entry)}
    return tuple(
        replace(entry, cause=Cause.COMMAND) if number in ours else entry for number, entry in enumerate(news)
    )


def _made(change: Change, entry: TimelineEntry, order: Order) -> bool:
    """Return whether the change explains the entry: read back from an order that shows nothing else."""
    detail = entry.detail
    match entry.what, change:
        case "shipment.added", Ship():
            shipments = tuple(one for one in order.shipments if one.id == detail["shipment_id"])
            order = replace(order, shipments=shipments)
        case "shipment.tracking_changed", UpdateTracking():
            if change.shipment not in (detail["shipment_id"], detail["external_shipment_id"]):
                return False
        case "cancellation.added", Cancel():
            records = tuple(one for one in order.cancellations if one.id == detail["cancellation_id"])
            order = replace(order, cancellations=records)
        case "refund.added", Refund():
            refunds = tuple(one for one in order.refunds if one.id == detail["refund_id"])
            order = replace(order, refunds=refunds)
        case "order.reference_set", Acknowledge() | Ship():
            return bool(detail["merchant_order_reference"] == change.merchant_order_reference)
        case "order.state_changed", Acknowledge():
            # With another reference on the order, somebody else acknowledged it.
            if _completes(entry) or order.merchant_order_reference != change.merchant_order_reference:
                return False
        case _:
            return False
    return not isinstance(read_back(order, change), NotApplied)


def _completes(entry: TimelineEntry) -> bool:
    return entry.what == "order.state_changed" and entry.detail["to"] == OrderState.COMPLETED


def _news(old: Order | None, new: Order) -> Iterator[tuple[str, dict[str, Any]]]:
    if old is None:
        yield "order.found", {"state": new.state.value}
    elif old.state is not new.state:
        yield "order.state_changed", {"from": old.state.value, "to": new.state.value}
    if new.merchant_order_reference and (old is None or not old.merchant_order_reference):
        yield "order.reference_set", {"merchant_order_reference": new.merchant_order_reference}
    yield from _shipment_news(old.shipments if old else (), new)
    known = {record.id for record in old.cancellations} if old else set()
    for cancellation in new.cancellations:
        if cancellation.id not in known:
            items = _items(cancellation.items)
            yield (
                "cancellation.added",
                {"cancellation_id": cancellation.id, "reason_code": cancellation.reason_code, "items": items},
            )
    known = {record.id for record in old.refunds} if old else set()
    for refund in new.refunds:
        if refund.id not in known:
            amount = document(refund.amount) if refund.amount else None
            yield (
                "refund.added",
                {"refund_id": refund.id, "reason_code": refund.reason_code, "amount": amount},
            )
    captured = {payment.id for payment in old.payments if payment.captured} if old else set()
    for payment in new.payments:
        if payment.captured and payment.id not in captured:
            yield "payment.captured", {"payment_id": payment.id}


def _shipment_news(before: tuple[Shipment, ...], new: Order) -> Iterator[tuple[str, dict[str, Any]]]:
    known = {shipment.id: shipment for shipment in before}
    for shipment in new.shipments:
        earlier = known.get(shipment.id)
        named = {"shipment_id": shipment.id, "external_shipment_id": shipment.external_shipment_id}
        if earlier is None:
            yield (
                "shipment.added",
                named | {"tracking": _tracking(shipment.tracking), "items": _items(shipment.items)},
            )
        elif earlier.tracking != shipment.tracking:
            yield (
                "shipment.tracking_changed",
                named | {"from": _tracking(earlier.tracking), "to": _tracking(shipment.tracking)},
            )


def _tracking(tracking: Tracking | None) -> dict[str, str] | None:
    if tracking is None:
        return None
    return {"carrier": tracking.carrier, "tracking_number": tracking.tracking_number}


def _items(items: tuple[ItemQuantity, ...]) -> list[dict[str, Any]]:
    return [{"item_id": line.item_id, "quantity": line.quantity} for line in items]
