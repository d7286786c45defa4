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
from app.http.models.answers import OrderAnswer, OrderPageAnswer, SyncAnswer, TimelineAnswer
from app.http.models.fields import PlatformId
from app.http.models.queries import OrdersQuery, PageQuery
from app.http.once import Reply, Run, once, problem_reply
from app.http.parts import parts
from app.http.problems import ProblemError, order_unknown, platform_away
from app.http.routes.parameters import IdempotencyKey, cursor_of, no_query
from app.http.show import order_answer, timeline_answer
from app.services.record_order import Recorded
from app.services.sync import NotOnPlatform, PlatformAway

router = APIRouter(prefix="/v1/orders", tags=["orders"])

_READ_IT = "Check the id, or let POST /v1/orders/{order_id}/sync read it from the platform."


@router.get("", dependencies=[allowed_to(READ)])
def list_orders(request: Request, query: Annotated[OrdersQuery, Query()]) -> OrderPageAnswer:
    """List orders, newest update first, by state, reference or time of update.

    Archived orders are listed by their reference only, after the others.
    """
    orderwire = parts(request)
    with cursor_of(query):
        page = orderwire.orders.list(
            state=OrderState(query.state) if query.state else None,
            reference=query.merchant_order_reference,
            updated_after=query.updated_after,
            limit=query.limit,
            cursor=query.cursor,
        )
    data = [order_answer(stored, orderwire.sealer) for stored in page.items]
    return OrderPageAnswer(data=data, next_cursor=page.next_cursor)


@router.get("/{order_id}", dependencies=[allowed_to(READ), Depends(no_query)])
def get_order(request: Request, order_id: PlatformId) -> OrderAnswer:
    """Show one order as it was last read from the platform; `synced_at` says when."""
    orderwire = parts(request)
    stored = orderwire.orders.get(order_id)
    if stored is None:
        raise ProblemError(order_unknown(order_id, cure=_READ_IT))
    return order_answer(stored, orderwire.sealer)


@router.get("/{order_id}/timeline", dependencies=[allowed_to(READ)])
def get_timeline(
    request: Request, order_id: PlatformId, query: Annotated[PageQuery, Query()]
) -> TimelineAnswer:
    """Show what happened to an order, when, and by which cause; oldest first."""
    orderwire = parts(request)
    with cursor_of(query):
        page = orderwire.orders.timeline(order_id, limit=query.limit, cursor=query.cursor)
    if not page.items and orderwire.orders.get(order_id) is None:
        raise ProblemError(order_unknown(order_id, cure=_READ_IT))
    return TimelineAnswer(data=timeline_answer(page.items), next_cursor=page.next_cursor)


@router.post(
    "/{order_id}/sync",
    response_model=SyncAnswer,
    dependencies=[allowed_to(READ, WRITE), Depends(no_query)],
)
def sync_order(request: Request, order_id: PlatformId, idempotency_key: IdempotencyKey = None) -> Response:  # noqa: ARG001 - declared for the document, read in once
    """Read one order from the platform again, now, and show what that changed."""

    def work(_run: Run) -> Reply:
        orderwire = parts(request)
        match orderwire.sync_order.sync(order_id, cause=Cause.OPERATOR):
            case Recorded() as synced:
                sealer = orderwire.sealer if sees_buyers(request) else None
                answer = SyncAnswer(
                    order=order_answer(synced.stored, sealer), differences=timeline_answer(synced.news)
                )
                return Reply(status=200, body=answer.model_dump_json())
            case NotOnPlatform():
                cure = "Check the id: no shop's token sees it on the platform."
                return problem_reply(request, order_unknown(order_id, cure=cure))
            case PlatformAway() as away:
                return problem_reply(request, platform_away(order_id, away.detail, away.retry_after_s))

    return once(request, None, work, private=True)
