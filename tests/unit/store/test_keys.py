from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from inspect import isfunction, signature

import pytest

from app.store import keys
from app.store.times import micros, time_of, time_or_none


def test_every_key_of_the_ledger_stays_out_of_the_way_of_rqs() -> None:
    texts = [value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)]
    assert len(texts) > 20
    assert all(part.startswith("ow:") for text in texts for part in text.split())


def test_no_two_kinds_of_key_share_a_name() -> None:
    makers = [make for make in vars(keys).values() if isfunction(make) and make is not keys.idempotency]
    made = [make(*"x" * len(signature(make).parameters)) for make in makers]
    assert len(set(made)) == len(made) > 10


@pytest.mark.parametrize(
    "time",
    [
        datetime(2026, 3, 1, 12, 0, 0, 999999, tzinfo=UTC),
        datetime(2262, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
        datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=9))),
    ],
)
def test_a_time_survives_the_store_to_the_microsecond_also_as_a_score(time: datetime) -> None:
    assert time_of(micros(time)) == time
    assert time_of(str(micros(time))) == time
    assert time_of(float(micros(time))) == time


def test_no_stored_time_is_no_time() -> None:
    assert time_or_none(None) is None
    assert time_or_none("") is None
