"""Plain promises of the store's records that no model is needed for."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from app.domain.commands import CommandKind, CommandStatus, WireRequest
from app.domain.entries import Entry
from app.store import commands as command_ledger
from app.store import inbox as inbox_room
from app.store import keys
from app.store.apikeys import ApiKeys
from app.store.commands import Commands, Lease, LeaseDenied, LeaseDeniedReason, NewCommand
from app.store.connection import Store, connect_async
from app.store.failures import InboxFull, LaneFull
from app.store.idempotency import KEPT_S, Claimed, Idempotency, IdempotentAnswer, Replayed
from app.store.inbox import MARK_TTL_MS, AsyncInbox, Inbox, UnrecognizedEntry
from app.store.orders import Orders, SealedBuyer
from app.store.pages import cursor_of
from app.store.shops import ShopMarks
from app.store.times import micros
from tests.integration.store.samples import (
    NOW,
    WIRE,
    attempt,
    command,
    later,
    note,
    order,
    settlement,
    ship,
)


def test_an_order_comes_back_exactly_as_it_was_written(redis: Store) -> None:
    orders = Orders(redis)
    sealed = SealedBuyer(buyer="v1.x", shipping_address=None)
    orders.write(
        order(), sealed, expected_version=0, read_at=NOW, write_id="w", timeline=[note("order.found")]
    )
    stored = orders.get(order().id)
    assert stored is not None
    assert (stored.order, stored.sealed, stored.version) == (order(), sealed, 1)
    assert orders.timeline(order().id, limit=10).items == (note("order.found"),)


def test_the_mark_of_an_automatic_acknowledgement_is_no_order(redis: Store) -> None:
    Commands(redis).accept(command(), timeline=note(), automatic=True)
    assert Orders(redis).get("1") is None
    Orders(redis).write(
        order("1"),
        SealedBuyer(buyer=None, shipping_address=None),
        expected_version=0,
        read_at=NOW,
        write_id="w",
        timeline=[],
    )
    stored = Orders(redis).get("1")
    assert stored is not None
    assert stored.auto_acknowledge == "c1"


@pytest.mark.parametrize(
    "cursor", ["x", "!", cursor_of("abc", "1"), cursor_of("1"), "ß", cursor_of("1", "a") + "A"]
)
def test_a_cursor_that_no_listing_gave_is_refused_by_name(redis: Store, cursor: str) -> None:
    with pytest.raises(ValueError, match="is not one that this listing gave"):
        Orders(redis).list(limit=5, cursor=cursor)
    with pytest.raises(ValueError, match="is not one that this listing gave"):
        Commands(redis).list(limit=5, cursor=cursor)


def test_a_filter_that_drops_nearly_all_rows_gives_short_pages_that_still_go_on(redis: Store) -> None:
    ledger = Commands(redis)
    ledger.accept(command(at=later(-1)), timeline=note())
    # Index entries that belong to no ship command: as many as two pages may look at, and some more.
    redis.zadd(keys.commands_by_status("pending"), dict.fromkeys(map(str, range(12_000)), micros(NOW)))
    found: list[tuple[str, ...]] = []
    cursor = None
    for _ in range(10):
        page = ledger.list(status=CommandStatus.PENDING, kind=CommandKind.ACKNOWLEDGE, limit=5, cursor=cursor)
        found.append(tuple(one.id for one in page.items))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [(), (), ("c1",)]


def test_a_command_comes_back_with_its_attempts_and_exact_bytes(redis: Store) -> None:
    ledger = Commands(redis)
    made = command(change=ship())
    ledger.accept(made, timeline=note())
    assert ledger.get("c1") == made
    ledger.lease("c1", token="t", now=NOW, lease_s=30)
    wire = WireRequest(path="/1/shipments", body="a=%C3%9F&b=\n")
    ledger.begin_attempt("c1", token="t", attempt=attempt(key="k2"), wire=wire)
    stored = ledger.get("c1")
    assert stored == replace(
        made, status=CommandStatus.RUNNING, wire=wire, attempts=(attempt(key="k2"),), idempotency_key="k2"
    )


def test_a_run_that_died_is_counted_and_leaves_its_attempt_unfinished(redis: Store) -> None:
    ledger = Commands(redis)
    ledger.accept(command(), timeline=note())
    ledger.lease("c1", token="dead", now=NOW, lease_s=30)
    ledger.begin_attempt("c1", token="dead", attempt=attempt(), wire=WIRE)
    taken = ledger.lease("c1", token="alive", now=later(31), lease_s=30)
    assert isinstance(taken, Lease)
    assert taken.lost_runs == 1
    assert taken.command.attempts[-1].outcome is None
    late = ledger.settle("c1", token="dead", settlement=settlement(CommandStatus.SUCCEEDED), now=later(32))
    assert late.ok is False


def test_a_lease_is_over_at_its_very_end(redis: Store) -> None:
    ledger = Commands(redis)
    ledger.accept(command(), timeline=note())
    ledger.lease("c1", token="first", now=NOW, lease_s=30)
    early = ledger.lease("c1", token="second", now=later(29.999999), lease_s=30)
    assert early == LeaseDenied(reason=LeaseDeniedReason.LEASED, due_at=later(30))
    assert isinstance(ledger.lease("c1", token="second", now=later(30), lease_s=30), Lease)


def test_only_a_waiting_settlement_has_a_next_attempt(redis: Store) -> None:
    with pytest.raises(ValueError, match="only a waiting settlement"):
        Commands(redis).settle(
            "c1",
            token="t",
            settlement=settlement(CommandStatus.SUCCEEDED, next_attempt_at=NOW),
            now=NOW,
        )


def test_attempts_beyond_those_kept_drop_the_oldest(redis: Store) -> None:
    ledger = Commands(redis)
    ledger.accept(command(), timeline=note())
    ledger.lease("c1", token="t", now=NOW, lease_s=30)
    for number in range(1, 204):
        ledger.begin_attempt("c1", token="t", attempt=attempt(number), wire=WIRE)
    stored = ledger.get("c1")
    assert stored is not None
    assert [one.number for one in stored.attempts] == list(range(4, 204))


def test_a_lane_has_its_maximum_and_a_full_one_holds_up_no_other(redis: Store) -> None:
    ledger = Commands(redis)
    new = [
        NewCommand(command=command(f"c{number}"), timeline=note())
        for number in range(command_ledger.MAX_LANE + 1)
    ]
    results = ledger.accept_many([*new, NewCommand(command=command("other", order_id="2"), timeline=note())])
    full = [one for one in results if isinstance(one, LaneFull)]
    assert len(full) == 1
    assert "order 1 has 100 open commands" in str(full[0])
    assert ledger.lane("2") == ("other",)
    with pytest.raises(LaneFull):
        ledger.accept(command("late"), timeline=note())
    assert ledger.get("late") is None


def test_a_dead_command_is_not_replayed_into_a_full_lane(redis: Store) -> None:
    ledger = Commands(redis)
    ledger.accept(command("dead"), timeline=note())
    ledger.lease("dead", token="t", now=NOW, lease_s=30)
    ledger.settle("dead", token="t", settlement=settlement(CommandStatus.DEAD), now=NOW)
    ledger.accept_many(
        [NewCommand(command=command(f"c{n}"), timeline=note()) for n in range(command_ledger.MAX_LANE)]
    )
    with pytest.raises(LaneFull, match="the order of command dead"):
        ledger.replay("dead", now=NOW, idempotency_key="k")
    stored = ledger.get("dead")
    assert stored is not None
    assert stored.status is CommandStatus.DEAD


def test_a_long_listing_is_whole_and_newest_first(redis: Store) -> None:
    ledger = Commands(redis)
    ledger.accept_many(
        [
            NewCommand(command=command(f"c{n}", order_id=str(n), at=later(n)), timeline=note())
            for n in range(250)
        ]
    )
    page = ledger.list(limit=1000)
    assert [one.id for one in page.items] == [f"c{n}" for n in range(249, -1, -1)]
    assert page.next_cursor is None


def test_accepting_a_command_stores_the_callers_answer_in_the_same_change(redis: Store) -> None:
    idempotency = Idempotency(redis)
    idempotency.claim("caller", "key", "print", operation_id="c1", now=NOW)
    answer = IdempotentAnswer(caller="caller", key="key", status=202, body="{}", headers={"Location": "/"})
    Commands(redis).accept(command(), timeline=note(), answer=answer)
    replayed = idempotency.claim("caller", "key", "print", operation_id="c2", now=NOW)
    assert replayed == Replayed(status=202, body="{}", headers={"Location": "/"})
    assert redis.ttl(keys.idempotency("caller", "key")) in range(KEPT_S - 5, KEPT_S + 1)


def test_a_claim_is_kept_as_long_as_an_answer(redis: Store) -> None:
    Idempotency(redis).claim("caller", "key", "print", operation_id="c1", now=NOW)
    assert redis.ttl(keys.idempotency("caller", "key")) in range(KEPT_S - 5, KEPT_S + 1)


def test_a_command_that_was_accepted_before_its_answer_was_stored_is_answered_now(redis: Store) -> None:
    idempotency, ledger = Idempotency(redis), Commands(redis)
    ledger.accept(command(), timeline=note())
    idempotency.claim("caller", "key", "print", operation_id="c1", now=NOW)
    answer = IdempotentAnswer(caller="caller", key="key", status=202, body="late", headers={})
    assert ledger.accept(command(), timeline=note(), answer=answer).created is False
    again = idempotency.claim("caller", "key", "print", operation_id="c9", now=NOW)
    assert again == Replayed(status=202, body="late", headers={})


def test_an_answer_for_another_command_than_the_one_that_stands_is_not_stored(redis: Store) -> None:
    idempotency, ledger = Idempotency(redis), Commands(redis)
    ledger.accept(command("first"), timeline=note(), once=True)
    idempotency.claim("caller", "key", "print", operation_id="second", now=NOW)
    answer = IdempotentAnswer(caller="caller", key="key", status=202, body="second", headers={})
    acceptance = ledger.accept(command("second"), timeline=note(), once=True, answer=answer)
    assert acceptance.command_id == "first"
    again = idempotency.claim("caller", "key", "print", operation_id="second", now=NOW)
    assert again == Claimed(operation_id="second")


def test_a_key_of_the_callers_choice_cannot_reach_another_callers_answer(redis: Store) -> None:
    idempotency = Idempotency(redis)
    idempotency.claim("a", "b:c", "print", operation_id="1", now=NOW)
    assert idempotency.claim("a:b", "c", "print", operation_id="2", now=NOW) == Claimed(operation_id="2")


def entry(digest: str) -> Entry:
    return Entry(digest=digest, identity="page:1", hints=(), unknown=None, content="{}")


def test_a_full_inbox_takes_nothing_of_a_delivery(
    redis: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_room, "MAX_INBOX", 1)

    async def deliver() -> None:
        client = connect_async(redis_url, timeout_s=5)
        inbox = AsyncInbox(client)
        kept = [UnrecognizedEntry(reason="unknown", digest="k", sealed="s")]
        with pytest.raises(InboxFull):
            await inbox.accept("d", [entry("a"), entry("b")], kept, NOW)
        assert redis.dbsize() == 0
        await inbox.accept("d", [entry("a")], kept, NOW)
        await inbox.count("rejected_missing")
        await client.aclose()

    asyncio.run(deliver())
    assert Inbox(redis).size() == 1
    assert redis.pttl(keys.identity("page:1")) in range(MARK_TTL_MS - 10_000, MARK_TTL_MS + 1)


def test_kept_items_are_paged_newest_first_and_capped(redis: Store, redis_url: str) -> None:
    async def deliver() -> None:
        client = connect_async(redis_url, timeout_s=5)
        items = [
            UnrecognizedEntry(reason="unreadable", digest=str(n), sealed=str(n))
            for n in range(inbox_room.MAX_KEPT + 5)
        ]
        await AsyncInbox(client).accept("d", [], items, NOW)
        await client.aclose()

    asyncio.run(deliver())
    inbox = Inbox(redis)
    first = inbox.kept(limit=600)
    second = inbox.kept(limit=600, cursor=first.next_cursor)
    digests = [item.digest for item in (*first.items, *second.items)]
    assert digests == [str(n) for n in range(inbox_room.MAX_KEPT + 4, 4, -1)]
    assert second.next_cursor is None
    assert first.items[0].at == NOW
    with pytest.raises(ValueError, match="is not one that this listing gave"):
        inbox.kept(limit=5, cursor="$")


SECRET, OTHER_SECRET = "ow_" + "A" * 43, "ow_" + "B" * 43


def test_an_api_key_is_found_by_its_secret_alone_and_the_secret_is_stored_nowhere(redis: Store) -> None:
    made = ApiKeys(redis).create("oms", ["orders:read"], secret=SECRET, key_id="k1", now=NOW)
    assert ApiKeys(redis).find(SECRET) == made
    assert ApiKeys(redis).find(OTHER_SECRET) is None
    assert ApiKeys(redis).find("ow_") is None
    stored = [redis.hgetall(name) for name in redis.keys("*")]
    assert stored
    assert SECRET not in repr(stored)


def test_a_revoked_api_key_finds_nothing_any_more(redis: Store) -> None:
    api_keys = ApiKeys(redis)
    first = api_keys.create("oms", ["admin"], secret=SECRET, key_id="k1", now=NOW)
    second = api_keys.create("erp", ["admin"], secret=OTHER_SECRET, key_id="k2", now=later(1))
    assert api_keys.list() == [first, second]
    assert api_keys.revoke("k1") is True
    assert api_keys.revoke("k1") is False
    assert api_keys.find(SECRET) is None
    assert api_keys.list() == [second]


def test_an_api_key_of_another_is_never_overwritten(redis: Store) -> None:
    api_keys = ApiKeys(redis)
    first = api_keys.create("oms", ["admin"], secret=SECRET, key_id="k1", now=NOW)
    assert api_keys.create("oms", ["admin"], secret=SECRET, key_id="k1", now=NOW) == first
    with pytest.raises(ValueError, match="belongs to another key"):
        api_keys.create("thief", ["admin"], secret=SECRET, key_id="k2", now=NOW)
    with pytest.raises(ValueError, match="belongs to another key"):
        api_keys.create("thief", ["admin"], secret=OTHER_SECRET, key_id="k1", now=NOW)
    with pytest.raises(ValueError, match="43 URL-safe characters"):
        api_keys.create("weak", ["admin"], secret="password", key_id="k3", now=NOW)
    assert api_keys.list() == [first]


def test_a_shops_mark_moves_forward_only(redis: Store) -> None:
    marks = ShopMarks(redis)
    assert marks.mark("112") is None
    assert marks.move_mark("112", NOW) == NOW
    assert marks.move_mark("112", later(-1)) == NOW
    assert marks.move_mark("112", later(1)) == later(1)
    assert marks.mark("112") == later(1)
    assert marks.mark("113") is None
