"""Failures: which problem each exception of a request becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.http.problems import FieldError, Problem, ProblemError, invalid_request, store_unavailable
from app.services.record_order import OrderContended
from app.store.failures import ArchiveBroken, LaneFull, StoreUnavailable

log = structlog.get_logger()

# Codes that a single field can give the whole problem, because callers branch on them.
FIELD_CODES = frozenset({"unknown_carrier"})

# What a caller can do about the kinds of mistake pydantic names; the message says what is wrong already.
_CURES: dict[str, str] = {
    "extra_forbidden": "Leave the field out, or correct its spelling.",
    "missing": "Add the field.",
    "string_type": 'Write it as text, in quotes: "…".',
    "int_type": "Write it as a whole number, without quotes.",
    "bool_type": "Write true or false, without quotes.",
    "json_invalid": "Send one JSON object, in UTF-8.",
}


def problem_of(error: Exception) -> Problem | None:
    """Return the problem that a known exception means, or None when it is a fault of ours."""
    if isinstance(error, ProblemError):
        return error.problem
    if isinstance(error, StoreUnavailable):
        return store_unavailable()
    if isinstance(error, OrderContended):
        return _contended(error)
    if isinstance(error, LaneFull):
        return _lane_full(error)
    if isinstance(error, ArchiveBroken):
        log.error("archive.broken", detail=str(error))
        return _archive_broken()
    return None


def problem_of_http(error: HTTPException) -> Problem:
    """Return the problem of what the router refuses: unknown paths, wrong methods, unreadable bodies."""
    headers = dict(error.headers or {})
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            code, title = "not_found", "No such route"
            detail, cure = "Nothing answers at this path.", "GET /openapi.json lists every route."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            code, title = "method_not_allowed", "The route does not take this method"
            detail, cure = (
                "This path takes other methods.",
                f"Use one of: {headers.get('Allow', 'see /openapi.json')}.",
            )
        case HTTPStatus.BAD_REQUEST:
            code, title = "unreadable_body", "The body cannot be read"
            detail, cure = "The request's body is not readable JSON.", _CURES["json_invalid"]
        case _:
            code, title = "refused", HTTPStatus(error.status_code).phrase
            detail, cure = str(error.detail), "GET /openapi.json says what each route takes."
    return Problem(
        status=error.status_code, code=code, title=title, detail=detail, cure=cure, headers=headers
    )


def problem_of_validation(request: Request, error: RequestValidationError) -> Problem:
    """Return the problem of a request whose body, path or query breaks its model; never echoes a value."""
    errors: Sequence[Any] = error.errors()
    if any(one["type"] == "json_invalid" for one in errors):
        return problem_of_http(HTTPException(HTTPStatus.BAD_REQUEST))
    if any(tuple(one["loc"]) == ("body",) and one["type"] != "missing" for one in errors):
        sent = request.headers.get("content-type")
        if sent is not None and "json" not in sent.lower():
            return _not_json(sent)
    codes = {one["type"] for one in errors}
    code = codes.pop() if len(codes) == 1 and codes <= FIELD_CODES else "invalid_request"
    return invalid_request(*(_field_error(one) for one in errors), code=code)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    kind = str(error["type"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        message = "is not a field of this request"
    cure = (error.get("ctx") or {}).get("cure") or _CURES.get(kind)
    return FieldError(field=_named(error["loc"]), message=message, cure=cure)


def _named(location: Sequence[str | int]) -> str:
    where, *path = location or ("body",)
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name or str(where)


def _not_json(sent: str) -> Problem:
    return Problem(
        status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        code="not_json",
        title="The body is not JSON",
        detail=f"The request's Content-Type is {sent[:100]!r}; this route reads JSON only.",
        cure="Send Content-Type: application/json.",
    )


def _contended(error: OrderContended) -> Problem:
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="order_busy",
        title="The order is being written by others",
        detail=str(error),
        cure="Send the same request again after Retry-After seconds.",
        headers={"Retry-After": "1"},
    )


def _lane_full(error: LaneFull) -> Problem:
    return Problem(
        status=HTTPStatus.CONFLICT,
        code="lane_full",
        title="Too many changes of the order wait",
        detail=str(error),
        cure="Let the open commands end first: GET /v1/commands?order_id=… lists them.",
    )


def _archive_broken() -> Problem:
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="archive_unavailable",
        title="The archive cannot be read",
        detail="The order is in the archive, and the archive's file cannot be read or written.",
        cure="Whoever runs Orderwire finds the file and the cure in the log; then send the request again.",
        headers={"Retry-After": "60"},
    )
