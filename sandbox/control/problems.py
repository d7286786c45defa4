"""Responses of the control API to a bad request: which field is wrong, and what to do.

Exception
└── ProblemError        a request can't be met; its status, field and message go out as JSON
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

BAD_REQUEST = 400
NOT_FOUND = 404
NOT_ALLOWED = 405
CONFLICT = 409
UNPROCESSABLE = 422


class EscapedJSON(JSONResponse):
    """JSON with non-ASCII text escaped, so that even half a surrogate pair which was sent can be shown."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of the answer."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


class ProblemError(Exception):
    """A request cannot be fulfilled; its status, field and message are sent as JSON."""

    def __init__(self, status: int, field: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.field = field
        self.message = message


async def answer_problem(request: Request, error: Exception) -> JSONResponse:
    """Return the JSON of a problem: ``{"error": {"field", "message"}}``."""
    del request
    if not isinstance(error, ProblemError):
        raise error
    return _answer(error.status, error.field, error.message)


async def answer_lost(request: Request, error: Exception) -> JSONResponse:
    """Return the JSON for a path or method that the control API does not have."""
    status = getattr(error, "status_code", NOT_FOUND)
    told = f"{request.method} {request.url.path} does not exist here; look at its method and spelling"
    return _answer(status, "path", told)


async def answer_invalid(request: Request, error: Exception) -> JSONResponse:
    """Return the JSON of a body or query that failed validation: its first error."""
    del request
    invalid: RequestValidationError = error  # type: ignore[assignment]
    first: dict[str, Any] = invalid.errors()[0]
    place = [str(step) for step in first["loc"] if step not in {"body", "query", "path"}]
    if first["type"] == "json_invalid":
        return _answer(BAD_REQUEST, "body", "The body is not valid JSON; send an object as application/json")
    if first["type"] in {"model_attributes_type", "dict_type", "list_type"} and not place:
        return _answer(
            UNPROCESSABLE, "body", f"{first['msg']}; send JSON with Content-Type: application/json"
        )
    if first["type"] == "extra_forbidden":
        return _answer(
            UNPROCESSABLE, ".".join(place), "This field is not known here; leave it out or correct its name"
        )
    return _answer(UNPROCESSABLE, ".".join(place) or "body", str(first["msg"]))


def _answer(status: int, field: str, message: str) -> JSONResponse:
    return EscapedJSON({"error": {"field": field, "message": message}}, status_code=status)
