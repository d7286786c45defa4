"""From a request's body to the change it asks for, on the order as it is when it is decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.domain.commands import (
    Acknowledge,
    Cancel,
    Change,
    Deduction,
    Refund,
    RefundLine,
    Ship,
    UpdateTracking,
)
from app.domain.decisions import Refusal
from app.domain.orders import Order, Tracking
from app.domain.selection import RequestedItem, resolve_items
from app.http.requests.changes import (
    CancellationRequest,
    ItemLine,
    RefundRequest,
    ShipmentRequest,
    TrackingChangeRequest,
    TrackingRequest,
)

Build = Callable[[Order], Change | Refusal]


def acknowledgement(reference: str | None) -> Build:
    """Return what makes the acknowledgement; without a reference the shop's template gives one."""
    return lambda _order: Acknowledge(merchant_order_reference=reference)


def shipment(body: ShipmentRequest) -> Build:
    """Return what makes the shipment, its items named by item id."""

    def build(order: Order) -> Change | Refusal:
        items = resolve_items(order, _requested(body.items)) if body.items is not None else None
        if isinstance(items, Refusal):
            return items
        return Ship(
            items=items,
            ship_all_remaining=body.ship_all_remaining,
            tracking=_tracking(body.tracking),
            external_shipment_id=body.external_shipment_id,
            merchant_order_reference=body.merchant_order_reference,
        )

    return build


def tracking_change(shipment_ref: str, body: TrackingChangeRequest) -> Build:
    """Return what gives the parcel, named by its platform id or external id, another number."""
    return lambda _order: UpdateTracking(shipment=shipment_ref, tracking=_tracking(body.tracking))


def cancellation(body: CancellationRequest) -> Build:
    """Return what makes the cancellation, its items named by item id."""

    def build(order: Order) -> Change | Refusal:
        items = resolve_items(order, _requested(body.items)) if body.items is not None else None
        if isinstance(items, Refusal):
            return items
        return Cancel(
            items=items,
            reason_code=body.reason_code,
            reason_description=body.reason_description,
            restock_items=body.restock_items,
        )

    return build


def refund(body: RefundRequest) -> Build:
    """Return what makes the refund."""
    change = Refund(
        items=tuple(
            RefundLine(
                item_id=line.item_id,
                quantity=line.quantity,
                amount=line.amount.money() if line.amount else None,
            )
            for line in body.items or ()
        ),
        full=body.full,
        reason_code=body.reason_code,
        reason_text=body.reason_text,
        shipping=body.shipping.money() if body.shipping else None,
        deductions=tuple(
            Deduction(deduction_type=part.deduction_type, amount=part.amount.money())
            for part in body.deductions
        ),
    )
    return lambda _order: change


def _requested(lines: Sequence[ItemLine]) -> list[RequestedItem]:
    return [
        RequestedItem(item_id=line.item_id, retailer_id=line.retailer_id, quantity=line.quantity)
        for line in lines
    ]


def _tracking(body: TrackingRequest) -> Tracking:
    return Tracking(
        carrier=body.carrier,
        tracking_number=body.tracking_number,
        shipping_method_name=body.shipping_method_name,
    )
