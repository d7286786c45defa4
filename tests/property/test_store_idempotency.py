"""The scripts of idempotency keys against a model in Python; every call is sent twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from app.store.connection import Store
from app.store.idempotency import (
    IN_FLIGHT_S,
    Claimed,
    Idempotency,
    IdempotentAnswer,
    InFlight,
    Mismatched,
    Replayed,
)
from tests.integration.store.samples import NOW

NAMES = st.sampled_from([("caller-1", "key ß"), ("caller-1", "key ß"), ("caller-2", "key ß")])


@dataclass(kw_only=True)
class Claim:
    """What is known under one key."""

    fingerprint: str
    operation: str
    until: datetime
    body: str | None = None


class Keys(RuleBasedStateMachine):
    """Two callers, two keys, requests that repeat, differ, crash and come back."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.store.flushdb()
        self.idempotency = Idempotency(self.store)
        self.now = NOW
        self.claims: dict[tuple[str, str], Claim] = {}
        self.requests = 0

    @rule(name=NAMES, fingerprint=st.sampled_from(["f1", "f1", "f1", "f2"]))
    def claim(self, name: tuple[str, str], fingerprint: str) -> None:
        self.requests += 1
        operation = f"op{self.requests}"
        known = self.claims.get(name)
        answer = self.idempotency.claim(*name, fingerprint, operation_id=operation, now=self.now)
        if known is None:
            until = self.now + timedelta(seconds=IN_FLIGHT_S)
            self.claims[name] = Claim(fingerprint=fingerprint, operation=operation, until=until)
            assert answer == Claimed(operation_id=operation)
            again = self.idempotency.claim(*name, fingerprint, operation_id=operation, now=self.now)
            assert again == answer
        elif known.fingerprint != fingerprint:
            assert answer == Mismatched()
        elif known.body is not None:
            assert answer == Replayed(status=202, body=known.body, headers={"Location": "/v1"})
        elif known.until > self.now:
            assert isinstance(answer, InFlight)
            assert answer.retry_after_s == (known.until - self.now).total_seconds()
        else:
            known.until = self.now + timedelta(seconds=IN_FLIGHT_S)
            assert answer == Claimed(operation_id=known.operation)

    @rule(name=NAMES)
    def finish(self, name: tuple[str, str]) -> None:
        self.requests += 1
        caller, key = name
        body = f'{{"n": {self.requests}}}'
        answer = IdempotentAnswer(caller=caller, key=key, status=202, body=body, headers={"Location": "/v1"})
        self.idempotency.finish(answer)
        self.idempotency.finish(answer)
        known = self.claims.get(name)
        if known is not None and known.body is None:
            known.body = body

    @rule(name=NAMES)
    def abandon(self, name: tuple[str, str]) -> None:
        self.idempotency.abandon(*name)
        self.idempotency.abandon(*name)
        known = self.claims.get(name)
        if known is not None and known.body is None:
            del self.claims[name]

    @rule(seconds=st.sampled_from([1, 59, 61]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


def test_one_key_has_one_answer_and_a_crashed_request_keeps_its_operation(redis: Store) -> None:
    machine = type("BoundKeys", (Keys,), {"store": redis})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )
