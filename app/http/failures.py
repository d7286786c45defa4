"""Failures: the problem that each exception of a request becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.domain.codec import RecordError
from app.http.problems import FieldError, Problem, ProblemError, invalid_request, problem
from app.services.record_order import OrderContended
from app.store.failures import ArchiveBroken, LaneFull, StoreUnavailable

log = structlog.get_logger()

# Codes that a single field can give the whole problem, because callers branch on them.
FIELD_CODES = frozenset({"unknown_carrier"})

# What a caller can do about the kinds of mistake that pydantic names; the message says what is wrong.
_HINTS: dict[str, str] = {
    "extra_forbidden": "Leave the field out, or correct its spelling.",
    "missing": "Add the field.",
    "string_type": 'Write it as text, in quotes: "…".',
    "int_type": "Write it as a whole number, without quotes.",
    "bool_type": "Write true or false, without quotes.",
}


def problem_of(error: Exception) -> Problem | None:
    """Return the problem that a known exception means, or None when it is a fault of ours."""
    match error:
        case ProblemError():
            return error.problem
        case StoreUnavailable():
            return problem(
                "store_unavailable",
                "Redis cannot be reached, or cannot write; nothing of this request is stored.",
            )
        case OrderContended():
            return problem("order_busy", str(error))
        case LaneFull():
            return problem("lane_full", str(error))
        case RecordError():
            log.error("record.unreadable", detail=str(error))
            return problem("record_unreadable", str(error))
        case ArchiveBroken():
            log.error("archive.broken", detail=str(error))
            return problem(
                "archive_unavailable",
                "The order is in the archive, and the archive's file cannot be read or written.",
            )
    return None


def unexpected() -> Problem:
    """Return the problem of a fault of ours; the log names it under the request id."""
    return problem("internal_error", "An unexpected error occurred; the log names it under this request_id.")


def problem_of_http(error: HTTPException) -> Problem:
    """Return the problem of what the router refuses: unknown paths, wrong methods, unreadable bodies."""
    headers = dict(error.headers or {})
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return problem("not_found", "No route has this path.", headers=headers)
        case HTTPStatus.METHOD_NOT_ALLOWED:
            hint = f"Use one of: {headers.get('Allow', 'see /openapi.json')}."
            return problem("method_not_allowed", "The path has other methods.", hint=hint, headers=headers)
        case HTTPStatus.BAD_REQUEST:
            return problem("unreadable_body", "The request's body is not readable JSON.", headers=headers)
        case status:
            refused = problem("refused", str(error.detail), headers=headers)
            return replace(refused, status=status, title=HTTPStatus(status).phrase)


def problem_of_validation(request: Request, error: RequestValidationError) -> Problem:
    """Return the problem of a request whose body, path or query breaks its model; never echoes a value."""
    errors: Sequence[Any] = error.errors()
    if any(one["type"] == "json_invalid" for one in errors):
        return problem_of_http(HTTPException(HTTPStatus.BAD_REQUEST))
    if any(tuple(one["loc"]) == ("body",) and one["type"] != "missing" for one in errors):
        sent = request.headers.get("content-type")
        if sent is not None and "json" not in sent.lower():
            return problem(
                "not_json", f"The request's Content-Type is {sent[:100]!r}; this route reads JSON only."
            )
    codes = {one["type"] for one in errors}
    code = codes.pop() if len(codes) == 1 and codes <= FIELD_CODES else "invalid_request"
    return invalid_request(*(_field_error(one) for one in errors), code=code)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    kind = str(error["type"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        message = "is not a field of this request"
    hint = (error.get("ctx") or {}).get("hint") or _HINTS.get(kind)
    return FieldError(field=_named(error["loc"]), message=message, hint=hint)


def _named(location: Sequence[str | int]) -> str:
    where, *path = location or ("body",)
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name or str(where)
