"""The retry policy: what follows an outcome, as a value.

The platform's best-practice page gives the figures: timeouts of 10 s, then 20 s; retries after 10 minutes,
then 20; a bounded count.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.outcomes import Accepted, Busy, Outcome, Refused, Throttled, Unknown

# A command that waits longer than this for one more try is no retry any more but a surprise.
MAX_DELAY_S = 6 * 3600.0
# Enough to spread a burst of failures that began together, too little to change the schedule's meaning.
JITTER = 0.1
# Another request holds the order: seconds, growing fast enough that five tries span minutes.
BUSY_DELAY_S = 3.0
BUSY_GROWTH = 4
# The buyer is not charged yet: capture follows shipping by minutes (Error Codes).
PAYMENT_DELAY_S = 60.0
# A throttle that does not say how long: the usage window moves by the minute.
THROTTLE_DELAY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The merchant's settings: the first timeout and delay, doubled with each attempt, and how many."""

    attempt_timeout_s: float
    retry_delay_s: float
    max_attempts: int

    def timeout_s(self, attempt_number: int) -> float:
        """Return how long attempt `attempt_number` (from 1) may take."""
        return self.attempt_timeout_s * 2.0 ** (attempt_number - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The change is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The platform refused it for good; the lane continues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Try again after that long; with a new key where the platform would replay its stored error."""

    after_s: float
    new_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The attempts are used up: a dead letter, for a person."""


NextStep = Done | Failed | Again | GiveUp


def next_step(outcome: Outcome, *, attempts: int, policy: RetryPolicy, jitter: float) -> NextStep:
    """Return what follows `outcome` after `attempts` counted attempts, this one included.

    `jitter` is a random number in [-1, 1]. A throttled attempt is not counted by the caller: the platform
    refused it before executing anything.
    """
    match outcome:
        case Accepted():
            return Done()
        case Refused(already_done=True):
            return Done()
        case Refused():
            return Failed()
        case Throttled():
            wait_s = outcome.wait_s if outcome.wait_s is not None else THROTTLE_DELAY_S
            return Again(after_s=wait_s * (1 + JITTER * abs(jitter)), new_key=False)
        case Busy() | Unknown() if attempts >= policy.max_attempts:
            return GiveUp()
        case Busy():
            first_s = PAYMENT_DELAY_S if outcome.payment_pending else BUSY_DELAY_S
            return Again(after_s=_spread(first_s * BUSY_GROWTH ** (attempts - 1), jitter), new_key=True)
        case Unknown():
            delay_s = policy.retry_delay_s * 2.0 ** (attempts - 1)
            return Again(after_s=_spread(delay_s, jitter), new_key=False)


def _spread(delay_s: float, jitter: float) -> float:
    return min(delay_s, MAX_DELAY_S) * (1 + JITTER * jitter)
