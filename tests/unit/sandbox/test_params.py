"""Reading parameters and coercing them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sandbox.errors import RefusedError
from sandbox.graph import coerce
from sandbox.graph.params import read_params
from sandbox.idempotency import fingerprint

FORM = "application/x-www-form-urlencoded"


def form(text: str) -> dict[str, Any]:
    return read_params(query=b"", content_type=FORM, body=text.encode())


def test_brackets_nest_as_php_does() -> None:
    assert form("a[b][c]=1&a[d]=2&l[]=x&l[]=y&m[0][n]=1&m[1][n]=2&s[1]=x") == {
        "a": {"b": {"c": "1"}, "d": "2"},
        "l": ["x", "y"],
        "m": [{"n": "1"}, {"n": "2"}],
        "s": {"1": "x"},
    }


def test_brackets_that_nest_nothing_are_names() -> None:
    assert form("[a]=1&a[=2&b]=3") == {"[a]": "1", "a[": "2", "b]": "3"}


def test_json_text_is_read_and_other_text_stays() -> None:
    assert form('a={"b":[1,2.50]}&c="x"&d=[broken&e={&f=12') == {
        "a": {"b": [1, Decimal("2.50")]},
        "c": "x",
        "d": "[broken",
        "e": "{",
        "f": "12",
    }


def test_the_body_wins_over_the_query() -> None:
    assert read_params(query=b"a=1&b=2", content_type=FORM, body=b"a=3") == {"a": "3", "b": "2"}


def test_json_without_a_content_type_is_read_as_json() -> None:
    assert read_params(query=b"", content_type="", body=b' {"a": "[1]"}') == {"a": [1]}


def test_numbers_that_are_none_are_no_json() -> None:
    with pytest.raises(RefusedError):
        read_params(query=b"", content_type="application/json", body=b'{"a": NaN}')
    assert form("a=[NaN]") == {"a": "[NaN]"}


def test_one_request_has_one_fingerprint_in_every_encoding() -> None:
    told = fingerprint("POST", "/1/shipments", form('items=[{"quantity":1}]&flag=true&idempotency_key=a'))
    body = b'{"flag":true,"items":[{"quantity":"1"}],"idempotency_key":"b"}'
    again = read_params(query=b"", content_type="application/json", body=body)
    assert fingerprint("POST", "/1/shipments", again) == told
    assert fingerprint("POST", "/2/shipments", again) != told
    assert fingerprint("POST", "/1/shipments", {**again, "flag": False}) != told


@pytest.mark.parametrize(("value", "number"), [(3, 3), ("3", 3), (" 3 ", 3), (Decimal("3.0"), 3), ("-2", -2)])
def test_whole_numbers_are_coerced(value: Any, number: int) -> None:
    assert coerce.integer(value, "n") == number


@pytest.mark.parametrize(
    "value", [None, True, "3.5", Decimal("2.5"), "x", "", [], Decimal("1e999999999"), "9" * 19]
)
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(RefusedError):
        coerce.integer(value, "n")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (True, True),
        ("true", True),
        (1, True),
        ("1", True),
        (False, False),
        ("false", False),
        ("0", False),
        ("", False),
    ],
)
def test_booleans_are_coerced(value: Any, told: bool) -> None:
    assert coerce.boolean({"b": value}, "b") is told


def test_a_boolean_that_is_none_is_refused_and_a_missing_one_is_the_default() -> None:
    with pytest.raises(RefusedError):
        coerce.boolean({"b": "perhaps"}, "b")
    assert coerce.boolean({}, "b", default=True) is True


@pytest.mark.parametrize("amount", ["5.50", Decimal("5.50"), " 5.5 "])
def test_amounts_are_read_exactly(amount: Any) -> None:
    assert coerce.amount({"amount": amount, "currency": "usd"}, "a", currency="USD") == Decimal("5.5")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "5.50",
        {},
        {"amount": "x"},
        {"amount": "NaN"},
        {"amount": "1e9"},
        {"amount": 1, "currency": "EUR"},
    ],
)
def test_what_is_no_amount_of_the_order_is_refused(value: Any) -> None:
    with pytest.raises(RefusedError):
        coerce.amount(value, "a", currency="USD")


def test_words_come_as_comma_text_list_or_quoted_text() -> None:
    for value in ("a, b", ["a", "b"], '["a","b"]', '"a,b"', "A,B,"):
        assert coerce.words({"w": value}, "w") == ["A", "B"]
    assert coerce.words({}, "w") == []
