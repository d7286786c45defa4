"""Many changed orders are read by the list, and what is known already is not read again."""

from __future__ import annotations

import itertools
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.codec import SCHEMA_VERSION
from app.domain.entries import EntryEvent, EntryHint
from app.domain.orders import OrderState, PlatformOrder
from app.domain.timeline import Cause
from app.services import sync_burst
from app.store import keys
from app.store.syncs import PendingSync
from app.store.times import micros
from tests.integration.bursts.conftest import SHOP, Market


def queued(market: Market) -> set[str]:
    """Return the ids of the sync jobs that wait in RQ."""
    store = market.orderwire.orders._store
    return set(store.execute_command("LRANGE", "rq:queue:sync", 0, -1))


def pending(market: Market) -> int:
    return int(market.orderwire.orders._store.zcard(keys.PENDING_ORDERS))


def test_a_burst_is_read_25_orders_a_call(market: Market) -> None:
    order_ids = market.place(120)
    market.add(order_ids)
    assert market.orderwire.sync_burst.process(SHOP) == 120
    assert len(market.calls("/commerce_orders")) == 5
    assert [call for order_id in order_ids for call in market.calls(f"/{order_id}")] == []
    assert pending(market) == 0
    copies = market.orderwire.orders.get_many(order_ids)
    assert {copy.order.state for copy in copies if copy} == {OrderState.CREATED}
    assert None not in copies


def test_few_owed_orders_are_read_one_by_one(market: Market) -> None:
    order_ids = market.place(3)
    market.add(order_ids)
    assert market.orderwire.sync_burst.process(SHOP) == 0
    assert market.calls("/commerce_orders") == []
    assert queued(market) == {f"sync-{order_id}" for order_id in order_ids}


def test_what_the_listing_does_not_show_is_read_one_by_one(market: Market) -> None:
    order_ids = market.place(60)
    market.add([*order_ids, "7400000000000001"])
    assert market.orderwire.sync_burst.process(SHOP) == 60
    assert queued(market) == {"sync-7400000000000001"}


def test_a_long_listing_goes_on_in_the_next_run_where_it_stopped(market: Market) -> None:
    order_ids = market.place(600)
    market.add(order_ids)
    assert market.orderwire.sync_burst.process(SHOP) == 500
    assert queued(market) == {f"sync_burst-{SHOP}"}
    left = market.orderwire.sync_order.syncs.due_of(SHOP, datetime.now(UTC), limit=1000)
    assert len(left) == 100
    assert market.orderwire.sync_burst.process(SHOP) == 100
    assert pending(market) == 0
    assert len(market.calls("/commerce_orders")) == 24


def test_what_lies_on_late_pages_is_found_by_list(market: Market) -> None:
    oldest = market.place(60)
    market.place(200)
    market.add(oldest)
    assert market.orderwire.sync_burst.process(SHOP) == 60
    assert [call for order_id in oldest for call in market.calls(f"/{order_id}")] == []


def test_many_that_no_listing_shows_are_read_one_by_one_after_one_run(market: Market) -> None:
    known = market.place(600)
    market.add(known)
    assert [market.orderwire.sync_burst.process(SHOP) for _ in range(2)] == [500, 100]
    market.orderwire.sync_order.syncs.end_burst(SHOP)
    listed = len(market.calls("/commerce_orders"))
    unknown = [f"74000000{number:08}" for number in range(700)]
    market.add(unknown)
    rq = market.orderwire.orders._store
    rq.delete("rq:queue:sync")
    assert market.orderwire.sync_burst.process(SHOP) == 0
    assert len(market.calls("/commerce_orders")) - listed == 19
    assert queued(market) == {f"sync-{order_id}" for order_id in unknown}


def test_a_change_of_our_own_is_listed_from_its_own_moment_on(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_burst, "LOOK_BACK_OWN_S", 0.0)
    order_ids = market.place(60)
    time.sleep(2.1)  # the platform's times are whole seconds
    market.add(order_ids, cause=Cause.COMMAND)
    assert market.orderwire.sync_burst.process(SHOP) == 0
    market.add(order_ids, cause=Cause.WEBHOOK)
    assert market.orderwire.sync_burst.process(SHOP) == 60


def test_what_is_owed_after_the_page_was_asked_for_stays_owed(market: Market) -> None:
    syncs = market.orderwire.sync_order.syncs
    market.add(["1", "2"])
    number = syncs.sequence()
    market.add(["2"])
    assert syncs.seen(["1", "2", "3"], number) == 1
    assert [one.order_id for one in syncs.due_of(SHOP, datetime.now(UTC), limit=10)] == ["2"]
    assert syncs.counts_due([SHOP, "another"], datetime.now(UTC)) == {SHOP: 1, "another": 0}


def test_a_platform_that_fails_puts_the_burst_off_and_loses_none_of_it(market: Market) -> None:
    market.add(market.place(60))
    market.faults({"path": "*/commerce_orders", "kind": "drop_before", "times": 1})
    assert market.orderwire.sync_burst.process(SHOP) == 0
    syncs, now = market.orderwire.sync_order.syncs, datetime.now(UTC)
    assert syncs.due_of(SHOP, now, limit=100) == []
    assert len(syncs.due_of(SHOP, now + timedelta(seconds=10), limit=100)) == 60


def test_a_burst_that_killed_its_workers_is_read_one_by_one(market: Market) -> None:
    order_ids = market.place(60)
    market.add(order_ids)
    for _ in range(3):
        market.orderwire.sync_order.syncs.begin_burst(SHOP)
    assert market.orderwire.sync_burst.process(SHOP) == 0
    assert queued(market) == {f"sync-{order_id}" for order_id in order_ids}


def test_s27_a_shop_with_one_order_is_woken_beside_a_shop_with_a_burst(market: Market) -> None:
    market.add(market.place(60))
    market.orderwire.sync_order.syncs.add(
        PendingSync(order_id="5", shop_id="another", cause=Cause.WEBHOOK), datetime.now(UTC)
    )
    market.orderwire.sweep.sweep()
    assert queued(market) == {f"sync_burst-{SHOP}", "sync-5"}


def hinted(
    market: Market, read: PlatformOrder, *, state: str, older_s: int = 0, event: EntryEvent | None = None
) -> int:
    """Have an entry say how new the order is; return how many orders are pending a sync then."""
    hint = EntryHint(
        order_id=read.order.id,
        account_id=SHOP,
        updated_s=int(read.order.updated_at.timestamp()) - older_s,
        state=state,
        event=event,
    )
    row = {
        "entries": 1,
        "left_out": "",
        "hints": json.dumps([[hint]]),
        "delivery": "d",
        "received_at": micros(datetime.now(UTC)),
        "v": SCHEMA_VERSION,
    }
    store = market.orderwire.orders._store
    store.execute_command("XADD", "ow:inbox", "*", *itertools.chain(*row.items()))
    store.incr("ow:inbox:entries")
    market.orderwire.drain_inbox.drain()
    return pending(market)


def test_an_order_as_new_as_its_entry_says_is_not_read_again(market: Market) -> None:
    [read] = market.reads(market.place(1))
    later = read.order.updated_at + timedelta(seconds=10)
    market.orderwire.sync_order.record_order.record_many([read], read_at=later, cause=Cause.WEBHOOK)
    assert hinted(market, read, state="CREATED") == 0
    assert hinted(market, read, state="FB_PROCESSING", older_s=60) == 0
    assert market.orderwire.counters.counters()["entries_already_known"] == 2


def test_a_copy_read_in_the_second_of_the_change_is_read_again(market: Market) -> None:
    [read] = market.reads(market.place(1))
    market.orderwire.sync_order.record_order.record_many(
        [read], read_at=read.order.updated_at, cause=Cause.WEBHOOK
    )
    assert hinted(market, read, state="CREATED") == 1


def test_an_entry_that_says_more_than_the_copy_shows_is_followed(market: Market) -> None:
    [read] = market.reads(market.place(1))
    later = read.order.updated_at + timedelta(seconds=10)
    market.orderwire.sync_order.record_order.record_many([read], read_at=later, cause=Cause.WEBHOOK)
    assert hinted(market, read, state="IN_PROGRESS") == 1


def test_the_echo_of_our_own_acknowledgement_is_no_news(market: Market) -> None:
    batch_id = market.batch_of(2)
    [read, _] = market.reads([member.order_id for member in market.orderwire.batches.members(batch_id)])
    assert hinted(market, read, state="IN_PROGRESS", older_s=-1, event=EntryEvent.ACKNOWLEDGED) == 1
    market.run(batch_id)
    market.orderwire.sync_order.syncs.seen([read.order.id], 1000)
    assert hinted(market, read, state="IN_PROGRESS", older_s=-2, event=EntryEvent.ACKNOWLEDGED) == 0
    assert hinted(market, read, state="IN_PROGRESS", older_s=-3) == 1
