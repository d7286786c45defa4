"""Sealing of buyer data at rest: AES-256-GCM with a ring of keys, bound to its record and field.

A sealed text reads `v1.<key id>.<nonce and ciphertext, base64>`; the key id begins the key's SHA-256.
"""

from __future__ import annotations

import binascii
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.store.failures import SealBroken

KEY_BYTES = 32
# 96 random bits, as NIST SP 800-38D asks for; safe for some four billion seals a key.
NONCE_BYTES = 12
_VERSION = "v1"


class Sealer:
    """Seals with the first key of the ring and opens with any of them, so that keys can be rotated."""

    def __init__(self, ring: Sequence[bytes], *, nonce: Callable[[int], bytes] = secrets.token_bytes) -> None:
        if not ring or any(len(key) != KEY_BYTES for key in ring):
            raise ValueError(f"a seal ring needs at least one key, each of exactly {KEY_BYTES} bytes")
        self._nonce = nonce
        self._current = _key_id(ring[0])
        self._ciphers = {_key_id(key): AESGCM(key) for key in ring}

    def seal(self, text: str, *, record: str, field: str) -> str:
        """Return the text sealed for that field of that record, and for no other place."""
        nonce = self._nonce(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), _bound_to(record, field))
        return f"{_VERSION}.{self._current}.{urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, record: str, field: str) -> str:
        """Return the clear text.

        Raises:
            SealBroken: it was altered, belongs elsewhere, or its key is not in the ring.
        """
        version, _, rest = sealed.partition(".")
        key_id, _, payload = rest.partition(".")
        cipher = self._ciphers.get(key_id)
        if version != _VERSION or cipher is None:
            raise SealBroken(
                f"{field} of {record} is sealed with key '{key_id}', which is not in the ring; "
                "put that key back behind the current one"
            )
        try:
            raw = urlsafe_b64decode(payload.encode())
            clear = cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound_to(record, field))
        except (InvalidTag, ValueError, binascii.Error):
            raise SealBroken(
                f"{field} of {record} does not open: it was altered, or sealed for another place; "
                "read the record from the platform again"
            ) from None
        return clear.decode()


def _bound_to(record: str, field: str) -> bytes:
    return f"{record}|{field}".encode()


def _key_id(key: bytes) -> str:
    return sha256(key).hexdigest()[:8]
