"""Reading back: did a change whose answer was lost take place? Three values, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.commands import Acknowledge, Cancel, Change, Refund, Ship, UpdateTracking
from app.domain.orders import Order, OrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The order shows the change, beyond doubt."""

    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplied:
    """The order shows no trace of the change."""

    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotTell:
    """The order shows something that may be this change, or somebody else's like it."""

    evidence: str


Evidence = Applied | NotApplied | CannotTell


def read_back(order: Order, change: Change) -> Evidence:
    """Return whether `order`, read after the attempt, shows that `change` was made.

    Only a handle of our own (the reference, the shipment's external id, the tracking number) proves a
    change; a like amount or a like reason does not, since support may have given the same by hand.
    """
    match change:
        case Acknowledge():
            return _acknowledged(order, change)
        case Ship():
            return _shipped(order, change)
        case UpdateTracking():
            return _tracking_updated(order, change)
        case Cancel():
            return _cancelled(order, change)
        case Refund():
            return _refunded(order, change)


def all_refunded(order: Order, change: Change) -> Evidence:
    """Return whether `order` shows nothing left to refund on what the refund names.

    Read after the platform said "already refunded", it tells whether the refund's aim is reached.
    """
    if not isinstance(change, Refund):
        return NotApplied(evidence="it is no refund")
    named = {line.item_id for line in change.items}
    items = [item for item in order.items if change.full or item.id in named]
    if not items or not order.refunds:
        return NotApplied(evidence=f"none of {len(order.refunds)} refunds is of these items")
    for item in items:
        nothing_left = item.refundable is not None and item.refundable.amount <= 0
        if not nothing_left and item.units.refunded < max(item.units.shipped, 1):
            return NotApplied(evidence=f"item {item.id} is not wholly refunded")
    return Applied(evidence=f"the items are wholly refunded, by {len(order.refunds)} refunds on the order")


def _acknowledged(order: Order, change: Acknowledge) -> Evidence:
    if order.state in (OrderState.CREATED, OrderState.FB_PROCESSING):
        return NotApplied(evidence=f"the order is still {order.state}")
    reference = order.merchant_order_reference
    if reference is not None and reference == change.merchant_order_reference:
        return Applied(evidence=f"the order is {order.state} as {reference}")
    return CannotTell(evidence=f"the order is {order.state} with reference {reference or 'none'}")


def _shipped(order: Order, change: Ship) -> Evidence:
    for shipment in order.shipments:
        number = shipment.tracking.tracking_number if shipment.tracking else None
        if shipment.external_shipment_id is not None:
            if shipment.external_shipment_id == change.external_shipment_id:
                return Applied(evidence=f"shipment {shipment.id} has our id {change.external_shipment_id}")
        elif number == change.tracking.tracking_number:
            return Applied(evidence=f"shipment {shipment.id} has our tracking number {number}")
    return NotApplied(evidence=f"none of {len(order.shipments)} shipments is ours")


def _tracking_updated(order: Order, change: UpdateTracking) -> Evidence:
    for shipment in order.shipments:
        if change.shipment in (shipment.id, shipment.external_shipment_id):
            if shipment.tracking == change.tracking:
                return Applied(evidence=f"shipment {shipment.id} has the new tracking")
            return NotApplied(evidence=f"shipment {shipment.id} still has its old tracking")
    return CannotTell(evidence=f"shipment {change.shipment} is not on the order")


def _cancelled(order: Order, change: Cancel) -> Evidence:
    wanted = None if change.items is None else {(line.item_id, line.quantity) for line in change.items}
    for record in order.cancellations:
        if wanted is None or {(line.item_id, line.quantity) for line in record.items} == wanted:
            return CannotTell(evidence=f"cancellation {record.id} is of the same units")
    return NotApplied(evidence=f"none of {len(order.cancellations)} cancellations is of these units")


def _refunded(order: Order, change: Refund) -> Evidence:
    wanted = {line.item_id for line in change.items}
    for record in order.refunds:
        if change.full or {line.item_id for line in record.items} == wanted:
            return CannotTell(evidence=f"refund {record.id} is of the same items")
    return NotApplied(evidence=f"none of {len(order.refunds)} refunds is of these items")
