"""The five changes a caller can ask for; each is answered with the command that promises it."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from app.http import changes
from app.http.access import WRITE, allowed_to
from app.http.requests.changes import (
    AcknowledgementRequest,
    AcknowledgementsRequest,
    CancellationRequest,
    RefundRequest,
    ShipmentRequest,
    TrackingChangeRequest,
)
from app.http.requests.fields import PlatformId
from app.http.responses.commands import BatchResponse, CommandResponse
from app.http.routes.parameters import IdempotencyKey, Prefer, no_query
from app.http.submission import submit, submit_acknowledgements

# The headers are declared for the document; app.http.idempotency and app.http.waiting read them.
# ruff: noqa: ARG001

router = APIRouter(prefix="/v1", tags=["changes"], dependencies=[allowed_to(WRITE), Depends(no_query)])

_WRITE: dict[str, Any] = {
    "status_code": 202,
    "response_model": CommandResponse,
    "responses": {
        200: {
            "model": CommandResponse,
            "description": "The finished command, to a caller that waited for it.",
        }
    },
}


@router.post("/orders/{order_id}/acknowledgement", **_WRITE)
def acknowledge(
    request: Request,
    order_id: PlatformId,
    *,
    body: AcknowledgementRequest | None = None,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Take an order over; its reference can be set once."""
    reference = body.merchant_order_reference if body else None
    return submit(request, order_id, changes.acknowledgement(reference), body)


@router.post("/acknowledgements", status_code=202, response_model=BatchResponse)
def acknowledge_many(
    request: Request, body: AcknowledgementsRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Take up to 1,000 orders over; one command for each, or the problem that stands against it."""
    return submit_acknowledgements(request, body)


@router.post("/orders/{order_id}/shipments", **_WRITE)
def ship(
    request: Request,
    order_id: PlatformId,
    *,
    body: ShipmentRequest,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Ship one parcel with one tracking number; the platform then captures its payment."""
    return submit(request, order_id, changes.shipment(body), body)


@router.patch("/orders/{order_id}/shipments/{shipment}", **_WRITE)
def update_tracking(
    request: Request,
    order_id: PlatformId,
    *,
    shipment: PlatformId,
    body: TrackingChangeRequest,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Correct a parcel's tracking; `shipment` is its platform id or its external_shipment_id."""
    return submit(request, order_id, changes.tracking_change(shipment, body), body)


@router.post("/orders/{order_id}/cancellations", **_WRITE)
def cancel(
    request: Request,
    order_id: PlatformId,
    *,
    body: CancellationRequest,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Give up units that are not shipped. Needs an Idempotency-Key."""
    return submit(request, order_id, changes.cancellation(body), body, key_required=True)


@router.post("/orders/{order_id}/refunds", **_WRITE)
def refund(
    request: Request,
    order_id: PlatformId,
    *,
    body: RefundRequest,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
) -> Response:
    """Give money back on what was shipped. Needs an Idempotency-Key."""
    return submit(request, order_id, changes.refund(body), body, key_required=True)
