"""The grammar of `fields`."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.errors import RefusedError
from sandbox.graph.fields import Selected, parse_fields, write_fields


def test_nothing_means_the_defaults() -> None:
    nothings: tuple[Any, ...] = (None, "", "  ", '""', [])
    for nothing in nothings:
        assert parse_fields(nothing) is None


def test_names_nesting_limits_spaces_and_quotes_are_read() -> None:
    read = parse_fields(' "id, items.limit(10).after(QV){ id , price{amount} },channel" ')
    assert read == (
        Selected(name="id"),
        Selected(
            name="items",
            limit=10,
            after="QV",
            inner=(Selected(name="id"), Selected(name="price", inner=(Selected(name="amount"),))),
        ),
        Selected(name="channel"),
    )


def test_a_list_of_names_is_read_like_comma_text() -> None:
    assert parse_fields(["id", "items{id}"]) == parse_fields("id,items{id}")


def test_a_name_given_twice_counts_once() -> None:
    assert parse_fields("id,id") == (Selected(name="id"),)


def test_fields_are_written_as_they_are_read() -> None:
    text = "id,items.limit(3){id,price{amount}},channel"
    read = parse_fields(text)
    assert read is not None
    assert write_fields(read) == text


@pytest.mark.parametrize(
    "broken",
    [
        *("id,", ",id", "id id", "items{", "items{}", "items{id", "id}", "{id}", "i-d", "ä"),
        *("items.limit(x)", "items.limit(9999999)", ".limit(3)"),
        "a{" * 7 + "b" + "}" * 7,
        ",".join(f"f{n}" for n in range(501)),
    ],
)
def test_what_breaks_the_grammar_is_code_2500(broken: Any) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_fields(broken)
    assert refused.value.refusal.code == 2500
