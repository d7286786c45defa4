"""S10: what is signed gets in, whatever way it is escaped; everything else stays out."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.graph.signature import SignatureVerdict, sign, verify

WIRES = Path(__file__).parents[2] / "wires" / "deliveries"
SECRET = "emulator-app-secret-0001"
# The test vector of the webhook reference, section 1.6.
VECTOR = "sha256=f15889b49d630f78bcba4da8df9a8253bcd5db6d3c6877fad0ccbdcf9accfccf"


def _raw(name: str) -> bytes:
    return (WIRES / f"{name}.json").read_bytes()


def test_the_published_vector_verifies_and_is_what_we_sign() -> None:
    raw = _raw("signed_escaped")
    assert len(raw) == 208
    assert sign(raw, SECRET) == VECTOR
    assert verify(raw, VECTOR, [SECRET]) is SignatureVerdict.VALID


@pytest.mark.parametrize("mode", ["signed_escaped", "signed_utf8", "signed_older_escapes"])
def test_every_way_of_escaping_the_same_document_verifies_over_its_own_bytes(mode: str) -> None:
    raw = _raw(mode)
    assert verify(raw, sign(raw, SECRET), [SECRET]) is SignatureVerdict.VALID
    if mode != "signed_escaped":
        assert verify(raw, VECTOR, [SECRET]) is SignatureVerdict.MISMATCH


def test_an_altered_body_under_a_valid_signature_is_a_mismatch() -> None:
    altered = _raw("signed_escaped").replace(b"order_created", b"order_Created")
    assert verify(altered, VECTOR, [SECRET]) is SignatureVerdict.MISMATCH


def test_while_secrets_rotate_the_current_and_the_previous_one_verify() -> None:
    raw = _raw("signed_utf8")
    secrets = ["the-new-secret", SECRET]
    assert verify(raw, sign(raw, "the-new-secret"), secrets) is SignatureVerdict.VALID
    assert verify(raw, sign(raw, SECRET), secrets) is SignatureVerdict.VALID
    assert verify(raw, sign(raw, "the-one-before"), secrets) is SignatureVerdict.MISMATCH


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nothing_verifies_not_even_an_empty_keyed_signature(secrets: list[str]) -> None:
    raw = b"{}"
    assert verify(raw, sign(raw, ""), secrets) is SignatureVerdict.MISMATCH


@pytest.mark.parametrize("header", [None, ""])
def test_no_header_is_missing(header: str | None) -> None:
    assert verify(b"{}", header, [SECRET]) is SignatureVerdict.MISSING


@pytest.mark.parametrize(
    "header",
    [
        "sha1=986841303459392ab9eec5d7b10e8b54b057272d",
        VECTOR.removeprefix("sha256="),
        VECTOR[:-1],
        VECTOR + "0",
        VECTOR + "\n",
        " " + VECTOR,
        VECTOR.replace("f1", "g1"),
        "sha256=" + "f1 " * 21 + "f",
        "sha256=" + "\u0661" * 64,
        "SHA256=" + VECTOR.removeprefix("sha256="),
    ],
)
def test_anything_but_sha256_and_64_hex_digits_is_malformed(header: str) -> None:
    assert verify(_raw("signed_escaped"), header, [SECRET]) is SignatureVerdict.MALFORMED
