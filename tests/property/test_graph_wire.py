"""Whatever bytes come, a delivery is read or quarantined; what is one event is one digest, and only that."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from app.domain.entries import Entry
from app.graph.signature import SignatureVerdict, sign, verify
from app.graph.wire import Delivery, Unreadable, read_delivery

SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
IDS = st.integers(0, 2**70) | st.from_regex(r"[0-9]{1,20}", fullmatch=True)
KEYS = st.sampled_from(["order_id", "orderId", "commerce_order_id", "order", "commerce_account_id", "x"])
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "field": st.sampled_from(["orders", "refunds", "feed"]) | SCALARS,
        "value": st.dictionaries(KEYS, IDS | VALUES, max_size=4) | VALUES,
    },
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "id": IDS | VALUES,
        "time": st.integers(0, 2**40) | VALUES,
        "changes": st.lists(CHANGES | VALUES, max_size=4) | VALUES,
        "changed_fields": VALUES,
        "uid": VALUES,
    },
)
OBJECTS = st.sampled_from(["commerce_account", "commerce_order", "page", "user"]) | VALUES
DELIVERIES = st.fixed_dictionaries(
    {"entry": st.lists(ENTRIES | VALUES, max_size=5)}, optional={"object": OBJECTS, "extra": VALUES}
)


def _entries(body: Any, **style: Any) -> tuple[Entry, ...]:
    delivery = read_delivery(json.dumps(body, **style).encode("utf-8", "surrogatepass"))
    assert isinstance(delivery, Delivery)
    return delivery.entries


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        pairs = [(key, _shuffled(member, chance)) for key, member in value.items()]
        chance.shuffle(pairs)
        return dict(pairs)
    return [_shuffled(part, chance) for part in value] if isinstance(value, list) else value


@given(st.binary(max_size=400))
def test_no_bytes_raise(raw: bytes) -> None:
    assert isinstance(read_delivery(raw), Delivery | Unreadable)


@given(VALUES)
def test_no_json_raises(body: Any) -> None:
    assert isinstance(read_delivery(json.dumps(body).encode()), Delivery | Unreadable)


@settings(max_examples=300)
@example({"entry": [{"id": "\x7f", "\x7f": ["\x7f"]}]})
@given(DELIVERIES)
def test_every_entry_is_kept_in_its_place_with_a_hint_and_a_fingerprint(body: dict[str, Any]) -> None:
    entries = _entries(body)
    assert len(entries) == len(body["entry"])
    for entry in entries:
        assert entry.hints
        assert len(set(entry.hints)) == len(entry.hints)
        assert len(entry.digest) == 64
        assert entry.unknown in {None, "unknown_object", "unknown_field", "unknown_shape"}
        assert entry.content.isascii()
        assert entry.content == json.dumps(json.loads(entry.content), sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("code", [*range(128), 0x80, 0xD800, 0x1F4A9])
def test_every_character_is_written_as_json_writes_it(code: int) -> None:
    character = chr(code)
    for value in (character, {character: [character]}, f'a{character}b"'):
        (entry,) = _entries({"entry": [value]})
        assert entry.content == json.dumps(value, sort_keys=True, separators=(",", ":"))


@given(DELIVERIES, st.randoms(use_true_random=False))
def test_the_way_it_is_written_does_not_matter(body: dict[str, Any], chance: random.Random) -> None:
    assert _entries(_shuffled(body, chance), indent=1) == _entries(body)


@given(st.lists(ENTRIES, max_size=6), st.data())
def test_the_delivery_an_entry_comes_in_does_not_matter(entries: list[Any], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(entries)))
    together = _entries({"object": "page", "entry": entries})
    apart = [
        *_entries({"object": "page", "entry": entries[cut:]}),
        *_entries({"entry": entries[:cut], "object": "page"}),
    ]
    assert sorted(entry.digest for entry in apart) == sorted(entry.digest for entry in together)


def _as_meant(value: Any) -> Any:
    """Return the entry as the digest is promised to see it: its id as text, where it is an id."""
    if not isinstance(value, dict):
        return value
    entry_id = value.get("id")
    number = isinstance(entry_id, int) and not isinstance(entry_id, bool)
    return value | {"id": str(entry_id)} if number else value


@settings(max_examples=300)
@given(ENTRIES, ENTRIES)
def test_two_entries_have_one_digest_exactly_when_they_say_the_same(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    (first,) = _entries({"object": "page", "entry": [one]})
    (second,) = _entries({"object": "page", "entry": [two]})
    same = json.dumps(_as_meant(one), sort_keys=True) == json.dumps(_as_meant(two), sort_keys=True)
    assert (first.digest == second.digest) is same
    assert not same or first.identity == second.identity


@given(ENTRIES, st.sampled_from(["time", "uid", "changed_fields"]), st.integers(2**41, 2**42))
def test_a_changed_part_changes_the_digest(entry: dict[str, Any], part: str, value: int) -> None:
    assume(entry.get(part) != value)
    (before,) = _entries({"object": "page", "entry": [entry]})
    (after,) = _entries({"object": "page", "entry": [entry | {part: value}]})
    assert before.digest != after.digest


@given(st.integers(1, 2**70), st.sampled_from(["order_id", "orderId", "commerce_order_id", "order"]))
def test_an_order_is_named_the_same_as_number_and_as_text(order_id: int, key: str) -> None:
    for spelled in (order_id, str(order_id)):
        change = {"field": "orders", "value": {key: spelled}}
        (entry,) = _entries({"object": "page", "entry": [{"id": 1, "time": 2, "changes": [change]}]})
        assert [hint.order_id for hint in entry.hints] == [str(order_id)]


@given(st.binary(max_size=200), st.text(min_size=1, max_size=20), st.integers(0, 10_000))
def test_a_signature_holds_for_its_bytes_and_for_no_others(raw: bytes, secret: str, place: int) -> None:
    header = sign(raw, secret)
    assert verify(raw, header, ["another secret", secret]) is SignatureVerdict.VALID
    altered = bytearray(raw or b"\0")
    altered[place % len(altered)] ^= 1
    assert verify(bytes(altered), header, [secret]) is SignatureVerdict.MISMATCH
