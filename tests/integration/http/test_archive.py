"""Archived orders over REST: found, shown whole, and back by themselves when anything happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from msgspec import structs

from app.domain.commands import CommandStatus
from app.domain.orders import Order, OrderState
from app.domain.timeline import Cause
from app.services.archive import ArchiveOrders
from app.store import keys
from app.store.archive_moves import ArchiveMoves
from app.store.connection import Store
from app.store.syncs import PendingSync
from tests.integration.http.conftest import Served
from tests.integration.store.samples import command, note, settlement
from tests.orders import item, order, shipment, units

LONG_AGO = datetime.now(UTC) - timedelta(days=400)
ID, REFERENCE = "64000000000000001", "SO-1"


def done(order_id: str = ID, **changes: object) -> Order:
    whole = order(
        OrderState.COMPLETED,
        id=order_id,
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
        merchant_order_reference=REFERENCE,
        items=(item(ledger=units(shipped=3)),),
        shipments=(shipment(),),
    )
    return structs.replace(whole, **changes)


@pytest.fixture
def archive(api: Served, tmp_path: Path) -> Iterator[ArchiveOrders]:
    """The API's own archive, in a folder of this test, two years on."""
    files = api.orderwire.archive._files
    was, files._folder = files._folder, tmp_path / "archive"
    moves = ArchiveMoves(api.orderwire.orders._store, files)
    later = datetime.now(UTC) + timedelta(days=700)
    yield ArchiveOrders(moves=moves, enqueuer=api.orderwire.enqueuer, clock=lambda: later, after_days=180)
    files._folder = was


def run_to_its_end(api: Served, order_id: str) -> None:
    commands, now = api.orderwire.commands, datetime.now(UTC)
    one = command("c1", order_id=order_id, at=now)
    commands.accept(one, timeline=note())
    commands.lease("c1", token="t", now=now, lease_s=60)
    commands.settle("c1", token="t", settlement=settlement(CommandStatus.SUCCEEDED), now=now)


def test_an_archived_order_is_shown_as_it_was_and_says_that_it_is_archived(
    api: Served, client: httpx.Client, archive: ArchiveOrders
) -> None:
    api.put(done())
    run_to_its_end(api, ID)
    before = {
        path: client.get(path).raise_for_status().json()
        for path in (f"/v1/orders/{ID}", f"/v1/orders/{ID}/timeline", f"/v1/commands?order_id={ID}")
    }
    assert archive.archive().moved == 1
    shown = client.get(f"/v1/orders/{ID}").raise_for_status().json()
    assert shown == {**before[f"/v1/orders/{ID}"], "archived": True}
    assert shown["buyer"]["name"] == "Zoë Müller"
    for path in (f"/v1/orders/{ID}/timeline", f"/v1/commands?order_id={ID}"):
        assert client.get(path).raise_for_status().json() == before[path]
        assert before[path]["data"]


def test_an_archived_order_leaves_no_key_of_its_own_in_redis(
    api: Served, archive: ArchiveOrders, redis: Store
) -> None:
    size = redis.dbsize()
    api.put(done())
    run_to_its_end(api, ID)
    archive.archive()
    own = (keys.order(ID), keys.timeline(ID), keys.command("c1"), keys.lane(ID), keys.commands_by_order(ID))
    assert redis.exists(*own, keys.orders_by_reference(REFERENCE), keys.ORDERS, keys.COMMANDS) == 0
    # Two buckets of the index, the number of the last file, the counters.
    assert redis.dbsize() <= size + 4


def test_a_reference_lists_living_orders_first_and_then_archived_ones_page_by_page(
    api: Served, client: httpx.Client, archive: ArchiveOrders
) -> None:
    for number in range(3):
        api.put(done(str(number), updated_at=LONG_AGO + timedelta(days=number)))
    archive.archive()
    api.put(done("9", state=OrderState.IN_PROGRESS))
    found, cursor = [], ""
    for _ in range(4):
        page = client.get(f"/v1/orders?merchant_order_reference={REFERENCE}&limit=1{cursor}").json()
        found += [(one["id"], one["archived"]) for one in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert found == [("9", False), ("2", True), ("1", True), ("0", True)]
    assert page["next_cursor"] is None
    by_state = client.get(f"/v1/orders?merchant_order_reference={REFERENCE}&state=IN_PROGRESS").json()
    assert [one["id"] for one in by_state["data"]] == ["9"]


@pytest.mark.parametrize("standing", ["open units", "dead letter", "open command", "pending sync", "recent"])
def test_an_order_with_anything_still_to_come_stays(
    api: Served, archive: ArchiveOrders, standing: str
) -> None:
    orderwire, now = api.orderwire, datetime.now(UTC)
    api.put(done(items=(item(),)) if standing == "open units" else done())
    if standing in ("dead letter", "open command"):
        orderwire.commands.accept(command("c1", order_id=ID, at=now), timeline=note())
    if standing == "dead letter":
        orderwire.commands.lease("c1", token="t", now=now, lease_s=60)
        orderwire.commands.settle("c1", token="t", settlement=settlement(CommandStatus.DEAD), now=now)
    if standing == "pending sync":
        orderwire.sync_order.syncs.add(PendingSync(order_id=ID, shop_id=None, cause=Cause.WEBHOOK), now)
    if standing == "recent":  # the platform's last change is old, what happened here is not
        archive = replace(archive, clock=lambda: datetime.now(UTC))
    ran = archive.archive()
    assert (ran.moved, ran.stayed) == (0, 1)
    stored = orderwire.orders.get(ID)
    assert stored is not None
    assert not stored.archived


def test_a_read_of_the_platform_brings_an_archived_order_back_with_its_history(
    api: Served, client: httpx.Client, archive: ArchiveOrders
) -> None:
    api.put(done())
    run_to_its_end(api, ID)
    entries = client.get(f"/v1/orders/{ID}/timeline").json()["data"]
    archive.archive()
    api.put(done(updated_at=LONG_AGO + timedelta(days=1), shipments=(shipment(), shipment(shipment_id="2"))))
    assert client.get(f"/v1/orders/{ID}").json()["archived"] is False
    timeline = client.get(f"/v1/orders/{ID}/timeline").json()["data"]
    assert timeline[: len(entries)] == entries
    assert [entry["what"] for entry in timeline[len(entries) :]] == ["shipment.added"]
    assert client.get("/v1/commands/c1").json()["status"] == "succeeded"
    assert api.orderwire.counters.counters()["orders_brought_back"] == 1


def test_a_change_asked_for_brings_an_archived_order_back(
    api: Served, client: httpx.Client, archive: ArchiveOrders
) -> None:
    api.put(done())
    archive.archive()
    change = {"full": True, "reason_code": "BUYERS_REMORSE"}
    answer = client.post(f"/v1/orders/{ID}/refunds", json=change, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 202, answer.text
    assert client.get(f"/v1/orders/{ID}").json()["archived"] is False
    whats = [entry["what"] for entry in client.get(f"/v1/orders/{ID}/timeline").json()["data"]]
    assert whats[0] == "order.found"
    assert whats[-1] == "command.accepted"


def test_a_lost_file_is_one_problem_that_says_so_and_hides_no_other_order(
    api: Served, client: httpx.Client, archive: ArchiveOrders, tmp_path: Path
) -> None:
    api.put(done())
    archive.archive()
    api.put(done("9", merchant_order_reference="SO-9"))
    for file in (tmp_path / "archive").iterdir():
        file.unlink()
    answer = client.get(f"/v1/orders/{ID}")
    assert (answer.status_code, answer.json()["code"]) == (503, "archive_unavailable")
    assert str(tmp_path) not in answer.text
    assert [one["id"] for one in client.get("/v1/orders").json()["data"]] == ["9"]


def test_nothing_is_archived_when_it_is_turned_off(api: Served, archive: ArchiveOrders) -> None:
    api.put(done())
    assert replace(archive, after_days=0).archive().moved == 0
