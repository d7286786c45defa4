"""The scripts of the command ledger against a model in Python; every call is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.domain.commands import Acknowledge, CommandKind, CommandStatus
from app.store import keys
from app.store.commands import Commands, Lease, LeaseDenied, LeaseDeniedReason
from app.store.connection import Store
from app.store.orders import Orders
from app.store.syncs import Syncs
from tests.integration.store.samples import NOW, WIRE, attempt, command, note, settlement, ship

T = TypeVar("T")

ORDERS = ("o1", "o2")
LEASE_S = 30.0
ACTIVE_S = 20.0
JOBS = ("j1", "j2")
KINDS = (CommandKind.ACKNOWLEDGE, CommandKind.SHIP)
# Which of the latest commands or runs: old ones rarely matter, and late comers are among these too.
RECENT = st.sampled_from([0, 0, 0, 1, 1, 2])


@dataclass(kw_only=True)
class Model:
    """One command as the ledger should know it."""

    id: str
    order: str
    kind: CommandKind
    status: CommandStatus = CommandStatus.PENDING
    key: str = ""
    token: str | None = None
    lease_until: datetime | None = None
    due_at: datetime | None = None
    wire: bool = False
    attempts: dict[int, str | None] = field(default_factory=dict)
    before: int = 0
    lost: int = 0


class Ledger(RuleBasedStateMachine):
    """Two orders, two kinds of command, workers that come, die, and come back late."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.store.flushdb()
        self.commands, self.orders = Commands(self.store), Orders(self.store)
        self.syncs, self.pending = Syncs(self.store), set[str]()
        self.now = NOW
        self.made: dict[str, Model] = {}
        self.lanes: dict[str, list[str]] = {name: [] for name in ORDERS}
        self.automatic: dict[str, str] = {}
        self.tokens: list[tuple[str, str]] = []
        self.last_settled: dict[str, str] = {}
        self.notes = dict.fromkeys(ORDERS, 0)
        self.count_until: dict[tuple[CommandKind, str], datetime] = {}

    @initialize(automatic=st.booleans())
    def begin_with_a_lane(self, automatic: bool) -> None:
        self.accept(order="o1", acknowledge=True, once=False, automatic=automatic)
        self.accept(order="o1", acknowledge=False, once=False, automatic=False)
        self.head_runs()

    @rule(
        order=st.sampled_from(ORDERS), acknowledge=st.booleans(), once=st.booleans(), automatic=st.booleans()
    )
    def accept(self, order: str, acknowledge: bool, once: bool, automatic: bool) -> None:
        change = Acknowledge(merchant_order_reference=None) if acknowledge else ship()
        kind = change.kind
        new = command(f"c{len(self.made)}", order_id=order, change=change, at=self.now)
        open_like_it = [one for one in self.lanes[order] if self.made[one].kind is kind]
        answers = [
            self.commands.accept(new, timeline=note(command=new.id), once=once, automatic=automatic)
            for _ in range(2)
        ]
        if automatic and order in self.automatic:
            expected = self.automatic[order]
        elif once and open_like_it:
            expected = open_like_it[0]
        else:
            expected = new.id
            self.made[new.id] = Model(id=new.id, order=order, kind=kind, key=new.idempotency_key)
            self.lanes[order].append(new.id)
            self.notes[order] += 1
            if automatic:
                self.automatic[order] = new.id
            if self.lanes[order] == [new.id]:
                self.made[new.id].due_at = self.now
        head = self.lanes[order][:1] == [expected]
        assert [answer.command_id for answer in answers] == [expected, expected]
        assert [answer.head for answer in answers] == [head, head]
        assert [answer.created for answer in answers] == [expected == new.id, False]
        assert [answer.active_consumers for answer in answers] == [self.active_consumers(kind)] * 2

    @precondition(lambda self: self.made)
    @rule(pick=RECENT)
    def take(self, pick: int) -> None:
        self.taken(self.picked(pick))

    def taken(self, model: Model) -> None:
        token = f"t{len(self.tokens)}"
        answer = twice(lambda: self.commands.lease(model.id, token=token, now=self.now, lease_s=LEASE_S))
        reason = self.why_not(model)
        if reason is not None:
            assert isinstance(answer, LeaseDenied)
            assert answer.reason is reason
            return
        assert isinstance(answer, Lease)
        self.is_taken(model, token, answer)

    def is_taken(self, model: Model, token: str, answer: Lease) -> None:
        self.tokens.append((token, model.id))
        model.lost += model.status is CommandStatus.RUNNING
        model.status, model.token, model.due_at = CommandStatus.RUNNING, token, None
        model.lease_until = self.now + timedelta(seconds=LEASE_S)
        assert answer.lost_runs == model.lost
        assert answer.command == self.commands.get(model.id)
        assert answer.read_pending is (model.order in self.pending)

    @rule(kind=st.sampled_from(KINDS), job=st.sampled_from(JOBS))
    def drain_loop(self, kind: CommandKind, job: str) -> None:
        token = f"t{len(self.tokens)}"
        due = self.due_of(kind)
        answer = twice(
            lambda: self.commands.lease_next(
                kind, "112", job=job, token=token, now=self.now, lease_s=LEASE_S, active_s=ACTIVE_S
            )
        )
        if not due:
            assert answer is None
            self.count_until.pop((kind, job), None)
            return
        self.count_until[kind, job] = self.now + timedelta(seconds=ACTIVE_S)
        assert answer is not None
        assert answer.waiting == len(due) - 1
        self.is_taken(due[0], token, answer)

    @rule(kind=st.sampled_from(KINDS), job=st.sampled_from(JOBS))
    def requeue(self, kind: CommandKind, job: str) -> None:
        left = twice(lambda: self.commands.requeue(kind, "112", job=job, now=self.now))
        self.count_until.pop((kind, job), None)
        due = self.due_of(kind)
        assert left == ((due[0].id, due[0].order) if due else None)

    @rule()
    def head_runs(self) -> None:
        """A worker comes to the head of the first lane that has one, and makes a call."""
        heads = [lane[0] for lane in self.lanes.values() if lane]
        if heads:
            self.taken(self.made[heads[0]])
        if self.tokens:
            self.begin(pick=0)

    @rule(new_key=st.booleans(), dismissed=st.booleans())
    def head_gives_up(self, new_key: bool, dismissed: bool) -> None:
        """A command dies after a call, and a person replays or dismisses it."""
        self.head_runs()
        if self.tokens:
            self.settle(pick=0, status=CommandStatus.DEAD, new_key=False)
            command_id = self.tokens[-1][1]
            pick = len(self.made) - 1 - list(self.made).index(command_id)
            if dismissed:
                self.dismiss(pick=pick)
            else:
                self.replay(pick=pick, new_key=new_key)

    @precondition(lambda self: self.tokens)
    @rule(pick=RECENT)
    def begin(self, pick: int) -> None:
        token, model = self.held(pick)
        number = max(model.attempts, default=0) + 1
        begun = twice(
            lambda: self.commands.begin_attempt(
                model.id, token=token, attempt=attempt(number, key=model.key, at=self.now), wire=WIRE
            )
        )
        assert begun is (
            model.token == token and model.lease_until is not None and model.lease_until > self.now
        )
        if begun:
            model.attempts[number], model.wire = None, True

    @precondition(lambda self: self.tokens)
    @rule(pick=RECENT, more_s=st.integers(min_value=-10, max_value=90))
    def renew(self, pick: int, more_s: int) -> None:
        token, model = self.held(pick)
        until = self.now + timedelta(seconds=more_s)
        lost = twice(lambda: self.commands.renew({model.id: token}, until=until))
        assert lost == ([] if model.token == token else [model.id])
        if not lost and model.lease_until is not None:
            model.lease_until = max(model.lease_until, until)

    @precondition(lambda self: self.tokens)
    @rule(
        pick=RECENT,
        status=st.sampled_from([s for s in CommandStatus if s.final] + [CommandStatus.WAITING] * 2),
        new_key=st.booleans(),
        read_pending=st.booleans(),
    )
    def settle(self, pick: int, status: CommandStatus, new_key: bool, read_pending: bool = False) -> None:
        token, model = self.held(pick)
        before = self.commands.get(model.id)
        number = max(model.attempts, default=0)
        finished = attempt(number, key=model.key, at=self.now, outcome="unknown") if number else None
        key = f"{model.key}'" if new_key else model.key
        next_at = self.now + timedelta(seconds=60) if status is CommandStatus.WAITING else None
        ending = settlement(
            status,
            attempt=finished,
            next_attempt_at=next_at,
            idempotency_key=key,
            keep_wire=not new_key,
            timeline=(note("settled", token=token),),
            read_pending=read_pending,
        )
        answer = twice(lambda: self.commands.settle(model.id, token=token, settlement=ending, now=self.now))
        if model.token != token:
            # The run that settled last is told again that it did; any other changes nothing.
            assert answer.ok is (self.last_settled.get(model.id) == token)
            assert self.commands.get(model.id) == before
            return
        if number:
            model.attempts[number] = "unknown"
        model.key, model.wire = key, model.wire and not new_key
        if read_pending:
            self.pending.add(model.order)
        self.left_run(model, token, status, next_at)
        assert answer.ok
        assert answer.next_id == (self.lanes[model.order][0] if self.lanes[model.order] else None)
        assert answer.next_due_at == (next_at or (self.now if answer.next_id else None))
        self.notes[model.order] += 1

    @precondition(lambda self: self.tokens)
    @rule(pick=RECENT)
    def release(self, pick: int) -> None:
        token, model = self.held(pick)
        answer = twice(lambda: self.commands.release(model.id, token=token, now=self.now))
        if model.token == token:
            self.left_run(model, token, CommandStatus.WAITING, self.now)
            assert answer.ok

    @precondition(lambda self: self.made)
    @rule(pick=RECENT, new_key=st.booleans())
    def replay(self, pick: int, new_key: bool) -> None:
        model = self.picked(pick)
        self.now += timedelta(microseconds=1)
        key = f"{model.key}r" if new_key else model.key
        replayed = twice(
            lambda: self.commands.replay(model.id, now=self.now, idempotency_key=key, timeline=[note("r")])
        )
        assert replayed is (model.status is CommandStatus.DEAD)
        if replayed:
            model.status, model.key, model.wire = CommandStatus.PENDING, key, model.wire and not new_key
            model.before = max(model.attempts, default=0)
            self.last_settled.pop(model.id, None)
            self.notes[model.order] += 1
            self.lanes[model.order].append(model.id)
            if self.lanes[model.order] == [model.id]:
                model.due_at = self.now

    @precondition(lambda self: self.made)
    @rule(pick=RECENT)
    def dismiss(self, pick: int) -> None:
        model = self.picked(pick)
        self.now += timedelta(microseconds=1)
        dismissed = twice(
            lambda: self.commands.dismiss(model.id, now=self.now, reason="no", timeline=[note("d")])
        )
        assert dismissed is (model.status is CommandStatus.DEAD)
        if dismissed:
            model.status = CommandStatus.FAILED
            self.notes[model.order] += 1

    @rule(seconds=st.sampled_from([1, 15, 30, 31, 60, 1000]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def lanes_and_records_are_the_models(self) -> None:
        for order in ORDERS:
            assert list(self.commands.lane(order)) == self.lanes[order]
            assert len(self.orders.timeline(order, limit=1000).items) == self.notes[order]
        for model in self.made.values():
            stored = self.commands.get(model.id)
            assert stored is not None
            assert stored.status is model.status
            assert stored.idempotency_key == model.key
            assert (stored.wire is not None) is model.wire
            assert {one.number: one.outcome for one in stored.attempts} == model.attempts
            assert stored.attempts_before == model.before

    @invariant()
    def indexes_are_the_models(self) -> None:
        for status in CommandStatus:
            expected = {one.id for one in self.made.values() if one.status is status}
            assert self.store.zcard(keys.commands_by_status(status.value)) == len(expected)
        due = {one.id: one.due_at for one in self.commands.due(self.now, limit=1000)}
        models = self.made.values()
        assert due == {one.id: one.due_at for one in models if one.due_at and one.due_at <= self.now}
        for kind in KINDS:
            of_shop = self.store.zrange(keys.due_of(kind.value, "112"), 0, -1)
            assert set(of_shop) == {one.id for one in models if one.due_at and one.kind is kind}
        expired = {one.id: one.due_at for one in self.commands.expired(self.now, limit=1000)}
        assert expired == {
            one.id: one.lease_until for one in models if one.lease_until and one.lease_until <= self.now
        }

    def teardown(self) -> None:
        for status in CommandStatus:
            expected = {one.id for one in self.made.values() if one.status is status}
            assert {one.id for one in self.commands.list(status=status, limit=1000).items} == expected

    @invariant()
    def jobs_that_go_on_are_the_models(self) -> None:
        counted = self.commands.active_consumers([(kind, "112") for kind in KINDS], self.now)
        assert counted == {(kind, "112"): self.active_consumers(kind) for kind in KINDS}

    @invariant()
    def what_is_owed_is_the_models(self) -> None:
        pending = {order for order in ORDERS if self.syncs.get(order)}
        assert pending == self.pending
        assert {one.order_id for one in self.syncs.due_of("112", self.now, limit=10)} == pending

    @invariant()
    def no_lane_is_stuck(self) -> None:
        for lane in self.lanes.values():
            if lane:
                head = self.made[lane[0]]
                assert head.due_at is not None or head.lease_until is not None

    def active_consumers(self, kind: CommandKind) -> int:
        return sum(whose is kind and until > self.now for (whose, _), until in self.count_until.items())

    def due_of(self, kind: CommandKind) -> list[Model]:
        due = [
            (one.due_at, one.id, one)
            for one in self.made.values()
            if one.kind is kind and one.due_at is not None and one.due_at <= self.now
        ]
        return [model for _, _, model in sorted(due, key=lambda row: row[:2])]

    def picked(self, pick: int) -> Model:
        return self.made[f"c{max(0, len(self.made) - 1 - pick)}"]

    def held(self, pick: int) -> tuple[str, Model]:
        token, command_id = self.tokens[max(0, len(self.tokens) - 1 - pick)]
        return token, self.made[command_id]

    def why_not(self, model: Model) -> LeaseDeniedReason | None:
        if model.status.final:
            return LeaseDeniedReason.DONE
        if model.lease_until is not None and model.lease_until > self.now:
            return LeaseDeniedReason.LEASED
        if self.lanes[model.order][0] != model.id:
            return LeaseDeniedReason.NOT_HEAD
        if model.due_at is not None and model.due_at > self.now:
            return LeaseDeniedReason.NOT_DUE
        return None

    def left_run(self, model: Model, token: str, status: CommandStatus, next_at: datetime | None) -> None:
        self.last_settled[model.id] = token
        model.status, model.token, model.lease_until, model.lost = status, None, None, 0
        model.due_at = next_at
        lane = self.lanes[model.order]
        if status.final:
            lane.remove(model.id)
            if lane:
                self.made[lane[0]].due_at = self.now


def twice(call: Callable[[], T]) -> T:
    first = call()
    assert call() == first
    return first


def test_the_ledger_does_what_the_model_does_however_often_it_is_told(redis: Store) -> None:
    machine = type("BoundLedger", (Ledger,), {"store": redis})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
