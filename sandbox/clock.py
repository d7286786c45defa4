"""The sandbox's clock: real time plus the time by which the control API has advanced it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# Longer than any window of the platform (180 days is the longest seen), short enough to keep dates printable.
MAX_ADVANCE_S = 5 * 365 * 24 * 3600


def utc_now() -> datetime:
    """Return the machine's time, aware and in UTC."""
    return datetime.now(UTC)


class Clock:
    """Gives the emulated platform's time, which never runs backwards and can be advanced by hand."""

    def __init__(self, real: Callable[[], datetime] = utc_now) -> None:
        self._real = real
        self._ahead = timedelta()
        self._last = real()

    def now(self) -> datetime:
        """The present moment of the sandbox: aware, UTC, and never before an earlier result."""
        self._last = max(self._last, self._real() + self._ahead)
        return self._last

    def advance(self, *, seconds: float) -> datetime:
        """Advance the clock and return its new time.

        Raises:
            ValueError: the clock would run backwards, or further ahead than `MAX_ADVANCE_S` in total.
        """
        ahead = self._ahead + timedelta(seconds=seconds)
        if seconds < 0 or ahead > timedelta(seconds=MAX_ADVANCE_S):
            raise ValueError(f"advance_s must be 0 or more, and at most {MAX_ADVANCE_S} in total")
        self._ahead = ahead
        return self.now()

    def reset(self) -> None:
        """Return to real time; only valid with an empty ledger."""
        self._ahead = timedelta()
        self._last = self._real()
