"""The rules: may this change be made to this order now? Everything the platform would refuse is refused here.

Sources: Order Lifecycle, Fulfillment API, Cancellation and Refund API, Error Codes.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from app.domain.carriers import CARRIERS, nearest_carriers
from app.domain.commands import Acknowledge, Cancel, Change, Refund, Ship, UpdateTracking
from app.domain.decide_cancel import decide_cancel
from app.domain.decide_refund import decide_refund
from app.domain.decisions import Allowed, AlreadyDone, Decision, Refusal
from app.domain.orders import ItemQuantity, Order, OrderState, Shipment, Tracking
from app.domain.selection import unknown_item

__all__ = ["Allowed", "AlreadyDone", "Decision", "Refusal", "decide"]


def decide(order: Order, change: Change, now: datetime) -> Decision:
    """Return whether `change` may be made to `order` as it stands now; a pure function of the three."""
    if order.state is OrderState.UNKNOWN:
        return _unknown_state(order)
    match change:
        case Acknowledge():
            return _acknowledge(order, change)
        case Ship():
            return _ship(order, change)
        case UpdateTracking():
            return _update_tracking(order, change)
        case Cancel():
            return decide_cancel(order, change, now)
        case Refund():
            return decide_refund(order, change)


def _acknowledge(order: Order, change: Acknowledge) -> Decision:
    mismatch = _reference_mismatch(order, change.merchant_order_reference)
    if mismatch:
        return mismatch
    match order.state:
        case OrderState.CREATED:
            return Allowed(change=change)
        case OrderState.FB_PROCESSING:
            return _still_processing(order, "acknowledged")
        case OrderState.IN_PROGRESS | OrderState.COMPLETED if _reference_kept(order, change):
            return AlreadyDone(detail=f"Order {order.id} is {order.state}: it was acknowledged before.")
        case OrderState.IN_PROGRESS | OrderState.COMPLETED:
            return Refusal(
                code="already_acknowledged",
                title="The order was acknowledged without a reference",
                detail=f"Order {order.id} is {order.state}; its acknowledgement carried no reference.",
                hint="Send merchant_order_reference with the next shipment instead.",
            )
        case _:
            return _unknown_state(order)


def _reference_kept(order: Order, change: Acknowledge) -> bool:
    return change.merchant_order_reference in (None, order.merchant_order_reference)


def _ship(order: Order, change: Ship) -> Decision:
    return (
        _reference_mismatch(order, change.merchant_order_reference)
        or _not_shippable(order)
        or _bad_carrier(change.tracking)
        or _number_used(order, change.tracking, besides=None)
        or _external_id_used(order, change.external_shipment_id)
        or _ship_items(order, change)
    )


def _ship_items(order: Order, change: Ship) -> Decision:
    items = change.items
    if items is None:
        if not change.ship_all_remaining:
            return Refusal(
                code="items_required",
                title="The shipment names no items",
                detail=f"The shipment for order {order.id} names neither items nor all of them.",
                hint='Name the items, or send "ship_all_remaining": true.',
            )
        items = tuple(
            ItemQuantity(item_id=item.id, quantity=item.units.open) for item in order.items if item.units.open
        )
    for line in items:
        item = order.item(line.item_id)
        if item is None:
            return unknown_item(order, line.item_id)
        if line.quantity > item.units.open:
            return Refusal(
                code="more_than_open",
                title="More units than are open",
                detail=(
                    f"Item {item.id} ({item.retailer_id}) of order {order.id} has {item.units.open} open "
                    f"of {item.units.quantity}; {line.quantity} were to be shipped."
                ),
                hint=f"Ship at most {item.units.open}; the rest is already shipped or cancelled.",
            )
    return Allowed(change=replace(change, items=items))


def _not_shippable(order: Order) -> Refusal | None:
    if order.state is OrderState.FB_PROCESSING:
        return _still_processing(order, "shipped")
    if order.state is OrderState.CREATED:
        return Refusal(
            code="not_acknowledged",
            title="The order is not acknowledged yet",
            detail=f"Order {order.id} is CREATED; the platform takes shipments only after acknowledgement.",
            hint=f"POST /v1/orders/{order.id}/acknowledgement first.",
        )
    if order.open_units == 0:
        cancelled = all(item.units.shipped == 0 for item in order.items)
        return Refusal(
            code="order_cancelled" if cancelled else "nothing_open",
            title="The order is cancelled" if cancelled else "Nothing is left to ship",
            detail=f"Order {order.id} is {order.state}: every unit is "
            + ("cancelled." if cancelled else "shipped or cancelled."),
            hint="Do not ship this order." if cancelled else "Use PATCH on the shipment to correct tracking.",
        )
    return None


def _update_tracking(order: Order, change: UpdateTracking) -> Decision:
    shipment = find_shipment(order, change.shipment)
    if shipment is None:
        known = ", ".join(s.external_shipment_id or s.id for s in order.shipments[:10])
        return Refusal(
            code="unknown_shipment",
            title="The order has no such shipment",
            detail=f"Order {order.id} has no shipment {change.shipment}.",
            hint=f"Its shipments are: {known}." if known else "Nothing is shipped yet; POST a shipment.",
        )
    if shipment.tracking == change.tracking:
        return AlreadyDone(detail=f"Shipment {change.shipment} of order {order.id} has that tracking.")
    refused = _bad_carrier(change.tracking) or _number_used(order, change.tracking, besides=shipment)
    return refused or Allowed(change=replace(change, shipment=shipment.id))


def find_shipment(order: Order, named: str) -> Shipment | None:
    """Return the shipment of that platform id or external id, or None."""
    return next((s for s in order.shipments if named in (s.id, s.external_shipment_id)), None)


def _reference_mismatch(order: Order, wanted: str | None) -> Refusal | None:
    stored = order.merchant_order_reference
    if wanted is None or stored is None or wanted == stored:
        return None
    return Refusal(
        code="reference_mismatch",
        title="The order has another merchant_order_reference",
        detail=f"Order {order.id} was acknowledged as {stored}; {wanted} was sent. It can never change.",
        hint=f"Send {stored}, or leave merchant_order_reference out.",
    )


def _bad_carrier(tracking: Tracking) -> Refusal | None:
    if tracking.carrier in CARRIERS:
        return None
    near = ", ".join(nearest_carriers(tracking.carrier))
    return Refusal(
        code="unknown_carrier",
        title="The platform does not know that carrier",
        detail=f"'{tracking.carrier}' is not one of the platform's {len(CARRIERS)} carrier codes.",
        hint=f"Nearest: {near}. Use OTHER for a carrier it does not list." if near else "Use OTHER.",
    )


def _number_used(order: Order, tracking: Tracking, *, besides: Shipment | None) -> Refusal | None:
    for shipment in order.shipments:
        same = shipment.tracking and shipment.tracking.tracking_number == tracking.tracking_number
        if same and shipment is not besides:
            return Refusal(
                code="tracking_number_used",
                title="That tracking number is already on a shipment",
                detail=(
                    f"Shipment {shipment.external_shipment_id or shipment.id} of order {order.id} "
                    f"has tracking number {tracking.tracking_number}."
                ),
                hint="Each parcel needs its own number; vary it (X-2) for a second box under one label.",
            )
    return None


def _external_id_used(order: Order, external_id: str | None) -> Refusal | None:
    if external_id is None or find_shipment(order, external_id) is None:
        return None
    return Refusal(
        code="external_shipment_id_used",
        title="That external_shipment_id is already taken",
        detail=f"Order {order.id} already has a shipment {external_id}.",
        hint="Send another external_shipment_id, or PATCH that shipment to correct its tracking.",
    )


def _still_processing(order: Order, done: str) -> Refusal:
    return Refusal(
        code="order_processing",
        title="The platform is still processing the order",
        detail=f"Order {order.id} is FB_PROCESSING; it cannot be {done} yet.",
        hint="Wait until it is CREATED; Orderwire reads it again by itself.",
    )


def _unknown_state(order: Order) -> Refusal:
    return Refusal(
        code="unknown_state",
        title="The platform gave the order a state Orderwire does not know",
        detail=f"Order {order.id} is in a state outside FB_PROCESSING, CREATED, IN_PROGRESS, COMPLETED.",
        hint=f"POST /v1/orders/{order.id}/sync to read it again, or look at it in Commerce Manager.",
    )
