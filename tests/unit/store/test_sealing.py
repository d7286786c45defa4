from __future__ import annotations

import pytest

from app.store.failures import SealBroken
from app.store.sealing import Sealer

OLD, NEW = b"o" * 32, b"n" * 32
TEXT = '{"name":"Jürgen 김"}'


def test_a_sealed_text_opens_to_what_was_sealed_and_shows_nothing_of_it() -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(TEXT, record="1", field="buyer")
    assert sealer.open(sealed, record="1", field="buyer") == TEXT
    assert "name" not in sealed
    assert sealer.seal(TEXT, record="1", field="buyer") != sealed


def test_the_ring_opens_what_an_older_key_sealed() -> None:
    sealed = Sealer([OLD]).seal(TEXT, record="1", field="buyer")
    rotated = Sealer([NEW, OLD])
    assert rotated.open(sealed, record="1", field="buyer") == TEXT
    fresh = rotated.seal(TEXT, record="1", field="buyer")
    assert Sealer([NEW]).open(fresh, record="1", field="buyer") == TEXT


@pytest.mark.parametrize(("record", "field"), [("2", "buyer"), ("1", "shipping_address")])
def test_a_seal_opens_in_no_other_place(record: str, field: str) -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal(TEXT, record="1", field="buyer")
    with pytest.raises(SealBroken, match=f"{field} of {record} does not open"):
        sealer.open(sealed, record=record, field=field)


def test_an_altered_seal_does_not_open() -> None:
    sealer = Sealer([NEW], nonce=bytes)
    sealed = sealer.seal(TEXT, record="1", field="buyer")
    head, payload = sealed.rsplit(".", 1)
    swapped = "B" if payload[20] == "A" else "A"
    altered = f"{head}.{payload[:20]}{swapped}{payload[21:]}"
    for broken in (altered, sealed[:-8], head + "."):
        with pytest.raises(SealBroken, match="buyer of 1"):
            sealer.open(broken, record="1", field="buyer")


@pytest.mark.parametrize("sealed", ["", "plain text", "v2.abc.def", "v1..", "v1.00000000.AAAA"])
def test_a_text_sealed_with_no_key_of_the_ring_says_which_key_is_missing(sealed: str) -> None:
    with pytest.raises(SealBroken, match="not in the ring"):
        Sealer([NEW]).open(sealed, record="1", field="buyer")


def test_a_lost_key_breaks_the_seal() -> None:
    sealed = Sealer([OLD]).seal(TEXT, record="1", field="buyer")
    with pytest.raises(SealBroken, match="put that key back"):
        Sealer([NEW]).open(sealed, record="1", field="buyer")


@pytest.mark.parametrize("ring", [[], [b"short"], [NEW, b"n" * 31]])
def test_a_ring_of_weak_keys_is_refused(ring: list[bytes]) -> None:
    with pytest.raises(ValueError, match="exactly 32 bytes"):
        Sealer(ring)
