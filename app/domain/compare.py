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
    unused = list(changes)
    told: list[TimelineEntry] = []
    for entry in news:
        adds = entry.what.endswith(".added")
        made = next((one for one in (unused if adds else changes) if _made(one, entry, order)), None)
        if made is not None and adds:
            unused.remove(made)
        told.append(entry if made is None else replace(entry, cause=Cause.COMMAND))
    return tuple(told)


def _made(change: Change, entry: TimelineEntry, order: Order) -> bool:
    """Return whether the change explains the entry: a new record is read back alone."""
    detail = entry.detail
    if entry.what == "order.reference_set":
        reference = change.merchant_order_reference if isinstance(change, Acknowledge | Ship) else None
        return bool(reference == detail["merchant_order_reference"])
    if not _may_make(change, entry, order):
        return False
    if entry.what.endswith(".added"):
        order = replace(
            order,
            shipments=tuple(one for one in order.shipments if one.id == detail.get("shipment_id")),
            cancellations=tuple(
                one for one in order.cancellations if one.id == detail.get("cancellation_id")
            ),
            refunds=tuple(one for one in order.refunds if one.id == detail.get("refund_id")),
        )
    return not isinstance(read_back(order, change), NotApplied)


def _may_make(change: Change, entry: TimelineEntry, order: Order) -> bool:
    """Return whether a change of this kind can make an entry of this kind."""
    detail = entry.detail
    match entry.what, change:
        case "shipment.tracking_changed", UpdateTracking():
            return change.shipment in (detail["shipment_id"], detail["external_shipment_id"])
        case "order.state_changed", Acknowledge():
            # With another reference on the order, somebody else acknowledged it.
            same = order.merchant_order_reference == change.merchant_order_reference
            return same and detail["to"] != OrderState.COMPLETED
        case "order.state_changed", Ship() | Cancel():
            # The last units that are shipped or cancelled complete an order.
            return bool(detail["to"] == OrderState.COMPLETED)
        case (
            ("shipment.added" | "payment.captured", Ship())  # the platform charges for each shipment
            | ("cancellation.added", Cancel())
            | ("refund.added", Refund())
        ):
            return True
    return False


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
