"""Drift: what reconciliation found and no webhook had announced."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from app.http.access import READ, allowed_to
from app.http.requests.queries import PageQuery
from app.http.responses.operators import DriftPageResponse
from app.http.routes.parameters import cursor_of
from app.http.state import container

router = APIRouter(prefix="/v1/drift", tags=["operators"], dependencies=[allowed_to(READ)])


@router.get("")
def list_drift(request: Request, query: Annotated[PageQuery, Query()]) -> DriftPageResponse:
    """List the orders that had changed unannounced, newest first; their copies are right by now."""
    with cursor_of(query):
        page = container(request).drift.list(limit=query.limit, cursor=query.cursor)
    return DriftPageResponse.of(page)
