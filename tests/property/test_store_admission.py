"""The scripts of the admission_states against a model in Python; every report is sent twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.domain.admission import BreakerPolicy, PauseCause, Verdict
from app.domain.commands import CommandKind, CommandStatus
from app.store.admission import LEAST_THROTTLE_S, MOST_THROTTLE_S, AdmissionStates, Report
from app.store.commands import Commands, Lease
from app.store.connection import Store
from app.store.orders import Orders
from tests.integration.store.samples import NOW, command, note, settlement, ship

POLICY = BreakerPolicy(minimum=4, rate=0.5, window_s=60, open_s=30)
BUCKET_S = 10
SHOPS = ("s1", "s2")


@dataclass(kw_only=True)
class Model:
    """One gate as it should stand."""

    buckets: dict[int, list[int]] = field(default_factory=dict)
    breaker: datetime | None = None
    token: datetime | None = None
    token_ended: datetime | None = None
    token_turns: int = 0
    usage_since: datetime | None = None
    usage_until: datetime | None = None
    usage_turns: int = 0
    probe: tuple[str, datetime] | None = None

    def report(self, report: Report, now: datetime) -> tuple[set[PauseCause], set[PauseCause]]:
        began: set[PauseCause] = set()
        ended: set[PauseCause] = set()
        self._breaker(report, now, began, ended)
        self._token(report, now, began, ended)
        self._usage(report, now, began, ended)
        return began, ended

    def _breaker(self, report: Report, now: datetime, began: set[PauseCause], ended: set[PauseCause]) -> None:
        probe_at = now + timedelta(seconds=POLICY.open_s)
        if self.breaker is not None:
            if report.probe and report.failed:
                self.breaker = probe_at
            elif report.probe:
                self.breaker = None
                ended.add(PauseCause.BREAKER)
            return
        newest = int(now.timestamp() // BUCKET_S)
        self.buckets = {n: counts for n, counts in self.buckets.items() if n > newest - 6}
        bucket = self.buckets.setdefault(newest, [0, 0])
        bucket[0] += report.answered + report.failed
        bucket[1] += report.failed
        calls = sum(counts[0] for counts in self.buckets.values())
        failures = sum(counts[1] for counts in self.buckets.values())
        if report.failed and calls >= POLICY.minimum and failures >= POLICY.rate * calls:
            self.breaker, self.buckets = probe_at, {}
            began.add(PauseCause.BREAKER)

    def _token(self, report: Report, now: datetime, began: set[PauseCause], ended: set[PauseCause]) -> None:
        probe_at = now + timedelta(seconds=POLICY.open_s)
        if report.verdict is Verdict.TOKEN and self.token is None:
            soon = self.token_ended is not None and now - self.token_ended < timedelta(seconds=600)
            self.token_turns = min(self.token_turns + 1, 5) if soon else 0
            self.token = now + timedelta(seconds=POLICY.open_s * 2**self.token_turns)
            began.add(PauseCause.TOKEN)
        elif report.probe and self.token is not None:
            if report.verdict is Verdict.ANSWERED:
                self.token, self.token_ended = None, now
                ended.add(PauseCause.TOKEN)
            else:
                self.token = probe_at

    def _usage(self, report: Report, now: datetime, began: set[PauseCause], ended: set[PauseCause]) -> None:
        standing = self.usage_until is not None and self.usage_until > now
        said = now + timedelta(seconds=report.wait_s) if report.wait_s else None
        if report.verdict is Verdict.THROTTLED or (report.percent or 0) >= 100:
            if standing and self.usage_until is not None:
                self.usage_until = max(said or self.usage_until, self.usage_until)
            else:
                wait_s = min(LEAST_THROTTLE_S * 2 ** min(self.usage_turns, 20), MOST_THROTTLE_S)
                self.usage_until = said or now + timedelta(seconds=wait_s)
                self.usage_turns += 1
            if self.usage_since is None:
                self.usage_since = now
                began.add(PauseCause.USAGE)
        elif self.usage_since is not None and not standing and report.answered:
            self.usage_since = self.usage_until = None
            self.usage_turns = 0
            ended.add(PauseCause.USAGE)


class GateLedger(RuleBasedStateMachine):
    """Two shops whose calls come and go; what happens to one must never show at the other."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.store.flushdb()
        self.admission_states, self.now = AdmissionStates(self.store, POLICY), NOW
        self.models = {shop_id: Model() for shop_id in SHOPS}
        self.reports = 0

    @rule(seconds=st.sampled_from([0.001, 1, 9, 31, 70, 601]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(
        shop_id=st.sampled_from(SHOPS),
        verdict=st.sampled_from(list(Verdict)),
        quiet=st.integers(0, 4),
        probe=st.booleans(),
        usage=st.tuples(st.sampled_from([None, 3, 80, 100, 140]), st.sampled_from([None, 5.0, 300.0])),
    )
    def an_answer_comes(
        self,
        shop_id: str,
        verdict: Verdict,
        quiet: int,
        probe: bool,
        usage: tuple[int | None, float | None],
    ) -> None:
        self.reports += 1
        report = Report(
            token=f"r{self.reports}",
            answered=quiet + (verdict is not Verdict.FAILED),
            failed=int(verdict is Verdict.FAILED),
            verdict=verdict,
            probe=probe,
            percent=usage[0],
            wait_s=usage[1],
            text="the token is bad",
        )
        began, ended = self.models[shop_id].report(report, self.now)
        transitions = self.admission_states.report(shop_id, report, self.now)
        assert (set(transitions.began), set(transitions.ended)) == (began, ended)
        assert self.admission_states.report(shop_id, report, self.now) == transitions

    @rule(shop_id=st.sampled_from(SHOPS), prober=st.sampled_from(["p1", "p2"]), forced=st.booleans())
    def a_prober_comes(self, shop_id: str, prober: str, forced: bool) -> None:
        model = self.models[shop_id]
        held = model.probe
        due = any(at is not None and at <= self.now for at in (model.breaker, model.token))
        expected = (held is not None and held[0] == prober) or (
            (held is None or held[1] <= self.now) and (due or forced)
        )
        got = self.admission_states.claim_probe(
            shop_id, now=self.now, token=prober, lease_s=30, forced=forced
        )
        assert got is expected
        if got and not (held is not None and held[0] == prober):
            model.probe = (prober, self.now + timedelta(seconds=30))

    @rule(shop_id=st.sampled_from(SHOPS), prober=st.sampled_from(["p1", "p2"]))
    def a_prober_ends(self, shop_id: str, prober: str) -> None:
        model = self.models[shop_id]
        held = model.probe is not None and model.probe[0] == prober
        assert self.admission_states.end_probe(shop_id, prober) is held
        if held:
            model.probe = None

    @invariant()
    def every_gate_stands_as_its_model(self) -> None:
        states = self.admission_states.states(SHOPS)
        for shop_id, model in self.models.items():
            state = states[shop_id]
            assert (state.breaker_probe_at, state.token_probe_at) == (model.breaker, model.token)
            assert (state.usage_since, state.usage_until) == (model.usage_since, model.usage_until)
            assert (state.breaker_since is None) is (model.breaker is None)


def test_a_gate_does_what_its_model_does(redis: Store) -> None:
    GateLedger.store = redis
    run_state_machine_as_test(
        GateLedger,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture],
        ),
    )


def _paused(redis: Store, count: int) -> tuple[Commands, list[str]]:
    commands, ids = Commands(redis), []
    for number in range(count):
        one = command(
            f"c{number:03}", order_id=f"o{number}", change=ship(), at=NOW + timedelta(milliseconds=number)
        )
        commands.accept(one, timeline=note("command.accepted"))
        taken = commands.lease(one.id, token=f"t{number}", now=NOW + timedelta(seconds=1), lease_s=9)
        assert isinstance(taken, Lease)
        waiting = settlement(CommandStatus.WAITING, paused=True, timeline=(note("command.paused"),))
        assert commands.settle(one.id, token=f"t{number}", settlement=waiting, now=NOW).ok
        ids.append(one.id)
    return commands, ids


def test_s19_parked_commands_are_released_in_the_order_they_were_made_and_spread(redis: Store) -> None:
    commands, ids = _paused(redis, 25)
    admission_states = AdmissionStates(redis, POLICY)
    shop_id = commands.get(ids[0]).shop_id  # type: ignore[union-attr]  # it was just made
    later = NOW + timedelta(minutes=5)
    first = admission_states.release(shop_id, now=later, limit=100, a_second=10, within_s=1)
    rest = admission_states.release(shop_id, now=later, limit=100, a_second=10, within_s=10)
    assert [one.id for one in [*first, *rest]] == ids
    assert [one.due_at for one in [*first, *rest]] == [
        later + timedelta(seconds=number / 10) for number in range(25)
    ]
    assert len(first) == 11
    assert admission_states.state(shop_id).paused == 0
    due = commands.due(later, kind=CommandKind.SHIP, limit=100)
    assert [one.id for one in due] == ids[:1]


def test_a_command_taken_meanwhile_is_not_released_again(redis: Store) -> None:
    commands, ids = _paused(redis, 2)
    admission_states = AdmissionStates(redis, POLICY)
    shop_id = commands.get(ids[0]).shop_id  # type: ignore[union-attr]  # it was just made
    taken = commands.lease(ids[0], token="again", now=NOW + timedelta(hours=2), lease_s=9)
    assert isinstance(taken, Lease)
    released = admission_states.release(
        shop_id, now=NOW + timedelta(hours=2), limit=9, a_second=10, within_s=9
    )
    assert [one.id for one in released] == [ids[1]]


def test_a_command_that_is_parked_again_has_it_in_its_timeline_once(redis: Store) -> None:
    commands, ids = _paused(redis, 1)
    waiting = settlement(CommandStatus.WAITING, paused=True, timeline=(note("command.paused"),))
    for hour in (2, 10):
        at = NOW + timedelta(hours=hour)
        assert isinstance(commands.lease(ids[0], token=f"x{hour}", now=at, lease_s=9), Lease)
        commands.settle(ids[0], token=f"x{hour}", settlement=waiting, now=at)
    timeline = Orders(redis).timeline("o0", limit=50).items
    assert [entry.what for entry in timeline] == ["command.accepted", "command.paused"]
