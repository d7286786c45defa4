from __future__ import annotations

import json

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.http.failures import problem_of, problem_of_http, problem_of_validation, unexpected
from app.http.problems import (
    MAX_FIELD_ERRORS,
    FieldError,
    invalid_request,
    problem_response,
    whole_seconds,
)
from app.http.requests.changes import RefundRequest, ShipmentRequest
from app.http.responses.problems import ProblemResponse
from app.http.submission import platform_away
from app.store.failures import InboxFull, StoreUnavailable


def request(content_type: str | None = "application/json") -> Request:
    headers = [(b"content-type", content_type.encode())] if content_type else []
    return Request({"type": "http", "method": "POST", "path": "/v1/x", "headers": headers})


def validation_error(body: object) -> RequestValidationError:
    with pytest.raises(ValidationError) as caught:
        ShipmentRequest.model_validate(body)
    errors = [{**error, "loc": ("body", *error["loc"])} for error in caught.value.errors()]
    return RequestValidationError(errors)


def test_a_problem_is_the_documented_shape() -> None:
    answer = problem_response(unexpected(), "req-1")
    assert answer.headers["content-type"] == "application/problem+json"
    shown = json.loads(bytes(answer.body))
    assert ProblemResponse.model_validate(shown).request_id == "req-1"
    assert shown["type"] == "urn:orderwire:problem:internal_error"
    assert "errors" not in shown


def test_a_misspelled_field_is_named_where_it_stands() -> None:
    body = {
        "items": [{"item_id": "1", "qty": 1}],
        "tracking": {"carrier": "UPS", "tracking_number": "1"},
        "itmes": 1,
    }
    problem = problem_of_validation(request(), validation_error(body))
    assert problem.status == 422
    assert problem.code == "invalid_request"
    assert {error.field for error in problem.errors} == {"items[0].quantity", "items[0].qty", "itmes"}
    assert all(error.hint for error in problem.errors)


def test_an_unknown_carrier_has_its_own_code_and_names_the_nearest() -> None:
    body = {"ship_all_remaining": True, "tracking": {"carrier": "Fed Ex", "tracking_number": "1"}}
    problem = problem_of_validation(request(), validation_error(body))
    assert problem.code == "unknown_carrier"
    assert "FEDEX" in problem.hint
    assert problem.errors[0].field == "tracking.carrier"


def test_an_unknown_carrier_among_other_mistakes_is_one_of_several() -> None:
    body = {"tracking": {"carrier": "Fed Ex"}}
    assert problem_of_validation(request(), validation_error(body)).code == "invalid_request"


def test_a_problem_never_echoes_the_values_of_other_fields() -> None:
    body = {"reason_code": "WRONG_ITEM", "full": True, "reason_text": "Jane Doe, 1 Main St", "note": "secret"}
    with pytest.raises(ValidationError) as caught:
        RefundRequest.model_validate(body)
    problem = problem_of_validation(request(), RequestValidationError(caught.value.errors()))
    assert "Jane" not in problem.text("r")
    assert "secret" not in problem.text("r")


def test_a_body_of_another_media_type_is_415() -> None:
    error = RequestValidationError([{"type": "model_attributes_type", "loc": ("body",), "msg": "x"}])
    assert problem_of_validation(request("text/plain"), error).status == 415
    assert problem_of_validation(request("application/json"), error).status == 422


def test_unreadable_json_is_400() -> None:
    error = RequestValidationError([{"type": "json_invalid", "loc": ("body", 3), "msg": "x"}])
    problem = problem_of_validation(request(), error)
    assert (problem.status, problem.code) == (400, "unreadable_body")


@pytest.mark.parametrize("error", [StoreUnavailable("away"), InboxFull("full")])
def test_a_store_that_is_away_or_full_is_503_with_retry_after(error: Exception) -> None:
    problem = problem_of(error)
    assert problem is not None
    assert (problem.status, problem.headers["Retry-After"]) == (503, "1")


def test_a_fault_of_ours_is_no_known_problem() -> None:
    assert problem_of(KeyError("internal detail")) is None
    assert "internal detail" not in unexpected().text("r")


def test_a_wrong_method_names_the_right_ones() -> None:
    problem = problem_of_http(HTTPException(405, headers={"Allow": "GET, POST"}))
    assert "GET, POST" in problem.hint
    assert problem.headers["Allow"] == "GET, POST"


def test_a_thousand_mistakes_are_told_in_one_short_answer() -> None:
    problem = invalid_request(*(FieldError(field=f"f{n}", message="m") for n in range(1000)))
    assert len(problem.document("r")["errors"]) == MAX_FIELD_ERRORS
    assert len(problem.text("r")) < 5000


@pytest.mark.parametrize(("seconds", "text"), [(0, "1"), (0.2, "1"), (1, "1"), (1.01, "2"), (59.5, "60")])
def test_retry_after_is_whole_seconds_and_never_none(seconds: float, text: str) -> None:
    assert whole_seconds(seconds) == text
    assert platform_away("1", "x", seconds).headers["Retry-After"] == text
