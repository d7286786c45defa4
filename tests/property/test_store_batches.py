"""The gathering and its batches against a model in Python: nobody is in two places, and nobody in none."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.domain.commands import Acknowledge, CommandStatus
from app.store import keys
from app.store.batches import Alone, Batches, FormedBatch, Gathering
from app.store.commands import Commands, Lease
from app.store.connection import Store
from tests.integration.store.samples import NOW, command, note, settlement

MOST = 4
WINDOW_S = 2.0
SHOP = "112"


class Gatherer(RuleBasedStateMachine):
    """Acknowledgements that come, gather, go out in batches, are settled, or run alone."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.store.flushdb()
        self.commands, self.batches = Commands(self.store), Batches(self.store)
        self.now = NOW
        self.made = 0
        self.gathering: list[tuple[str, int]] = []
        self.carried: dict[str, list[str]] = {}
        self.alone: set[str] = set()
        self.ended: set[str] = set()

    @rule(passed_s=st.sampled_from([0.0, 0.1, 1.5, 3.0]))
    def time_passes(self, passed_s: float) -> None:
        self.now += timedelta(seconds=passed_s)

    @rule(gather=st.sampled_from([True, True, True, False]))
    def accept(self, gather: bool) -> None:
        name = f"c{self.made:03}"
        self.made += 1
        new = command(
            name, order_id=f"o{name}", change=Acknowledge(merchant_order_reference=name), at=self.now
        )
        answers = [self.commands.accept(new, timeline=note(), once=True, gather=gather) for _ in range(2)]
        if gather:
            self.gathering.append((name, round((self.now - NOW).total_seconds() * 10)))
        else:
            self.alone.add(name)
        expected = len(self.gathering) if gather else 0
        assert [answer.gathered for answer in answers] == [expected, expected]
        assert [answer.head for answer in answers] == [not gather, not gather]

    @rule()
    def form(self) -> None:
        batch_id = f"b{len(self.carried)}"
        formed = self.batches.form(
            SHOP, batch_id=batch_id, idempotency_key="k", now=self.now, window_s=WINDOW_S, most=MOST
        )
        waiting = sorted(self.gathering, key=lambda one: (one[1], one[0]))
        age = round((self.now - NOW).total_seconds() * 10) - waiting[0][1] if waiting else 0
        going = [name for name, _ in waiting[:MOST]]
        if not waiting:
            assert formed is None
        elif len(waiting) < MOST and age < WINDOW_S * 10:
            assert isinstance(formed, Gathering)
        elif len(going) == 1:
            assert formed == Alone(command_id=going[0], order_id=f"o{going[0]}")
            self.alone.add(going[0])
            self.gathering = waiting[1:]
        else:
            lane = f"{len(going)}_orders_of_{SHOP}_{batch_id}"
            assert formed == FormedBatch(id=batch_id, orders=len(going), lane=lane)
            again = self.batches.form(
                SHOP, batch_id=batch_id, idempotency_key="k", now=self.now, window_s=WINDOW_S, most=MOST
            )
            assert again == formed
            self.carried[batch_id] = going
            self.gathering = waiting[len(going) :]

    @precondition(lambda self: any(self.carried.values()))
    @rule(pick=st.integers(0, 9), waits=st.booleans())
    def one_leaves(self, pick: int, waits: bool) -> None:
        batch_id = [name for name, members in self.carried.items() if members][-1]
        members = self.carried[batch_id]
        member = members.pop(pick % len(members))
        status = CommandStatus.WAITING if waits else CommandStatus.SUCCEEDED
        ending = settlement(status, next_attempt_at=self.now if waits else None)
        for _ in range(2):
            settled = self.commands.settle_many({member: ending}, token=batch_id, now=self.now)
            assert settled[member].ok
        (self.alone if waits else self.ended).add(member)

    @precondition(lambda self: any(self.carried.values()))
    @rule()
    def the_batch_waits(self) -> None:
        batch_id, members = [(name, of) for name, of in self.carried.items() if of][-1]
        notes = {member: note() for member in [*members, *self.ended]}
        self.batches.wait(batch_id, notes, until=self.now, attempt=None, error="wait")
        for member in self.ended:
            found = self.commands.get(member)
            assert found is not None
            assert found.status.final

    @precondition(lambda self: self.alone)
    @rule()
    def one_runs_alone(self) -> None:
        name = min(self.alone)
        token = f"t{name}{self.now}"
        assert isinstance(self.commands.lease(name, token=token, now=self.now, lease_s=5), Lease)
        ending = settlement(CommandStatus.SUCCEEDED)
        assert self.commands.settle(name, token=token, settlement=ending, now=self.now).ok
        self.alone.remove(name)
        self.ended.add(name)

    @invariant()
    def everybody_is_in_exactly_one_place(self) -> None:
        assert self.store.zcard(keys.gathering(SHOP)) == len(self.gathering)
        due = {one.id for one in self.commands.due(self.now, limit=1000)}
        assert due == self.alone | set(self.carried)
        for batch_id, members in self.carried.items():
            assert [one.id for one in self.batches.members(batch_id)] == sorted(members)
            for member in members:
                taken = self.commands.lease(member, token="thief", now=self.now, lease_s=5)
                assert not isinstance(taken, Lease)


def test_the_gathering_does_what_the_model_does_however_often_it_is_told(redis: Store) -> None:
    machine = type("BoundGatherer", (Gatherer,), {"store": redis})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
