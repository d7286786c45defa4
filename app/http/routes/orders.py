"""Orders: what is known of them, and reading one again."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app.domain.orders import OrderState
from app.domain.timeline import Cause
from app.http.access import READ, WRITE, allowed_to, sees_buyers
from app.http.idempotency import StoredResponse, claim
from app.http.presenters import order_response
from app.http.problems import Problem, ProblemError, problem
from app.http.requests.fields import PlatformId
from app.http.requests.queries import OrdersQuery, PageQuery
from app.http.responses.orders import (
    OrderPageResponse,
    OrderResponse,
    SyncResponse,
    TimelineEntryResponse,
    TimelineResponse,
)
from app.http.routes.parameters import IdempotencyKey, cursor_of, no_query
from app.http.state import container
from app.http.submission import platform_away
from app.services.sync import NotOnPlatform, PlatformAway

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.get("", dependencies=[allowed_to(READ)])
def list_orders(request: Request, query: Annotated[OrdersQuery, Query()]) -> OrderPageResponse:
    """List orders, newest update first, by state, reference or time of update.

    Archived orders are listed by their reference only, after the others.
    """
    held = container(request)
    with cursor_of(query):
        page = held.orders.list(
            state=OrderState(query.state) if query.state else None,
            reference=query.merchant_order_reference,
            updated_after=query.updated_after,
            limit=query.limit,
            cursor=query.cursor,
        )
    data = [order_response(stored, held.sealer) for stored in page.items]
    return OrderPageResponse(data=data, next_cursor=page.next_cursor)


@router.get("/{order_id}", dependencies=[allowed_to(READ), Depends(no_query)])
def get_order(request: Request, order_id: PlatformId) -> OrderResponse:
    """Show one order as it was last read from the platform; `synced_at` says when."""
    held = container(request)
    stored = held.orders.get(order_id)
    if stored is None:
        raise ProblemError(_unknown(order_id))
    return order_response(stored, held.sealer)


@router.get("/{order_id}/timeline", dependencies=[allowed_to(READ)])
def get_timeline(
    request: Request, order_id: PlatformId, query: Annotated[PageQuery, Query()]
) -> TimelineResponse:
    """Show what happened to an order, when, and by which cause; oldest first."""
    orders = container(request).orders
    with cursor_of(query):
        page = orders.timeline(order_id, limit=query.limit, cursor=query.cursor)
    if not page.items and orders.get(order_id) is None:
        raise ProblemError(_unknown(order_id))
    return TimelineResponse.of(page)


@router.post(
    "/{order_id}/sync",
    response_model=SyncResponse,
    dependencies=[allowed_to(READ, WRITE), Depends(no_query)],
)
def sync_order(request: Request, order_id: PlatformId, idempotency_key: IdempotencyKey = None) -> Response:  # noqa: ARG001 - declared for the document, read in app.http.idempotency
    """Read one order from the platform again, now, and show what that changed."""
    operation = claim(request, None, private=True)
    if isinstance(operation, Response):
        return operation
    held = container(request)
    match held.sync_order.sync(order_id, cause=Cause.OPERATOR):
        case NotOnPlatform():
            hint = "Check the id: no shop's token sees it on the platform."
            return operation.refuse(_unknown(order_id, hint=hint))
        case PlatformAway() as away:
            return operation.refuse(platform_away(order_id, away.detail, away.retry_after_s))
        case recorded:
            order = order_response(recorded.stored, held.sealer if sees_buyers(request) else None)
            news = [TimelineEntryResponse.model_validate(entry) for entry in recorded.news]
            body = SyncResponse(order=order, differences=news).model_dump_json()
            return operation.respond(StoredResponse(status=200, body=body))


def _unknown(order_id: str, hint: str | None = None) -> Problem:
    return problem("order_unknown", f"Order {order_id} is not known.", hint=hint)
