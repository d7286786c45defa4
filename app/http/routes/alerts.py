"""Alerts: what is wrong now, and what was."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from app.domain.alerts import AlertState
from app.http.access import READ, allowed_to
from app.http.requests.queries import AlertsQuery
from app.http.responses.operators import AlertPageResponse
from app.http.routes.parameters import cursor_of
from app.http.state import container

router = APIRouter(prefix="/v1/alerts", tags=["operators"], dependencies=[allowed_to(READ)])


@router.get("")
def list_alerts(request: Request, query: Annotated[AlertsQuery, Query()]) -> AlertPageResponse:
    """List alerts, newest first; each stands once for its cause, and closes by itself when the cause ends."""
    with cursor_of(query):
        page = container(request).alerts.list(
            state=AlertState(query.state) if query.state else None, limit=query.limit, cursor=query.cursor
        )
    return AlertPageResponse.of(page)
