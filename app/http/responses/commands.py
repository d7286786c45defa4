"""Commands and batches as the routes show them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app.domain.commands import ChangeRecord
from app.http.responses.parts import PageModel, ResponseModel
from app.http.responses.problems import ProblemResponse


def _named(change: object) -> object:
    return change.document() if isinstance(change, ChangeRecord) else change


class AttemptResponse(ResponseModel):
    """One call made for a command, with the key it carried; `outcome` is null while it runs."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    outcome: Literal["accepted", "refused", "throttled", "busy", "unknown"] | None
    error: str | None
    idempotency_key: str


class CommandResponse(ResponseModel):
    """A durable promise to make one change; it ends `succeeded`, `failed` or `dead` (a person must look)."""

    id: str
    order_id: str
    shop_id: str
    kind: Literal["acknowledge", "ship", "update_tracking", "cancel", "refund", "acknowledge_batch"]
    status: Literal["pending", "running", "waiting", "succeeded", "failed", "dead"]
    idempotency_key: str
    request: Annotated[dict[str, Any], BeforeValidator(_named)] = Field(validation_alias="change")
    attempts: list[AttemptResponse]
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    error: str | None


class CommandPageResponse(PageModel):
    """One page of commands, newest first."""

    data: list[CommandResponse]


class BatchLineResponse(ResponseModel):
    """What became of one order of a batch: a command, or the problem that stands against it."""

    order_id: str
    command: CommandResponse | None
    problem: ProblemResponse | None


class BatchResponse(ResponseModel):
    """What became of each order of a batch, in the order they were sent."""

    data: list[BatchLineResponse]
    accepted: int
    refused: int
