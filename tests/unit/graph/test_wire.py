from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.entries import Entry, EntryEvent, EntryHint
from app.graph.wire import MAX_CHANGES, MAX_ENTRIES, Delivery, Unreadable, read_delivery

WIRES = Path(__file__).parents[2] / "wires" / "deliveries"


def _read(raw: bytes) -> Delivery:
    delivery = read_delivery(raw)
    assert isinstance(delivery, Delivery)
    return delivery


def _file(name: str) -> Entry:
    (entry,) = _read((WIRES / f"{name}.json").read_bytes()).entries
    return entry


def _entry(body: dict[str, Any]) -> Entry:
    (entry,) = _read(json.dumps(body).encode()).entries
    return entry


def _with(**parts: Any) -> dict[str, Any]:
    changes = [{"field": "orders", "value": {"order_id": "41"}}]
    return {"object": "commerce_account", "entry": [{"id": "9", "time": 1, "changes": changes} | parts]}


def test_a_plain_delivery_names_its_order_and_its_account() -> None:
    entry = _file("signed_escaped")
    assert entry.hints == (
        EntryHint(
            order_id="64000000000000001",
            account_id="900000000000017",
        ),
    )
    assert entry.identity == "commerce_account:900000000000017"
    assert entry.unknown is None


def test_three_ways_of_escaping_one_document_are_one_entry() -> None:
    names = ["signed_escaped", "signed_utf8", "signed_older_escapes"]
    assert len({_file(name).digest for name in names}) == 1


def test_ids_beyond_two_to_the_53_are_exact_as_numbers_and_as_text() -> None:
    entry = _file("best_practice_sample")
    assert entry.identity == ":9007199254740993123"
    assert entry.hints[0].order_id == "64000000000000001"
    assert entry.unknown == "unknown_object"


def test_an_entry_id_is_the_same_as_number_and_as_text() -> None:
    assert _entry(_with(id=9007199254740993)) == _entry(_with(id="9007199254740993"))


def test_changed_fields_hint_at_the_account_and_are_kept() -> None:
    entry = _file("changed_fields")
    assert [(hint.order_id, hint.account_id) for hint in entry.hints] == [(None, "900000000000017")]
    assert entry.unknown == "unknown_shape"


def test_every_change_is_read_and_each_order_is_hinted_once() -> None:
    entry = _file("two_orders_one_account")
    assert [(hint.order_id, hint.account_id) for hint in entry.hints] == [
        ("64000000000000001", "900000000000018"),
        ("64000000000000002", "900000000000017"),
        (None, "900000000000017"),
    ]
    assert entry.unknown is None


def test_the_zero_of_the_test_button_names_neither_order_nor_account() -> None:
    entry = _file("test_button")
    assert [(hint.order_id, hint.account_id) for hint in entry.hints] == [(None, None)]
    assert entry.identity == "commerce_account:0"


def test_the_entry_id_is_an_order_only_where_the_object_says_so() -> None:
    entry = _file("order_object")
    assert [(hint.order_id, hint.account_id) for hint in entry.hints] == [("64000000000000003", None)]
    account = _entry(_with(changes=[{"field": "orders", "value": {}}]))
    assert [(hint.order_id, hint.account_id) for hint in account.hints] == [(None, "9")]


@pytest.mark.parametrize(
    ("value", "order_id"),
    [
        ({"order_id": "41"}, "41"),
        ({"order_id": 41}, "41"),
        ({"orderId": "41"}, "41"),
        ({"commerce_order_id": "41"}, "41"),
        ({"order": {"id": 41}}, "41"),
        ({"order": "41"}, "41"),
        ({"order_id": None, "orderId": "41"}, "41"),
        ({"order_id": "../me"}, None),
        ({"order_id": "4 1"}, None),
        ({"order_id": "41\n"}, None),
        ({"order_id": True}, None),
        ({"order_id": 4.1}, None),
        ({"order_id": ["41"]}, None),
        ({"order_id": "4" * 65}, None),
        ([{"order_id": "41"}], None),
        (None, None),
    ],
)
def test_an_order_is_found_under_each_known_name_and_never_invented(value: Any, order_id: str | None) -> None:
    entry = _entry(_with(changes=[{"field": "orders", "value": value}]))
    assert [hint.order_id for hint in entry.hints] == [order_id]


@pytest.mark.parametrize(
    ("word", "event"),
    [("ORDER_ACKNOWLEDGED", EntryEvent.ACKNOWLEDGED), ("ORDER_CANCELLED", None), (["x"], None), (None, None)],
)
def test_an_event_that_matters_is_recognized_and_any_other_word_is_none(
    word: Any, event: EntryEvent | None
) -> None:
    entry = _entry(_with(changes=[{"field": "orders", "value": {"order_id": "41", "event": word}}]))
    assert [hint.event for hint in entry.hints] == [event]


@pytest.mark.parametrize(
    ("body", "unknown"),
    [
        (_with(), None),
        (_with() | {"object": "user"}, "unknown_object"),
        (_with() | {"object": None}, "unknown_object"),
        (_with() | {"object": ["page"]}, "unknown_object"),
        (_with(changes=[{"field": "feed", "value": {}}]), "unknown_field"),
        (_with(changes=[{"field": ["orders"], "value": {}}]), "unknown_field"),
        (_with(changes=[{"value": {"order_id": "41"}}]), "unknown_field"),
        (_with(changes=[{"field": "orders", "value": "41"}]), "unknown_shape"),
        (_with(changes=["orders"]), "unknown_shape"),
        (_with(changes=[]), "unknown_shape"),
        (_with(changes={"field": "orders"}), "unknown_shape"),
        (_with(time=None), "unknown_shape"),
        (_with(time="1790000000"), "unknown_shape"),
    ],
)
def test_what_is_not_known_is_an_entry_all_the_same_and_named(
    body: dict[str, Any], unknown: str | None
) -> None:
    entry = _entry(body)
    assert entry.unknown == unknown
    assert entry.hints


@pytest.mark.parametrize(
    ("name", "unknown"), [("messaging", "unknown_shape"), ("page_feed", "unknown_field")]
)
def test_other_products_of_the_page_are_kept_not_refused(name: str, unknown: str) -> None:
    entry = _file(name)
    assert entry.unknown == unknown
    assert entry.hints[0].account_id == "770000000000123"


@pytest.mark.parametrize("raw", ["null", "7", '"text"', "[1]"])
def test_an_entry_that_is_no_object_is_kept_with_a_hint_at_nothing(raw: str) -> None:
    (entry,) = _read(f'{{"object":"page","entry":[{raw}]}}'.encode()).entries
    assert entry.unknown == "unknown_shape"
    assert entry.identity == "page:"
    assert entry.hints == (EntryHint(order_id=None, account_id=None),)
    assert entry.content == raw


def test_digest_ignores_key_order_and_blanks() -> None:
    one = b'{"object":"page","entry":[{"id":"1","time":5,"changes":[{"field":"orders","value":{"a":1}}]}]}'
    two = b'{"entry":[{"changes":[{"value":{ "a":1},"field":"orders"}],"time":5,"id":1}],"object":"page"}'
    assert _read(one).entries[0].digest == _read(two).entries[0].digest


@pytest.mark.parametrize(
    "other",
    [
        _with(time=2),
        _with(id="10"),
        _with(changes=[{"field": "orders", "value": {"order_id": "42"}}]),
        _with(changed_fields=["orders"]),
        _with(uid="9"),
        _with() | {"object": "page"},
    ],
)
def test_other_content_is_another_digest(other: dict[str, Any]) -> None:
    assert _entry(other).digest != _entry(_with()).digest


def test_numbers_that_a_float_would_merge_stay_apart() -> None:
    one = _entry(_with(changes=[{"field": "orders", "value": {"n": 9007199254740992}}]))
    two = _entry(_with(changes=[{"field": "orders", "value": {"n": 9007199254740993}}]))
    assert one.digest != two.digest
    kept = read_delivery(b'{"object":"page","entry":[{"x":0.1000000000000000055}]}')
    assert isinstance(kept, Delivery)
    assert kept.entries[0].content == '{"x":"0.1000000000000000055"}'


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b'{"object":"page"', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"entry":[{"time":NaN}]}', "NaN"),
        (b'{"entry":[],"entry":[]}', "twice"),
        (b'{"entry":[{"id":1,"id":2}]}', "twice"),
        (b"[]", "not a JSON object"),
        (b'"entry"', "not a JSON object"),
        (b"{}", "no list of entries"),
        (b'{"object":"page","entry":{}}', "no list of entries"),
        (b'{"entry":[' + b"9" * 5000 + b"]}", "not sound JSON"),
        (b'{"entry":' + b"[" * 100_000, "too deeply"),
    ],
)
def test_signed_bytes_that_are_no_delivery_say_why(raw: bytes, reason: str) -> None:
    unreadable = read_delivery(raw)
    assert isinstance(unreadable, Unreadable)
    assert reason in unreadable.reason


def test_a_byte_order_mark_and_lone_surrogates_do_no_harm() -> None:
    raw = b'\xef\xbb\xbf{"object":"page","entry":[{"id":"\\ud800","note":"\\ud800"}]}'
    (entry,) = _read(raw).entries
    assert entry.identity == "page:"
    assert entry.content.isascii()


def test_a_delivery_larger_than_documented_is_read_up_to_the_limit() -> None:
    def raw(count: int) -> bytes:
        return b'{"object":"page","entry":[' + b",".join([b"{}"] * count) + b"]}"

    assert len(_read(raw(MAX_ENTRIES)).entries) == MAX_ENTRIES
    assert isinstance(read_delivery(raw(MAX_ENTRIES + 1)), Unreadable)


def test_an_entry_with_too_many_changes_becomes_a_hint_at_its_account() -> None:
    change = {"field": "orders", "value": {"order_id": "41"}}
    entry = _entry(_with(changes=[change] * (MAX_CHANGES + 1)))
    assert [(hint.order_id, hint.account_id) for hint in entry.hints] == [(None, "9")]
    assert entry.unknown == "unknown_shape"
