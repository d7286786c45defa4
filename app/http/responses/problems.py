"""Problem details (RFC 9457) as the document describes them."""

from __future__ import annotations

from pydantic import Field

from app.http.responses.parts import ResponseModel


class FieldErrorResponse(ResponseModel):
    """What is wrong with one field."""

    field: str
    message: str
    hint: str | None = None


class ProblemResponse(ResponseModel):
    """Why a request was not done, and what to do about it; `code` is stable."""

    type: str = Field(examples=["urn:orderwire:problem:order_unknown"])
    title: str
    status: int
    detail: str
    code: str
    hint: str
    request_id: str
    errors: list[FieldErrorResponse] | None = None
