from __future__ import annotations

import pytest

from app.domain.outcomes import Accepted, Busy, Refused, ThrottleCause, Throttled, Unknown
from app.domain.retry import Again, Done, Failed, GiveUp, RetryPolicy, next_step

POLICY = RetryPolicy(attempt_timeout_s=10, retry_delay_s=600, max_attempts=5)
LOST = Unknown(message="no answer")


def test_timeouts_double_from_the_first() -> None:
    assert [POLICY.timeout_s(number) for number in (1, 2, 3)] == [10, 20, 40]


@pytest.mark.parametrize(("attempts", "after_s"), [(1, 600), (2, 1200), (3, 2400), (4, 4800)])
def test_an_unknown_outcome_waits_twice_as_long_each_time_under_the_same_key(
    attempts: int, after_s: float
) -> None:
    assert next_step(LOST, attempts=attempts, policy=POLICY, jitter=0) == Again(
        after_s=after_s, new_key=False
    )


def test_the_last_attempt_gives_up() -> None:
    assert next_step(LOST, attempts=5, policy=POLICY, jitter=0) == GiveUp()
    assert next_step(Busy(code=2361081, message=""), attempts=5, policy=POLICY, jitter=0) == GiveUp()


def test_jitter_moves_a_delay_by_a_tenth_at_most() -> None:
    steps = [next_step(LOST, attempts=1, policy=POLICY, jitter=jitter) for jitter in (-1, 1)]
    assert steps == [Again(after_s=540, new_key=False), Again(after_s=660, new_key=False)]


def test_no_delay_is_longer_than_six_hours() -> None:
    policy = RetryPolicy(attempt_timeout_s=10, retry_delay_s=600, max_attempts=50)
    assert next_step(LOST, attempts=20, policy=policy, jitter=0) == Again(after_s=6 * 3600, new_key=False)


def test_s13_busy_waits_seconds_and_takes_a_new_key() -> None:
    assert next_step(Busy(code=2361081, message=""), attempts=1, policy=POLICY, jitter=0) == Again(
        after_s=3, new_key=True
    )


def test_s16_a_payment_not_captured_yet_waits_minutes() -> None:
    step = next_step(Busy(message="", payment_pending=True), attempts=1, policy=POLICY, jitter=0)
    assert step == Again(after_s=60, new_key=True)


def test_a_throttle_waits_as_long_as_it_says_whatever_the_attempts_under_the_same_key() -> None:
    held = Throttled(cause=ThrottleCause.USAGE, code=80001, message="", wait_s=120)
    assert next_step(held, attempts=99, policy=POLICY, jitter=0) == Again(after_s=120, new_key=False)


def test_a_refusal_is_final_unless_the_code_says_that_it_is_done() -> None:
    assert next_step(Refused(code=1818050, message=""), attempts=1, policy=POLICY, jitter=0) == Failed()
    done = Refused(code=1818048, message="", already_done=True)
    assert next_step(done, attempts=1, policy=POLICY, jitter=0) == Done()
    assert next_step(Accepted(), attempts=1, policy=POLICY, jitter=0) == Done()
