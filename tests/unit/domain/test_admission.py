"""The gate in front of the platform: what closes it for whom, and until when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.admission import YIELD_S, AdmissionState, PauseCause, Paused, Purpose, pause
from tests.orders import NOW

SOON = NOW + timedelta(seconds=30)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_gate_nobody_reported_to_is_open(purpose: Purpose) -> None:
    assert pause(AdmissionState(), purpose, NOW) is None


@pytest.mark.parametrize("purpose", list(Purpose))
def test_an_open_breaker_stops_every_call_until_its_probe(purpose: Purpose) -> None:
    found = pause(AdmissionState(breaker_since=NOW, breaker_probe_at=SOON), purpose, NOW)
    assert isinstance(found, Paused)
    assert (found.cause, found.until) == (PauseCause.BREAKER, SOON)


def test_a_breaker_whose_probe_is_late_stays_closed() -> None:
    found = pause(AdmissionState(breaker_since=NOW, breaker_probe_at=NOW), Purpose.COMMAND, SOON)
    assert isinstance(found, Paused)
    assert found.until == SOON


def test_a_dead_token_says_what_the_platform_said() -> None:
    state = AdmissionState(token_since=NOW, token_probe_at=SOON, token_text="Session has expired.")
    found = pause(state, Purpose.COMMAND, NOW)
    assert isinstance(found, Paused)
    assert found.cause is PauseCause.TOKEN
    assert "Session has expired." in found.text


def test_a_reached_limit_stops_commands_too_and_ends_by_its_time() -> None:
    state = AdmissionState(
        usage_since=NOW, usage_until=SOON, usage_percent=100, usage_at=NOW - timedelta(hours=1)
    )
    assert isinstance(pause(state, Purpose.COMMAND, NOW), Paused)
    assert pause(state, Purpose.COMMAND, SOON) is None


@pytest.mark.parametrize(("percent", "open_for_reads"), [(74, True), (75, False), (99, False)])
def test_s20_from_75_percent_on_reads_yield_and_commands_go_on(percent: int, open_for_reads: bool) -> None:
    state = AdmissionState(usage_percent=percent, usage_at=NOW)
    assert pause(state, Purpose.COMMAND, NOW) is None
    for purpose in (Purpose.READ, Purpose.LISTING):
        found = pause(state, purpose, NOW)
        assert (found is None) is open_for_reads
        if isinstance(found, Paused):
            assert found.until == NOW + timedelta(seconds=YIELD_S)


def test_usage_that_was_told_six_minutes_ago_counts_no_more() -> None:
    state = AdmissionState(usage_percent=95, usage_at=NOW - timedelta(minutes=6))
    assert pause(state, Purpose.LISTING, NOW) is None
