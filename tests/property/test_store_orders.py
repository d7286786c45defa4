"""The scripts of the order copies, their indexes and pages against a model in Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.domain.orders import Order, OrderState
from app.store import keys
from app.store.connection import Store
from app.store.orders import Orders, SealedBuyer, WriteResult
from app.store.pages import Page, read_page
from app.store.script import load
from tests.integration.store.samples import NOW, note, order

T = TypeVar("T")

IDS = ("1", "2", "3")
STATES = (OrderState.FB_PROCESSING, OrderState.CREATED, OrderState.COMPLETED)
REFERENCES = (None, "A-100", "A-200")
MAX_PAGES_WALKED = 100


@dataclass(kw_only=True)
class Copy:
    """One stored copy as it should be."""

    order: Order
    read_s: int
    version: int
    buyer: str | None
    address: str | None
    notes: int


class Copies(RuleBasedStateMachine):
    """Three orders, written by readers who are early, late, or behind another writer."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.store.flushdb()
        self.orders = Orders(self.store)
        self.copies: dict[str, Copy] = {}
        self.writes = 0

    @rule(
        order_id=st.sampled_from(IDS),
        named=st.tuples(st.sampled_from(STATES), st.sampled_from(REFERENCES)),
        times_s=st.tuples(st.integers(0, 3), st.integers(0, 3)),
        behind=st.sampled_from([0, 0, 0, 1]),
        seals=st.tuples(st.sampled_from([None, "sealed-1", "sealed-2"]), st.sampled_from([None, "sealed-3"])),
    )
    def write(
        self,
        order_id: str,
        named: tuple[OrderState, str | None],
        times_s: tuple[int, int],
        behind: int,
        seals: tuple[str | None, str | None],
    ) -> None:
        (state, reference), (updated_s, read_s), (buyer, address) = named, times_s, seals
        copy = self.copies.get(order_id)
        version = max(0, (copy.version if copy else 0) - behind)
        new = order(
            order_id,
            state=state,
            merchant_order_reference=reference,
            updated_at=NOW + timedelta(seconds=updated_s),
        )
        self.writes += 1
        results = [
            self.orders.write(
                new,
                SealedBuyer(buyer=buyer, shipping_address=address),
                expected_version=version,
                read_at=NOW + timedelta(seconds=read_s),
                write_id=f"w{self.writes}",
                timeline=[note("order.changed", write=self.writes)],
            )
            for _ in range(2)
        ]
        if copy and (new.updated_at, read_s) < (copy.order.updated_at, copy.read_s):
            expected = WriteResult.OLDER
        elif copy and version != copy.version:
            expected = WriteResult.CONFLICT
        else:
            expected = WriteResult.UPDATED if copy else WriteResult.CREATED
            self.copies[order_id] = Copy(
                order=new,
                read_s=read_s,
                version=version + 1,
                buyer=buyer or (copy.buyer if copy else None),
                address=address or (copy.address if copy else None),
                notes=(copy.notes if copy else 0) + 1,
            )
        assert results == [expected, expected]

    @invariant()
    def copies_are_the_models(self) -> None:
        for order_id, stored in zip(IDS, self.orders.get_many(IDS), strict=True):
            copy = self.copies.get(order_id)
            if copy is None:
                assert stored is None
                continue
            assert stored is not None
            assert stored.order == copy.order
            assert stored.version == copy.version
            assert stored.synced_at == NOW + timedelta(seconds=copy.read_s)
            assert stored.sealed == SealedBuyer(buyer=copy.buyer, shipping_address=copy.address)
            assert len(self.orders.timeline(order_id, limit=1000).items) == copy.notes

    @invariant()
    def listings_are_the_models(self) -> None:
        for state in (None, *STATES):
            for reference in REFERENCES:
                assert self.listed(state, reference, None) == self.expected(state, reference, None)
        after = 1
        assert self.listed(None, None, after) == self.expected(None, None, after)

    def listed(self, state: OrderState | None, reference: str | None, after_s: int | None) -> list[str]:
        after = None if after_s is None else NOW + timedelta(seconds=after_s)
        found = walk(
            lambda cursor: self.orders.list(
                state=state, reference=reference, updated_after=after, limit=1, cursor=cursor
            )
        )
        return [stored.order.id for stored in found]

    def expected(self, state: OrderState | None, reference: str | None, after_s: int | None) -> list[str]:
        found = [
            copy.order
            for copy in self.copies.values()
            if (state is None or copy.order.state is state)
            and (reference is None or copy.order.merchant_order_reference == reference)
            and (after_s is None or copy.order.updated_at > NOW + timedelta(seconds=after_s))
        ]
        return [one.id for one in sorted(found, key=lambda one: (one.updated_at, one.id), reverse=True)]


def walk(page_at: Callable[[str | None], Page[T]]) -> list[T]:
    cursor: str | None = None
    found: list[T] = []
    for _ in range(MAX_PAGES_WALKED):
        page = page_at(cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError(f"the listing did not end within {MAX_PAGES_WALKED} pages")


def test_copies_never_go_back_and_indexes_follow_them(redis: Store) -> None:
    machine = type("BoundCopies", (Copies,), {"store": redis})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=20, stateful_step_count=20, deadline=None)
    )


MEMBERS = st.text(alphabet="aBzé0", min_size=1, max_size=3)


def test_pages_show_every_row_once_in_order_however_scores_tie_and_rows_move(redis: Store) -> None:
    @settings(max_examples=100, deadline=None)
    @given(
        scores=st.dictionaries(MEMBERS, st.integers(0, 2), min_size=1, max_size=12),
        chosen=st.sets(MEMBERS, max_size=8),
        filtered=st.booleans(),
        limit=st.integers(1, 5),
        moved=st.booleans(),
    )
    def holds(scores: dict[str, int], chosen: set[str], filtered: bool, limit: int, moved: bool) -> None:
        redis.flushdb()
        script = load(redis, "page")
        redis.zadd("all", dict(scores))
        redis.zadd("some", dict.fromkeys(chosen, 0) | {"\x00": 0})
        for member in scores:
            redis.hset(f"r:{member}", "id", member)
        cursor: str | None = None
        seen: list[str] = []
        for _ in range(MAX_PAGES_WALKED):
            page = read_page(
                script,
                indexes=["all", "some"] if filtered else ["all"],
                record_prefix="r:",
                limit=limit,
                cursor=cursor,
            )
            seen += [row.id for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
            if moved:
                # What was seen moves to the front, as an updated order does; nothing else may be disturbed.
                redis.zadd("all", dict.fromkeys(seen, 9))
        wanted = [member for member in scores if not filtered or member in chosen]
        in_order = sorted(wanted, key=lambda member: (scores[member], member.encode()), reverse=True)
        assert seen == in_order

    holds()


def test_a_timeline_page_goes_on_where_the_last_one_stopped_also_after_the_oldest_were_dropped(
    redis: Store,
) -> None:
    orders = Orders(redis)

    def write(version: int, numbers: range) -> None:
        orders.write(
            order("1"),
            SealedBuyer(buyer=None, shipping_address=None),
            expected_version=version,
            read_at=NOW,
            write_id=f"w{version}",
            timeline=[note("n", number=number) for number in numbers],
        )

    for version, start in enumerate(range(0, 900, 300)):
        write(version, range(start, start + 300))
    first = orders.timeline("1", limit=100)
    write(3, range(900, 1150))
    assert redis.llen(keys.timeline("1")) == 1000
    rest = walk(lambda cursor: orders.timeline("1", limit=400, cursor=cursor or first.next_cursor))
    assert [entry.detail["number"] for entry in first.items] == list(range(100))
    # The first 150 were dropped meanwhile: 50 of them unseen, and then everything, once.
    assert [entry.detail["number"] for entry in rest] == list(range(150, 1150))
