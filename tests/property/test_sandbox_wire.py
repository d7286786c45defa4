"""Whatever comes over the wire: fields and cursors survive a round trip, and only refusals escape."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import RefusedError
from sandbox.graph.fields import Selected, parse_fields, write_fields
from sandbox.graph.paging import Window, page_of, read_cursor, write_cursor
from sandbox.graph.params import read_params
from sandbox.idempotency import fingerprint

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)


def selections(depth: int) -> st.SearchStrategy[tuple[Selected, ...]]:
    inner = st.none() if depth == 0 else st.none() | selections(depth - 1)
    field = st.builds(Selected, name=NAMES, inner=inner, limit=st.none() | st.integers(0, 999_999))
    return st.lists(field, min_size=1, max_size=4, unique_by=lambda selected: selected.name).map(tuple)


@given(selections(2))
def test_written_fields_are_read_back(fields: tuple[Selected, ...]) -> None:
    assert parse_fields(write_fields(fields)) == fields


@given(st.text(max_size=60))
def test_any_text_as_fields_is_read_or_refused(text: str) -> None:
    try:
        read = parse_fields(text)
    except RefusedError as error:
        assert error.refusal.code == 2500  # noqa: PT017 - either outcome is right, no other is
    else:
        assert read is None or all(selected.name for selected in read)


@given(st.text(max_size=20), st.integers(0, 2**60))
def test_a_cursor_leads_back_to_its_place_in_its_list_only(list_id: str, place: int) -> None:
    cursor = write_cursor(list_id, place)
    assert read_cursor(list_id, cursor) == place
    with pytest.raises(RefusedError):
        read_cursor(list_id + "x", cursor)


@given(st.integers(0, 60), st.integers(1, 20))
def test_pages_cover_a_list_once_in_both_directions(many: int, limit: int) -> None:
    entries = list(range(many))
    forwards: list[Any] = []
    page = page_of(entries, Window(limit=limit))
    forwards += page.entries
    while page.more_after:
        page = page_of(entries, Window(limit=limit, after=page.last))
        forwards += page.entries
    assert forwards == entries
    backwards = list(page.entries)
    while page.more_before:
        page = page_of(entries, Window(limit=limit, before=page.first))
        backwards = [*page.entries, *backwards]
    assert backwards == entries


JSON = st.recursive(
    st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(max_size=8).filter(lambda text: text[:1] not in {"{", "[", '"'}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, JSON, max_size=4))
def test_a_request_has_one_fingerprint_as_form_and_as_json(params: dict[str, Any]) -> None:
    as_json = read_params(query=b"", content_type="application/json", body=json.dumps(params).encode())
    text = {
        name: json.dumps(value) if isinstance(value, dict | list | bool) else value
        for name, value in params.items()
    }
    as_form = read_params(
        query=b"", content_type="application/x-www-form-urlencoded", body=urlencode(text).encode()
    )
    assert fingerprint("POST", "/1/x", as_form) == fingerprint("POST", "/1/x", as_json)


@given(
    st.binary(max_size=80),
    st.binary(max_size=80),
    st.sampled_from(
        ["", "application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]
    ),
)
def test_any_bytes_are_read_or_refused_with_code_100(query: bytes, body: bytes, kind: str) -> None:
    try:
        params = read_params(query=query, content_type=kind, body=body)
    except RefusedError as error:
        assert error.refusal.code == 100  # noqa: PT017 - either outcome is right, no other is
    else:
        assert all(isinstance(name, str) for name in params)
