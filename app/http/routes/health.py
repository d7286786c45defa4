"""Health: is the process alive, and can it do its work?"""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.http.responses.operators import LivenessResponse, ReadinessResponse
from app.http.state import container

router = APIRouter(tags=["health"])


@router.get("/livez")
async def live() -> LivenessResponse:
    """Say that the process answers; asks nothing of Redis or of anybody else."""
    return LivenessResponse(status="alive")


@router.get(
    "/readyz",
    responses={503: {"model": ReadinessResponse, "description": "At least one check failed; each is named."}},
)
def ready(request: Request, response: Response) -> ReadinessResponse:
    """Check what the work depends on: Redis, how durably it writes, and whether workers are alive."""
    checks = container(request).readiness.check()
    failed = not all(check.ok for check in checks)
    response.status_code = 503 if failed else 200
    return ReadinessResponse(status="not_ready" if failed else "ready", checks=list(checks))
