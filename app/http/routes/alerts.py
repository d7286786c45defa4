"""Alerts: what is wrong now, and what was."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from app.domain.alerts import Alert, AlertState
from app.http.access import READ, allowed_to
from app.http.models.operators import AlertAnswer, AlertPageAnswer, AlertsQuery
from app.http.parts import parts
from app.http.routes.parameters import cursor_of

router = APIRouter(prefix="/v1/alerts", tags=["operators"], dependencies=[allowed_to(READ)])


@router.get("")
def list_alerts(request: Request, query: Annotated[AlertsQuery, Query()]) -> AlertPageAnswer:
    """List alerts, newest first; each stands once for its cause, and closes by itself when the cause ends."""
    with cursor_of(query):
        page = parts(request).alerts.list(
            state=AlertState(query.state) if query.state else None, limit=query.limit, cursor=query.cursor
        )
    return AlertPageAnswer(data=[_answer(alert) for alert in page.items], next_cursor=page.next_cursor)


def _answer(alert: Alert) -> AlertAnswer:
    return AlertAnswer(
        id=alert.id,
        kind=alert.kind.value,
        severity=alert.kind.severity.value,
        subject=alert.subject,
        shop_id=alert.shop_id,
        text=alert.text,
        state=alert.state.value,
        first_at=alert.first_at,
        last_at=alert.last_at,
        closed_at=alert.closed_at,
        count=alert.count,
    )
