"""Where time, ids and randomness come from; everything else has them handed in."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime
from secrets import token_hex

from ulid import ULID


def now() -> datetime:
    """Return the time, aware and in UTC; the only clock of the application."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a new id that sorts by its time."""
    return str(ULID())


def new_delivery_id() -> str:
    """Return a new id of a delivery; it needs no order, and costs a tenth of one that has."""
    return token_hex(16)


def new_key() -> str:
    """Return a new idempotency key for the platform: a random UUID, as it recommends."""
    return str(uuid.uuid4())


def jitter() -> float:
    """Return a random number in [-1, 1] for the retry policy."""
    return random.uniform(-1, 1)  # noqa: S311 - it spreads load and guards nothing
