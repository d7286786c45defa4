"""Drift: what reconciliation found and no webhook had announced."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from app.http.access import READ, allowed_to
from app.http.models.operators import DriftAnswer, DriftPageAnswer
from app.http.models.queries import PageQuery
from app.http.parts import parts
from app.http.routes.parameters import cursor_of

router = APIRouter(prefix="/v1/drift", tags=["operators"], dependencies=[allowed_to(READ)])


@router.get("")
def list_drift(request: Request, query: Annotated[PageQuery, Query()]) -> DriftPageAnswer:
    """List the orders that had changed unannounced, newest first; their copies are right by now."""
    with cursor_of(query):
        page = parts(request).drift.list(limit=query.limit, cursor=query.cursor)
    data = [
        DriftAnswer(order_id=entry.order_id, shop_id=entry.shop_id, at=entry.at, news=list(entry.news))
        for entry in page.items
    ]
    return DriftPageAnswer(data=data, next_cursor=page.next_cursor)
