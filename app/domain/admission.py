"""Admission per shop: whether a call to the platform may go out now, and until when it has to wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# From this usage on, reads yield to commands, because the merchant's orders wait for commands.
YIELD_PERCENT = 75
# At the limit the platform refuses every call.
FULL_PERCENT = 100
# Usage is counted over a rolling hour; after five minutes the last figure is stale and is ignored.
USAGE_NEWS_S = 300.0
# Reads that yield try again after this: the usage window moves by the minute.
YIELD_S = 60.0


class Purpose(StrEnum):
    """What a call is for: a command with its own reads, a read that is pending, or the listing of a shop."""

    COMMAND = "command"
    READ = "read"
    LISTING = "listing"


class PauseCause(StrEnum):
    """What pauses a shop."""

    BREAKER = "breaker"
    USAGE = "usage"
    TOKEN = "token"  # noqa: S105 - the name of a cause, not a secret


class Verdict(StrEnum):
    """What an answer of the platform says about admission, apart from the usage it reports.

    ANSWERED: the platform works, whatever it said. FAILED: no answer, or none that can be read. THROTTLED
    and TOKEN: refused before execution.
    """

    ANSWERED = "answered"
    FAILED = "failed"
    THROTTLED = "throttled"
    TOKEN = "token"  # noqa: S105 - the name of a cause, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When the breaker opens: of at least `minimum` calls in `window_s`, `rate` (0 to 1) failed.

    `open_s` is how long an open breaker waits before one probe tries the platform.
    """

    minimum: int
    rate: float
    window_s: float
    open_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionState:
    """What is known of one shop; a time that is None means that this cause does not pause it."""

    breaker_since: datetime | None = None
    breaker_probe_at: datetime | None = None
    token_since: datetime | None = None
    token_probe_at: datetime | None = None
    token_text: str = ""
    usage_since: datetime | None = None
    usage_until: datetime | None = None
    usage_percent: int = 0
    usage_at: datetime | None = None
    paused: int = 0

    @property
    def probe_at(self) -> datetime | None:
        """When the next probe is due, None while nothing has to be probed."""
        times = [at for at in (self.breaker_probe_at, self.token_probe_at) if at is not None]
        return min(times) if times else None

    def fresh_percent(self, now: datetime) -> int:
        """Return the usage last reported, 0 when nothing was reported for `USAGE_NEWS_S`."""
        if self.usage_at is None or now - self.usage_at > timedelta(seconds=USAGE_NEWS_S):
            return 0
        return self.usage_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """The shop's calls wait for the reason in `text`; ask again at `until`."""

    cause: PauseCause
    until: datetime
    text: str


def pause(state: AdmissionState, purpose: Purpose, now: datetime) -> Paused | None:
    """Return why a call for that purpose has to wait now, or None when it may go out.

    The pauses of a breaker and of a token end only by a probe, however late it comes; that of the usage limit
    ends by its time.
    """
    if state.token_since is not None:
        until = max(state.token_probe_at or now, now)
        return Paused(cause=PauseCause.TOKEN, until=until, text=f"its token is refused: {state.token_text}")
    if state.breaker_since is not None:
        until = max(state.breaker_probe_at or now, now)
        return Paused(cause=PauseCause.BREAKER, until=until, text="the platform fails for it; it is probed")
    if state.usage_until is not None and state.usage_until > now:
        return Paused(cause=PauseCause.USAGE, until=state.usage_until, text="its call limit is reached")
    percent = state.fresh_percent(now)
    if purpose is Purpose.COMMAND or percent < YIELD_PERCENT:
        return None
    text = f"{percent} % of its call limit is used; commands go first"
    return Paused(cause=PauseCause.USAGE, until=now + timedelta(seconds=YIELD_S), text=text)
