"""The archiving as it runs: on its day, on its queue, by hand, and on to the end."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

import app.services.archive as archiving
from app.cli.archive import archive_all
from app.container import Container
from app.domain.orders import OrderState
from app.queue.jobs import connect_queues, queue_of
from app.queue.specs import ARCHIVE, SYNC
from app.settings import Settings, load_settings
from app.store.orders import SealedBuyer
from tests.orders import item, order, units
from workers import jobs
from workers.schedule import periodic_jobs

LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    return load_settings(
        {
            "ORDERWIRE_REDIS_URL": redis_url,
            "ORDERWIRE_APP_SECRETS": "secret",
            "ORDERWIRE_VERIFY_TOKEN": "verify",
            "ORDERWIRE_SEALING_KEYS": base64.b64encode(bytes(32)).decode(),
            "ORDERWIRE_SHOP_ID": "900000000000017",
            "ORDERWIRE_SHOP_PAGE_ID": "800000000000017",
            "ORDERWIRE_SHOP_ACCESS_TOKEN": "token",
            "ORDERWIRE_DATA_DIR": str(tmp_path),
        }
    )


@pytest.fixture
def orderwire(settings: Settings) -> Iterator[Container]:
    built = Container(settings)
    yield built
    built.sync_order.graph.close()


def put(orderwire: Container, count: int) -> None:
    for number in range(count):
        done = order(
            OrderState.COMPLETED,
            id=str(number),
            updated_at=LONG_AGO,
            items=(item(ledger=units(shipped=3)),),
        )
        orderwire.orders.write(
            done,
            SealedBuyer(buyer=None, shipping_address=None),
            expected_version=0,
            read_at=LONG_AGO,
            write_id=str(number),
            timeline=[],
        )


def archived(orderwire: Container, count: int) -> int:
    stored = orderwire.orders.get_many([str(number) for number in range(count)])
    return sum(one is not None and one.archived for one in stored)


def queued(redis_url: str) -> list[str]:
    connection = connect_queues(redis_url)
    try:
        return queue_of(SYNC, connection).get_job_ids()
    finally:
        connection.close()


def test_archiving_is_woken_once_a_day_unless_it_is_off(settings: Settings) -> None:
    daily = [one for one in periodic_jobs(settings) if one.spec is ARCHIVE]
    assert [one.every_s for one in daily] == [86_400]
    off = settings.model_copy(update={"archive_after_days": 0})
    assert [one for one in periodic_jobs(off) if one.spec is ARCHIVE] == []


def test_the_job_goes_on_behind_the_syncs_that_wait_until_nothing_is_left(
    orderwire: Container, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "FILE_ORDERS", 2)
    monkeypatch.setattr(archiving, "MAX_FILES", 2)
    monkeypatch.setattr(jobs, "_built", [orderwire])
    put(orderwire, 5)
    jobs.archive()
    assert archived(orderwire, 5) == 4
    assert queued(redis_url) == ["archive"]
    connection = connect_queues(redis_url)
    queue_of(SYNC, connection).empty()  # type: ignore[no-untyped-call]  # RQ leaves it untyped
    connection.close()
    jobs.archive()
    assert archived(orderwire, 5) == 5
    assert queued(redis_url) == []


def test_a_run_looks_past_the_orders_that_stay(orderwire: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "FILE_ORDERS", 2)
    put(orderwire, 5)
    for number in range(3):
        stored = orderwire.orders.get(str(number))
        assert stored is not None
        orderwire.orders.write(
            replace(stored.order, items=(item(ledger=units(open=1)),)),
            stored.sealed,
            expected_version=1,
            read_at=LONG_AGO,
            write_id=f"open-{number}",
            timeline=[],
        )
    ran = orderwire.archive_orders.archive()
    assert (ran.moved, ran.stayed, ran.more) == (2, 3, False)


def test_by_hand_everything_that_may_leave_leaves_and_people_are_told(
    orderwire: Container, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "FILE_ORDERS", 2)
    monkeypatch.setattr(archiving, "MAX_FILES", 1)
    put(orderwire, 5)
    said: list[str] = []
    archive_all(settings, said.append)
    assert archived(orderwire, 5) == 5
    assert said[-1] == f"5 orders moved to {settings.data_dir / 'archive'}; 0 old ones stay"
    archive_all(settings.model_copy(update={"archive_after_days": 0}), said.append)
    assert "ORDERWIRE_ARCHIVE_AFTER_DAYS" in said[-1]
