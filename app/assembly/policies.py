"""Policies: what the settings make of the rules that merchants may tune."""

from __future__ import annotations

from app.domain.gates import GatePolicy
from app.domain.retry import RetryPolicy
from app.services.monitor import Limits
from app.settings import Settings


def gate_policy(settings: Settings) -> GatePolicy:
    """Return when a shop's breaker opens."""
    return GatePolicy(
        minimum=settings.breaker_minimum,
        rate=settings.breaker_rate,
        window_s=settings.breaker_window_s,
        open_s=settings.breaker_open_s,
    )


def retry_policy(settings: Settings) -> RetryPolicy:
    """Return when a failed attempt is followed by another."""
    return RetryPolicy(
        attempt_timeout_s=settings.attempt_timeout_s,
        retry_delay_s=settings.retry_delay_s,
        max_attempts=settings.max_attempts,
    )


def limits(settings: Settings) -> Limits:
    """Return how long what waits may wait, and a shop be silent, before operators are told."""
    return Limits(
        inbox_age_s=settings.inbox_age_alert_s,
        due_age_s=settings.due_age_alert_s,
        silence_s=settings.silence_alert_s,
    )
