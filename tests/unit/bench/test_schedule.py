from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.schedule import Load, Schedule, percentile


@given(st.floats(min_value=0.1, max_value=10_000), st.integers(min_value=1, max_value=500))
def test_every_request_is_due_at_its_intended_time_and_not_before_the_one_ahead_of_it(
    rate: float, count: int
) -> None:
    schedule = Schedule(rate=rate, count=count)
    for number in range(count):
        assert schedule.due(schedule.meant_s(number)) == number + 1


def test_nothing_is_due_before_the_start_and_never_more_than_the_whole_schedule() -> None:
    schedule = Schedule.lasting(2, rate=500)
    assert schedule.count == 1000
    assert schedule.seconds == 2
    assert schedule.due(-0.001) == 0
    assert schedule.due(3600) == 1000


def test_a_schedule_without_a_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="rate above 0"):
        Schedule(rate=0, count=1)


def test_a_latency_counts_from_the_intended_time_and_a_refusal_has_none() -> None:
    load = Load(began_at=0.0, seconds=2.0, sent=3)
    load.answered(0, meant_s=0.5, now_s=0.75, status=200)
    load.answered(1, meant_s=0.6, now_s=0.61, status=503)
    assert load.latencies_s == {0: 0.25}
    assert load.refused == {1: 503}
    assert load.failures == 2  # the refused one, and the one that was never answered
    assert load.rate == 0.5


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1.0) == 100
    assert percentile([7.0], 0.01) == 7
    assert percentile([], 0.5) == 0
