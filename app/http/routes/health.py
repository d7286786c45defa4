"""Health: is the process alive, and can it do its work?"""

from __future__ import annotations

# FastAPI reads the annotations of routes and dependencies when it runs, so their types are imported for real.
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.http.models.answers import CheckAnswer, LivenessAnswer, ReadinessAnswer
from app.http.parts import parts

router = APIRouter(tags=["health"])


@router.get("/livez")
async def live() -> LivenessAnswer:
    """Say that the process answers; asks nothing of Redis or of anybody else."""
    return LivenessAnswer(status="alive")


@router.get(
    "/readyz",
    responses={503: {"model": ReadinessAnswer, "description": "At least one check failed; each is named."}},
)
def ready(request: Request, response: Response) -> ReadinessAnswer:
    """Check what the work depends on: Redis, how durably it writes, and whether workers are alive."""
    checks = [
        CheckAnswer(name=check.name, ok=check.ok, detail=check.detail)
        for check in parts(request).readiness.check()
    ]
    failed = not all(check.ok for check in checks)
    response.status_code = 503 if failed else 200
    return ReadinessAnswer(status="not_ready" if failed else "ready", checks=checks)
