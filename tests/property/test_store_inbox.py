"""The scripts of the inbox and of what is pending against a model in Python."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.domain.entries import Entry, EntryHint
from app.domain.timeline import Cause
from app.store.connection import AsyncStore, Store, connect_async
from app.store.counters import Counters
from app.store.inbox import AsyncInbox, Inbox, Receipt, UnrecognizedEntry
from app.store.syncs import PendingSync, Syncs
from tests.integration.store.samples import NOW

T = TypeVar("T")

ORDERS = ("1", "2", "3")
# The digest of an entry covers its id, so that a digest has one identity.
IDENTITIES = dict(
    zip(
        "abcdefgh",
        ("page:1", "page:1", "page:1", "page:2", "page:2", "page:3", "page:", "page:"),
        strict=True,
    )
)


@dataclass(kw_only=True)
class Pending:
    """What is pending for one order."""

    seq: int
    due_at: datetime
    shop: str | None
    cause: Cause
    failures: int = 0


class Intake(RuleBasedStateMachine):
    """Deliveries that repeat, drainers that race, syncs that fail or are pending again while they run."""

    store: Store
    loop: asyncio.AbstractEventLoop
    async_store: AsyncStore

    def __init__(self) -> None:
        super().__init__()
        self.store.flushdb()
        self.taker, self.inbox, self.syncs = (
            AsyncInbox(self.async_store),
            Inbox(self.store),
            Syncs(self.store),
        )
        self.now = NOW
        self.deliveries = 0
        self.seen: set[str] = set()
        self.last: dict[str, str] = {}
        self.kept: list[str] = []
        self.rows: list[list[str]] = []
        self.counted = dict.fromkeys(("entries_accepted", "entries_duplicate", "entry_id_reused", "kept"), 0)
        self.pending: dict[str, Pending] = {}
        self.shops: dict[str, int] = {}
        self.seq = 0

    @rule(
        entries=st.lists(st.tuples(st.sampled_from(sorted(IDENTITIES)), st.sampled_from(ORDERS)), max_size=4),
        kept=st.lists(st.sampled_from("xyz"), max_size=2),
    )
    def deliver(self, entries: list[tuple[str, str]], kept: list[str]) -> None:
        self.deliveries += 1
        was_empty = not self.rows
        made = [self.entry(digest, order) for digest, order in entries]
        items = [
            UnrecognizedEntry(reason="unknown", digest=digest, sealed=f"sealed {digest}") for digest in kept
        ]
        receipts = [self.wait_for(made, items) for _ in range(2)]
        duplicates = reused = 0
        row: list[str] = []
        for digest, order in entries:
            identity = IDENTITIES[digest]
            if digest in self.seen:
                duplicates += 1
                continue
            self.seen.add(digest)
            row.append(order)
            if not identity.endswith(":"):
                reused += self.last.get(identity, digest) != digest
                self.last[identity] = digest
        accepted = len(row)
        self.rows += [row] if row else []
        for digest in kept:
            if digest not in self.kept:
                self.kept.append(digest)
        for name, by in zip(self.counted, (accepted, duplicates, reused), strict=False):
            self.counted[name] += by
        self.counted["kept"] = len(self.kept)
        first, second = receipts
        assert (first.accepted, first.duplicates, first.reused) == (accepted, duplicates, reused)
        assert first.was_empty is was_empty
        assert second.accepted == accepted
        # What the delivery repeats of itself or of others is counted for each POST that says it.
        self.counted["entries_duplicate"] += second.duplicates
        assert second.duplicates == duplicates
        assert second.was_empty is was_empty

    @rule(limit=st.integers(1, 4), shops=st.lists(st.sampled_from(["112", "113"]), unique=True))
    def drain(self, limit: int, shops: list[str]) -> None:
        waiting = self.inbox.pending(limit)
        hints = [hint for row in waiting for entry in row.entries for hint in entry]
        orders = sorted({hint.order_id or "" for hint in hints})
        pending = [PendingSync(order_id=one, shop_id=None, cause=Cause.WEBHOOK) for one in orders]
        rows = self.rows_of(limit)
        assert [[entry[0].order_id for entry in row.entries] for row in waiting] == rows
        first, second = (self.inbox.drained(waiting, pending, shops, self.now) for _ in range(2))
        del self.rows[: len(rows)]
        assert first.left == second.left == sum(map(len, self.rows))
        assert (second.orders, second.shops) == ((), ())
        if waiting:
            assert first.orders == tuple(one for one in orders if self.add_in_model(one, None, Cause.WEBHOOK))
            assert first.shops == tuple(one for one in shops if one not in self.shops)
            for shop in shops:
                self.seq += 1
                self.shops[shop] = self.seq
        else:
            assert (first.orders, first.shops) == ((), ())

    @rule(
        order=st.sampled_from(ORDERS),
        shop=st.sampled_from([None, "112"]),
        cause=st.sampled_from(["webhook", "reconciliation", "rest"]),
    )
    def add(self, order: str, shop: str | None, cause: Cause) -> None:
        woken = self.syncs.add(PendingSync(order_id=order, shop_id=shop, cause=cause), self.now)
        assert woken is self.add_in_model(order, shop, cause)

    @rule(order=st.sampled_from(ORDERS), behind=st.booleans())
    def done(self, order: str, behind: bool) -> None:
        known = self.pending.get(order)
        seq = (known.seq if known else 1) - behind
        cleared = twice(lambda: self.syncs.done(order, seq))
        assert cleared is (known is None or seq == known.seq)
        if cleared:
            self.pending.pop(order, None)

    @rule(order=st.sampled_from(ORDERS), behind=st.booleans())
    def reschedule(self, order: str, behind: bool) -> None:
        known = self.pending.get(order)
        seq = (known.seq if known else 1) - behind
        due_at = self.now + timedelta(seconds=30)
        moved = twice(lambda: self.syncs.reschedule(order, seq, due_at=due_at, error="away", failures=3))
        assert moved is (known is not None and seq == known.seq)
        if moved and known:
            known.due_at, known.failures = due_at, 3

    @rule(shop=st.sampled_from(["112", "113"]), behind=st.booleans())
    def shop_done(self, shop: str, behind: bool) -> None:
        seq = self.shops.get(shop, 1) - behind
        cleared = twice(lambda: self.syncs.done_shop(shop, seq))
        assert cleared is (self.shops.get(shop, seq) == seq)
        if cleared:
            self.shops.pop(shop, None)

    @rule(seconds=st.sampled_from([1, 31]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def everything_is_the_models(self) -> None:
        assert self.inbox.size() == sum(map(len, self.rows))
        assert Counters(self.store).counters() == {
            name: count for name, count in self.counted.items() if count
        }
        assert [item.digest for item in self.inbox.kept(limit=10).items] == self.kept[::-1]
        for order in ORDERS:
            stored, model = self.syncs.get(order), self.pending.get(order)
            if model is None:
                assert stored is None
                continue
            assert stored is not None
            assert (stored.seq, stored.due_at, stored.shop_id, stored.cause, stored.failures) == (
                model.seq,
                model.due_at,
                model.shop,
                model.cause,
                model.failures,
            )
        due = [one.order_id for one in self.syncs.due(self.now, limit=10)]
        assert sorted(due) == sorted(
            one for one, pending in self.pending.items() if pending.due_at <= self.now
        )
        assert {shop: self.syncs.get_shop(shop) for shop in self.shops} == self.shops
        assert sorted(self.syncs.shops_due(self.now, limit=10)) == sorted(self.shops)

    def add_in_model(self, order: str, shop: str | None, cause: Cause) -> bool:
        self.seq += 1
        known = self.pending.get(order)
        if known is None:
            self.pending[order] = Pending(seq=self.seq, due_at=self.now, shop=shop, cause=cause)
            return True
        woken = known.due_at > self.now
        known.seq, known.shop = self.seq, shop or known.shop
        known.due_at = min(known.due_at, self.now)
        if cause == "webhook":
            known.cause = cause
        return woken

    def rows_of(self, limit: int) -> list[list[str]]:
        """Return the rows that waited longest: whole ones, and no more than hold so many entries."""
        count = 0
        for number, row in enumerate(self.rows):
            if count >= limit:
                return self.rows[:number]
            count += len(row)
        return self.rows[:]

    def entry(self, digest: str, order: str) -> Entry:
        return Entry(
            digest=digest,
            identity=IDENTITIES[digest],
            hints=(EntryHint(order_id=order, account_id=None),),
            unknown=None,
            content="{}",
        )

    def wait_for(self, entries: Sequence[Entry], kept: Sequence[UnrecognizedEntry]) -> Receipt:
        accepted = self.taker.accept(f"d{self.deliveries}", entries, kept, self.now)
        return self.loop.run_until_complete(accepted)


def twice(call: Callable[[], T]) -> T:
    first = call()
    assert call() == first
    return first


def test_each_entry_is_taken_once_and_what_it_asks_for_stays_owed_until_done(
    redis: Store, redis_url: str
) -> None:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        async_store = connect_async(redis_url, timeout_s=5)
        machine = type("BoundIntake", (Intake,), {"store": redis, "loop": loop, "async_store": async_store})
        try:
            run_state_machine_as_test(
                machine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
            )
        finally:
            loop.run_until_complete(async_store.aclose())
