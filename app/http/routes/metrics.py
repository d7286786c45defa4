"""Metrics for Prometheus: the figures of the whole installation, to a key with `orders:read` or `admin`."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.http.access import READ, allowed_to
from app.http.metrics import metrics_text
from app.http.routes.parameters import no_query
from app.http.state import container

router = APIRouter(tags=["operators"], dependencies=[allowed_to(READ)])


@router.get("/metrics", response_class=PlainTextResponse, dependencies=[Depends(no_query)])
def show_metrics(request: Request) -> Response:
    """Show counters, sizes and ages of everything that waits, and open alerts, as Prometheus reads them."""
    held = container(request)
    now = held.clock()
    admission_states = held.admission_states.states([shop.id for shop in held.shops])
    text = metrics_text(held.figures.read(now), admission_states, now)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
