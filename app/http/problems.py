"""Problem details (RFC 9457): the one shape in which every refusal and failure is told.

Exceptions of the HTTP room:

    ProblemError    carries one Problem to the edge, where it becomes the answer
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

PROBLEM_MEDIA_TYPE = "application/problem+json"

# A person can do nothing about more lines than this at once, and one bad list must not make a huge answer.
MAX_FIELD_ERRORS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one field, named as the caller wrote it (`items[0].quantity`)."""

    field: str
    message: str
    cure: str | None = None

    def document(self) -> dict[str, str]:
        """Return the JSON shape: `{"field", "message"}` and `cure` where there is one."""
        shown = {"field": self.field, "message": self.message}
        return shown if self.cure is None else {**shown, "cure": self.cure}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that stops a request. `code` is stable; the texts say what is so, and what to do about it."""

    status: int
    code: str
    title: str
    detail: str
    cure: str
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the JSON shape of the problem; `errors` only where single fields are at fault."""
        shown: dict[str, Any] = {
            "type": f"urn:orderwire:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "cure": self.cure,
            "request_id": request_id,
        }
        if self.errors:
            shown["errors"] = [error.document() for error in self.errors[:MAX_FIELD_ERRORS]]
        return shown

    def text(self, request_id: str) -> str:
        """Return the problem as JSON text."""
        return json.dumps(self.document(request_id), ensure_ascii=False, separators=(",", ":"))


class ProblemError(Exception):
    """Ends a request with one problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def problem_response(problem: Problem, request_id: str) -> Response:
    """Return the problem as an answer."""
    return Response(
        problem.text(request_id),
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type=PROBLEM_MEDIA_TYPE,
    )


def invalid_request(*errors: FieldError, code: str = "invalid_request") -> Problem:
    """Return the problem of a request whose fields do not say what they must."""
    named = ", ".join(dict.fromkeys(error.field for error in errors[:MAX_FIELD_ERRORS]))
    first = errors[0]
    return Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        code=code,
        title="The request does not say what it must",
        detail=f"{first.field}: {first.message}" if len(errors) == 1 else f"These fields are wrong: {named}.",
        cure=first.cure if len(errors) == 1 and first.cure else "Correct the fields listed in errors.",
        errors=errors,
    )


def bad_cursor() -> Problem:
    """Return the problem of a cursor that no page of ours gave."""
    return invalid_request(
        FieldError(
            field="cursor",
            message="is not one that this list gave",
            cure="Send next_cursor of the page before, unchanged, with the same filters; or leave it out.",
        )
    )


def order_unknown(order_id: str, *, cure: str) -> Problem:
    """Return the problem of an order that is not known here."""
    return Problem(
        status=HTTPStatus.NOT_FOUND,
        code="order_unknown",
        title="No such order",
        detail=f"Order {order_id} is not known.",
        cure=cure,
    )


def store_unavailable() -> Problem:
    """Return the problem of Redis being away, read-only or full: nothing was promised, so try again."""
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="store_unavailable",
        title="The store cannot be reached",
        detail="Redis cannot be reached, or cannot write; nothing of this request is promised.",
        cure="Send the same request again, with the same Idempotency-Key, after Retry-After seconds; "
        "GET /readyz names what is wrong.",
        headers={"Retry-After": "1"},
    )


def platform_away(order_id: str, detail: str, retry_after_s: float) -> Problem:
    """Return the problem of a platform that could not be read, so that nothing could be decided."""
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="platform_away",
        title="The platform cannot be read now",
        detail=f"Order {order_id} is not known here and could not be read from the platform: {detail}",
        cure="Send the same request again after Retry-After seconds.",
        headers={"Retry-After": whole_seconds(retry_after_s)},
    )


def unexpected() -> Problem:
    """Return the problem of a fault of ours; what happened is in the log under the request id."""
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        title="Orderwire failed",
        detail="Something in Orderwire failed that should not; the log names it under this request_id.",
        cure="Send the same request again with the same Idempotency-Key; if it fails again, "
        "give the request_id to whoever runs Orderwire.",
    )


def whole_seconds(seconds: float) -> str:
    """Return seconds as `Retry-After` takes them: whole, rounded up, at least 1."""
    return str(max(1, int(-(-seconds // 1))))
