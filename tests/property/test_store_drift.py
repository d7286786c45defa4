"""Drift and pending reads that kill: what the scripts settle."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.store.connection import Store
from app.store.counters import Counters
from app.store.drift import HINT_TTL_S, Drift, DriftEntry, Suspect
from tests.integration.store.samples import NOW

SOON = NOW + timedelta(seconds=15)


def _suspect(order_id: str = "o1", *, read_before: datetime | None = None) -> Suspect:
    entry = DriftEntry(order_id=order_id, shop_id="s1", at=NOW, news=("refund.added",))
    return Suspect(entry=entry, read_before=read_before)


def test_a_difference_that_no_webhook_announced_is_drift_counted_and_listed(redis: Store) -> None:
    drift = Drift(redis)
    drift.suspect([_suspect()], SOON)
    assert drift.settle(SOON, limit=10) == [_suspect().entry]
    assert drift.settle(SOON, limit=10) == []
    assert drift.list(limit=10).items == (_suspect().entry,)
    assert Counters(redis).counters()["drift"] == 1


def test_a_suspect_is_not_judged_before_its_webhook_had_time_to_come(redis: Store) -> None:
    drift = Drift(redis)
    drift.suspect([_suspect()], SOON)
    assert drift.settle(NOW, limit=10) == []
    drift.note_hints({"o1": NOW}, NOW)
    assert drift.settle(SOON, limit=10) == []
    assert drift.list(limit=10).items == ()


def test_a_webhook_from_before_the_last_read_announced_another_change(redis: Store) -> None:
    drift = Drift(redis)
    drift.note_hints({"o1": NOW}, NOW)
    drift.suspect([_suspect(read_before=NOW + timedelta(seconds=1))], SOON)
    assert [entry.order_id for entry in drift.settle(SOON, limit=10)] == ["o1"]


def test_hints_are_forgotten_after_an_hour(redis: Store) -> None:
    drift = Drift(redis)
    drift.note_hints({"o1": NOW}, NOW)
    late = NOW + timedelta(seconds=HINT_TTL_S + 1)
    drift.note_hints({"o2": late}, late)
    drift.suspect([_suspect("o1"), _suspect("o2")], SOON)
    assert [entry.order_id for entry in drift.settle(SOON, limit=10)] == ["o1"]


def test_drift_is_listed_newest_first_page_by_page(redis: Store) -> None:
    drift = Drift(redis)
    for number in range(5):
        drift.suspect([_suspect(f"o{number}")], NOW + timedelta(seconds=number))
    drift.settle(NOW + timedelta(minutes=1), limit=10)
    first = drift.list(limit=3)
    rest = drift.list(limit=3, cursor=first.next_cursor)
    assert [entry.order_id for entry in first.items + rest.items] == ["o4", "o3", "o2", "o1", "o0"]
    assert rest.next_cursor is None


@pytest.mark.parametrize("cursor", ["nonsense", "MQ", "MQpub25l"])
def test_a_cursor_of_another_listing_is_refused_by_name(redis: Store, cursor: str) -> None:
    with pytest.raises(ValueError, match=cursor):
        Drift(redis).list(limit=3, cursor=cursor)
