"""Whether a delivery was signed by Meta: HMAC-SHA256 over the exact bytes that came."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from enum import StrEnum


class SignatureVerdict(StrEnum):
    """What the signature header of a delivery is worth; only VALID lets it in."""

    VALID = "valid"
    MISSING = "missing"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"


def verify(raw: bytes, header: str | None, secrets: Sequence[str]) -> SignatureVerdict:
    """Return whether one of the app secrets signed these bytes.

    `header` is `X-Hub-Signature-256`: `sha256=` and 64 hex digits, nothing else (Webhooks guide, Validating
    Payloads). The bytes are hashed as they came, so every way of escaping the same JSON verifies. All secrets
    are tried, each in constant time; without a secret nothing verifies.
    """
    if header is None or not header:
        return SignatureVerdict.MISSING
    match = _HEADER.fullmatch(header)
    if match is None:
        return SignatureVerdict.MALFORMED
    claimed = bytes.fromhex(match.group(1))
    # An empty secret would let anybody sign, so it is as good as none.
    hits = [hmac.compare_digest(_digest(raw, secret), claimed) for secret in secrets if secret]
    return SignatureVerdict.VALID if any(hits) else SignatureVerdict.MISMATCH


def sign(raw: bytes, secret: str) -> str:
    """Return the `X-Hub-Signature-256` header Meta sends with these bytes."""
    return f"sha256={_digest(raw, secret).hex()}"


# ASCII digits only: `\d` and bytes.fromhex would let other forms of the same digits and blanks through.
_HEADER = re.compile(r"sha256=([0-9a-fA-F]{64})")


def _digest(raw: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), raw, hashlib.sha256)
