"""Intake: what deliveries were not understood, and how often each thing happened. For operators."""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from app.http.access import ADMIN, allowed_to
from app.http.models.answers import CountersAnswer, KeptAnswer, KeptPageAnswer
from app.http.models.queries import PageQuery
from app.http.parts import parts
from app.http.routes.parameters import cursor_of, no_query
from app.store.failures import SealBroken
from app.store.inbox import KeptRecord
from app.store.sealing import Sealer

log = structlog.get_logger()

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], dependencies=[allowed_to(ADMIN)])


@router.get("/kept")
def list_kept(request: Request, query: Annotated[PageQuery, Query()]) -> KeptPageAnswer:
    """List signed deliveries, or entries of them, that were not understood; newest first."""
    orderwire = parts(request)
    with cursor_of(query):
        page = orderwire.inbox.kept(limit=query.limit, cursor=query.cursor)
    data = [
        KeptAnswer(id=item.id, at=item.at, reason=item.reason, body=_opened(orderwire.sealer, item))
        for item in page.items
    ]
    return KeptPageAnswer(data=data, next_cursor=page.next_cursor)


@router.get("/counters", dependencies=[Depends(no_query)])
def get_counters(request: Request) -> CountersAnswer:
    """Show how many entries were accepted, repeated, not understood, and how many deliveries rejected."""
    return CountersAnswer(data=parts(request).counters.counters())


def _opened(sealer: Sealer, item: KeptRecord) -> str | None:
    try:
        return sealer.open(item.sealed, record=item.digest, field="body")
    except SealBroken:
        log.error("kept.seal_broken", item_id=item.id)  # noqa: TRY400 - a traceback would say nothing more
        return None
