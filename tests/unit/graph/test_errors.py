from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.domain.commands import CommandKind
from app.domain.outcomes import Accepted, Busy, Outcome, Refused, ThrottleCause, Throttled, Unknown
from app.graph.errors import (
    COMMERCE_CODES,
    GENERAL_CODES,
    MAX_MESSAGE,
    TABLE,
    Treatment,
    outcome_of,
    outcome_of_entry,
)

WIRES = Path(__file__).parents[2] / "wires" / "answers"


def _outcome(
    body: Any, *, status: int = 400, kind: CommandKind | None = CommandKind.SHIP, usage: str | None = None
) -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Business-Use-Case-Usage": usage} if usage else {}
    return outcome_of(status, headers, raw, kind=kind)


def _error(code: Any, subcode: Any = None, **more: Any) -> dict[str, Any]:
    error = {"message": "no", "type": "OAuthException", "code": code, "fbtrace_id": "T"}
    return {"error": error | ({"error_subcode": subcode} if subcode is not None else {}) | more}


def test_a_subcode_is_read_before_its_code_and_the_user_text_before_the_message() -> None:
    outcome = _outcome((WIRES / "error_subcode.json").read_bytes(), kind=CommandKind.SHIP)
    assert outcome == Refused(
        code=2382045, message="This order already has a shipment with that tracking number."
    )


def test_a_commerce_code_in_the_place_of_the_general_code_is_read_too() -> None:
    assert _outcome(_error(2361081)) == Busy(code=2361081, message="no")
    assert _outcome(_error("2361081")) == Busy(code=2361081, message="no")


def test_a_fatal_with_a_known_subcode_is_a_known_refusal() -> None:
    outcome = _outcome((WIRES / "error_other_app.json").read_bytes())
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.known) == (2361126, True)


@pytest.mark.parametrize("row", COMMERCE_CODES, ids=lambda row: str(row.code))
def test_each_commerce_code_is_treated_as_its_row_says(row: Any) -> None:
    expected: type[Busy | Refused] = Busy if row.treatment is Treatment.BUSY else Refused
    for body in (_error(100, row.code), _error(-1, row.code), _error(100, row.code, is_transient=True)):
        for status in (200, 400, 500):
            outcome = _outcome(body, status=status)
            assert isinstance(outcome, expected)
            assert outcome.code == row.code


def test_the_table_has_each_code_once_each_with_its_meaning_and_source() -> None:
    codes = [row.code for row in (*COMMERCE_CODES, *GENERAL_CODES)]
    assert len(codes) == len(set(codes))
    assert all(row.meaning and row.source for row in TABLE)


@pytest.mark.parametrize("code", [2361081, 2361050, 2361076])
def test_s13_s16_a_busy_order_and_a_pending_payment_are_busy(code: int) -> None:
    assert isinstance(_outcome(_error(100, code), kind=CommandKind.REFUND), Busy)


@pytest.mark.parametrize(
    ("code", "kind", "done"),
    [
        (1818048, CommandKind.CANCEL, True),
        (1818049, CommandKind.CANCEL, True),
        (1818048, CommandKind.SHIP, False),
        (2382045, CommandKind.UPDATE_TRACKING, True),
        (2382045, CommandKind.SHIP, False),
        (2382319, CommandKind.REFUND, False),
        (2382323, CommandKind.REFUND, False),
        (2361009, CommandKind.ACKNOWLEDGE, False),
        (1818050, CommandKind.CANCEL, False),
    ],
)
def test_a_code_means_already_done_only_for_the_command_it_proves(
    code: int, kind: CommandKind, done: bool
) -> None:
    outcome = _outcome(_error(100, code), kind=kind)
    assert isinstance(outcome, Refused)
    assert outcome.already_done is done


@pytest.mark.parametrize(
    ("code", "flag"),
    [
        (2382319, "already_refunded"),
        (2382323, "already_refunded"),
        (2361009, "not_created"),
        (1818214, None),
        (2361076, "payment_pending"),
        (2361081, None),
    ],
)
def test_what_a_code_says_besides_its_treatment_is_a_flag_of_the_outcome(code: int, flag: str | None) -> None:
    outcome = _outcome(_error(100, code))
    flags = {"already_refunded", "not_created", "payment_pending"}
    assert {name for name in flags if getattr(outcome, name, False)} == {flag} - {None}


@pytest.mark.parametrize("code", [4, 17, 32, 341, 368, 613, 80000, 80001, 80014])
def test_a_limit_holds_for_as_long_as_the_usage_header_says(code: int) -> None:
    usage = json.dumps({"1": [{"type": "pages", "call_count": 101, "estimated_time_to_regain_access": 7}]})
    outcome = _outcome(_error(code, 2446079, is_transient=True), usage=usage)
    assert outcome == Throttled(cause=ThrottleCause.USAGE, code=code, message="no", wait_s=420.0)
    assert _outcome(_error(code)) == Throttled(
        cause=ThrottleCause.USAGE, code=code, message="no", wait_s=None
    )


@pytest.mark.parametrize(("code", "subcode"), [(10, None), (102, None), (190, 463), (200, None), (299, 1)])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
def test_s19_a_dead_token_holds_the_shop_and_burns_nothing(
    code: int, subcode: int | None, status: int
) -> None:
    outcome = _outcome(_error(code, subcode), status=status)
    assert outcome == Throttled(cause=ThrottleCause.TOKEN, code=code, message="no")


@pytest.mark.parametrize(
    "body",
    [
        _error(1),
        _error(2),
        _error(1, 99),
        _error(100, is_transient=True),
        _error(987654, is_transient=True),
        _error(100, 4242, is_transient="true"),
    ],
)
def test_an_error_that_does_not_say_whether_it_was_done_is_unknown(body: dict[str, Any]) -> None:
    assert isinstance(_outcome(body), Unknown)


@pytest.mark.parametrize("body", [_error(100), _error(987654), _error(-1), {"error": {}}])
def test_a_server_error_is_unknown_unless_its_code_proves_otherwise(body: dict[str, Any]) -> None:
    assert isinstance(_outcome(body, status=503), Unknown)
    assert isinstance(_outcome(body, status=400), Refused)


@pytest.mark.parametrize(
    ("code", "subcode", "named"), [(987654, None, 987654), (100, 4242, 4242), (-1, None, -1), (None, None, 0)]
)
def test_a_code_nobody_knows_is_refused_and_loud(code: Any, subcode: Any, named: int) -> None:
    assert _outcome(_error(code, subcode)) == Refused(code=named, message="no", known=False)


@pytest.mark.parametrize("code", [3, 100, 506, 803])
def test_a_known_general_refusal_is_not_loud(code: int) -> None:
    assert _outcome(_error(code)) == Refused(code=code, message="no", known=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>502 Bad Gateway</body></html>",
        b"Service Unavailable",
        b'{"success":tr',
        b"true",
        b"[]",
        b"null",
        b'{"success":NaN}',
        b'{"n":1e999999999999999999999}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"success":false}',
        b'{"success":null}',
        b'{"success":"false"}',
        b"{}",
        b'{"error":"text"}',
        b'{"error":[]}',
    ],
)
@pytest.mark.parametrize("status", [200, 502])
def test_an_answer_that_says_neither_yes_nor_no_is_unknown(body: bytes, status: int) -> None:
    assert isinstance(_outcome(body, status=status), Unknown)


@pytest.mark.parametrize("status", [301, 302, 404, 429, 500, 503])
def test_a_success_body_under_another_status_is_unknown(status: int) -> None:
    assert isinstance(_outcome({"success": True}, status=status), Unknown)


@pytest.mark.parametrize(
    "body",
    [{"success": True}, {"success": "true"}, {"id": "1", "state": "IN_PROGRESS"}, {"orders": []}],
)
def test_the_documented_answers_of_success_are_accepted(body: dict[str, Any]) -> None:
    assert _outcome(body, status=200) == Accepted(answer=body)


def test_a_read_is_accepted_whatever_it_says_and_its_decimals_are_exact() -> None:
    outcome = _outcome(b'{"price":0.10}', status=200, kind=None)
    assert isinstance(outcome, Accepted)
    assert outcome.answer["price"] == Decimal("0.10")
    assert _outcome(b"{}", status=200, kind=None) == Accepted(answer={})


def test_an_endless_message_is_cut_and_a_missing_one_is_named() -> None:
    long = _outcome(_error(100, message="x" * 9999))
    assert isinstance(long, Refused)
    assert len(long.message) == MAX_MESSAGE
    assert _outcome({"error": {"code": 100, "message": 7}}) == Refused(code=100, message="no message")


def test_s17_each_entry_of_a_batch_has_its_own_outcome() -> None:
    entries = json.loads((WIRES / "acknowledge_batch.json").read_bytes())["orders"]
    done, refused, busy, silent = (outcome_of_entry(entry) for entry in entries)
    assert done == Accepted(answer=entries[0])
    assert refused == Refused(code=2361003, message="Invalid Order ID")
    assert busy == Busy(code=2361081, message="Pending Action")
    assert isinstance(silent, Unknown)


@pytest.mark.parametrize("code", [1, 2])
def test_a_batch_entry_that_failed_inside_the_platform_is_unknown(code: int) -> None:
    assert isinstance(outcome_of_entry({"id": "1", "error": {"error_code": code}}), Unknown)


def test_a_batch_entry_with_a_code_nobody_knows_is_refused_and_loud() -> None:
    outcome = outcome_of_entry({"id": "1", "error": {"error_code": 987654, "error_message": "?"}})
    assert outcome == Refused(code=987654, message="?", known=False)
    assert isinstance(outcome_of_entry({"id": "1", "error": "text"}), Unknown)


def test_a_batch_entry_may_spell_its_error_like_any_other_answer() -> None:
    outcome = outcome_of_entry({"id": "1", "error": {"code": 2361003, "message": "bad id"}})
    assert outcome == Refused(code=2361003, message="bad id")


def test_the_subcode_of_a_batch_entry_is_read_before_its_code() -> None:
    error = {"error_code": 100, "error_subcode": 2361081, "error_message": "wait"}
    assert outcome_of_entry({"id": "1", "error": error}) == Busy(code=2361081, message="wait")


def test_500_is_a_server_error_and_300_no_success() -> None:
    assert isinstance(_outcome(_error(100), status=500), Unknown)
    assert isinstance(_outcome(_error(100), status=499), Refused)
    assert isinstance(_outcome({"success": True}, status=299), Accepted)
    assert isinstance(_outcome({"success": True}, status=300), Unknown)


@pytest.mark.parametrize(
    ("flag", "uncertain"), [(True, True), ("true", True), (1, True), (False, False), (2, False)]
)
def test_only_a_true_flag_makes_an_error_transient(flag: object, uncertain: bool) -> None:
    assert isinstance(_outcome(_error(100, is_transient=flag)), Unknown if uncertain else Refused)


@pytest.mark.parametrize("body", [{"id": "1"}, {"state": "COMPLETED"}])
def test_an_id_or_a_state_alone_says_that_a_change_was_made(body: dict[str, Any]) -> None:
    assert _outcome(body, status=200) == Accepted(answer=body)


def test_a_read_with_a_number_that_json_does_not_have_is_unknown() -> None:
    assert isinstance(_outcome(b'{"price":NaN}', status=200, kind=None), Unknown)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"<html>", 502, "HTTP 502 with a body that is no JSON object: '<html>'"),
        (b'{"a":1}', 502, "HTTP 502 without a readable error: '{\"a\":1}'"),
        (b'{"a":1}', 200, "HTTP 200 that does not say the change was made: '{\"a\":1}'"),
    ],
)
def test_an_unknown_outcome_shows_the_status_and_a_glimpse_of_the_body(
    body: bytes, status: int, says: str
) -> None:
    assert _outcome(body, status=status) == Unknown(message=says)


def test_no_more_than_60_bytes_of_a_body_are_shown() -> None:
    outcome = _outcome(b"<" + b"x" * 99, status=502)
    assert isinstance(outcome, Unknown)
    assert outcome.message.endswith(f": '<{'x' * 59}'")
