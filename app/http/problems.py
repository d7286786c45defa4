"""Problem details (RFC 9457): every refusal and failure, from one table.

ProblemError    carries one Problem to the edge, where it becomes the response
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from starlette.responses import Response

PROBLEM_MEDIA_TYPE = "application/problem+json"

# Nobody can act on more lines than this at once, and one bad list must not make a huge response.
MAX_FIELD_ERRORS = 20


class Row(NamedTuple):
    """What never changes about a problem; `retry_after_s` becomes the Retry-After header."""

    status: int
    title: str
    hint: str
    retry_after_s: float | None = None


PROBLEMS: dict[str, Row] = {
    "api_key_invalid": Row(
        401,
        "No valid API key",
        "Send Authorization: Bearer <key>; `orderwire keys create` creates a key.",
    ),
    "api_key_missing": Row(
        401,
        "No valid API key",
        "Send Authorization: Bearer <key>; `orderwire keys create` creates a key.",
    ),
    "archive_unavailable": Row(
        503,
        "The archive cannot be read",
        "The log of Orderwire names the file and what to do; then send the request again.",
        60,
    ),
    "body_too_long": Row(413, "The body is too long", "Send less in one request."),
    "body_too_slow": Row(408, "The body did not arrive in time", "Send the delivery again."),
    "command_not_dead": Row(
        409,
        "The command is not a dead letter",
        "GET /v1/commands?status=dead lists the commands that wait for a person.",
    ),
    "command_unknown": Row(
        404,
        "No such command",
        "GET /v1/commands?order_id=… lists the commands of an order, also of an archived one.",
    ),
    "idempotency_key_invalid": Row(400, "The Idempotency-Key cannot be used", "Send a UUID, for example."),
    "idempotency_key_required": Row(
        400,
        "An Idempotency-Key is needed",
        "Send the header Idempotency-Key: a new value for each change, the same value on each retry.",
    ),
    "idempotency_key_reused": Row(
        422,
        "The Idempotency-Key was used for another request",
        "Use a new key for a new request; repeat an old request with its first body.",
    ),
    "internal_error": Row(
        500,
        "Orderwire failed",
        "Send the same request again with the same Idempotency-Key; if it fails again, give the request_id "
        "to whoever runs Orderwire.",
    ),
    "invalid_request": Row(422, "The request is not valid", "Correct the fields listed in errors."),
    "lane_full": Row(
        409,
        "Too many changes of the order are waiting",
        "Wait until open commands have ended: GET /v1/commands?order_id=… lists them.",
    ),
    "method_not_allowed": Row(405, "The route does not accept this method", "Use one of: see /openapi.json."),
    "not_found": Row(404, "No such route", "GET /openapi.json lists every route."),
    "not_json": Row(415, "The body is not JSON", "Send Content-Type: application/json."),
    "not_tried": Row(
        503,
        "The batch had no time left for this order",
        "Send this order again, in a smaller batch and under a new Idempotency-Key.",
    ),
    "not_verified": Row(
        403,
        "The endpoint check is refused",
        "Enter ORDERWIRE_VERIFY_TOKEN as the verify token of the subscription.",
    ),
    "order_busy": Row(
        503,
        "The order is being written by other requests",
        "Send the same request again after Retry-After seconds.",
        1,
    ),
    "order_unknown": Row(
        404,
        "No such order",
        "Check the id, or let POST /v1/orders/{order_id}/sync read it from the platform.",
    ),
    "platform_away": Row(
        503,
        "The platform cannot be read now",
        "Send the same request again after Retry-After seconds.",
    ),
    "record_unreadable": Row(
        503,
        "A stored record has another schema version",
        "Run the Orderwire version that wrote the store, or start with an empty store.",
        60,
    ),
    "refused": Row(400, "The request is refused", "GET /openapi.json describes what each route accepts."),
    "request_in_flight": Row(
        409,
        "The same request is being processed",
        "Send it again, unchanged, after Retry-After seconds.",
    ),
    "scope_missing": Row(403, "The API key may not do this", "Use a key with the scope."),
    "signature_rejected": Row(
        401,
        "The delivery is not signed correctly",
        "Sign the exact bytes of the body with HMAC-SHA256 and one of ORDERWIRE_APP_SECRETS, as sha256= and "
        "64 hex digits.",
    ),
    "store_unavailable": Row(
        503,
        "The store cannot be reached",
        "Send the same request again, with the same Idempotency-Key, after Retry-After seconds; GET /readyz "
        "names what is wrong.",
        1,
    ),
    "unknown_carrier": Row(422, "The request is not valid", "Correct the fields listed in errors."),
    "unreadable_body": Row(400, "The body cannot be read", "Send one JSON object, in UTF-8."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one field, named as the caller wrote it (`items[0].quantity`)."""

    field: str
    message: str
    hint: str | None = None

    def document(self) -> dict[str, str]:
        """Return the JSON shape: `{"field", "message"}`, and `hint` where there is one."""
        shown = {"field": self.field, "message": self.message}
        return shown if self.hint is None else {**shown, "hint": self.hint}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason why a request was not done. `code` is stable; the texts say what happened and what to do."""

    status: int
    code: str
    title: str
    detail: str
    hint: str
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
            "hint": self.hint,
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


def problem(
    code: str,
    detail: str,
    *,
    hint: str | None = None,
    retry_after_s: float | None = None,
    headers: Mapping[str, str] | None = None,
    errors: tuple[FieldError, ...] = (),
) -> Problem:
    """Return the problem of that code in the table; `hint` and `retry_after_s` replace the table's."""
    row = PROBLEMS[code]
    wait_s = row.retry_after_s if retry_after_s is None else retry_after_s
    retry = {} if wait_s is None else {"Retry-After": whole_seconds(wait_s)}
    return Problem(
        status=row.status,
        code=code,
        title=row.title,
        detail=detail,
        hint=hint or row.hint,
        errors=errors,
        headers={**retry, **(headers or {})},
    )


def invalid_request(*errors: FieldError, code: str = "invalid_request") -> Problem:
    """Return the problem of a request with these invalid fields."""
    named = ", ".join(dict.fromkeys(error.field for error in errors[:MAX_FIELD_ERRORS]))
    first = errors[0]
    detail = f"{first.field}: {first.message}" if len(errors) == 1 else f"These fields are wrong: {named}."
    return problem(code, detail, hint=first.hint if len(errors) == 1 else None, errors=errors)


def problem_response(problem: Problem, request_id: str) -> Response:
    """Return the problem as a response."""
    return Response(
        problem.text(request_id),
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type=PROBLEM_MEDIA_TYPE,
    )


def whole_seconds(seconds: float) -> str:
    """Return seconds as `Retry-After` takes them: whole, rounded up, at least 1."""
    return str(max(1, int(-(-seconds // 1))))
