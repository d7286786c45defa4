"""Intake: deliveries that were not recognized, and how often each thing happened. For operators."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from app.http.access import ADMIN, allowed_to
from app.http.requests.queries import PageQuery
from app.http.responses.operators import CountersResponse, UnrecognizedPageResponse, UnrecognizedResponse
from app.http.routes.parameters import cursor_of, no_query
from app.http.state import container
from app.store.failures import SealBroken
from app.store.inbox import UnrecognizedRecord
from app.store.sealing import Sealer

log = structlog.get_logger()

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], dependencies=[allowed_to(ADMIN)])


@router.get("/unrecognized")
def list_unrecognized(request: Request, query: Annotated[PageQuery, Query()]) -> UnrecognizedPageResponse:
    """List signed deliveries, or entries of them, that Orderwire does not recognize; newest first."""
    held = container(request)
    with cursor_of(query):
        page = held.inbox.kept(limit=query.limit, cursor=query.cursor)
    data = [
        UnrecognizedResponse(id=item.id, at=item.at, reason=item.reason, body=_opened(held.sealer, item))
        for item in page.items
    ]
    return UnrecognizedPageResponse(data=data, next_cursor=page.next_cursor)


@router.get("/counters", dependencies=[Depends(no_query)])
def get_counters(request: Request) -> CountersResponse:
    """Show how many entries were accepted, repeated, not recognized, and how many deliveries rejected."""
    return CountersResponse(data=container(request).counters.counters())


def _opened(sealer: Sealer, item: UnrecognizedRecord) -> str | None:
    try:
        return sealer.open(item.sealed, record=item.digest, field="body")
    except SealBroken:
        log.error("unrecognized.seal_broken", item_id=item.id)  # noqa: TRY400 - a traceback would say nothing more
        return None
