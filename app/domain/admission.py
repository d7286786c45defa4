"""The gate in front of the platform, one a shop: may this call go out now? What closes it, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# From here on reads make room for commands (the merchant's orders wait for those).
YIELD_PERCENT = 75
# At the limit the platform refuses whatever comes.
FULL_PERCENT = 100
# Usage is counted over a rolling hour; five minutes without an answer make the last figure a rumor.
USAGE_NEWS_S = 300.0
# Reads that yield look again after this: a minute is how fast the usage window moves.
YIELD_S = 60.0


class Purpose(StrEnum):
    """What a call is for: a command with its own reads, a read that is pending, or the listing of a shop."""

    COMMAND = "command"
    READ = "read"
    LISTING = "listing"


class PauseCause(StrEnum):
    """What closes a gate."""

    BREAKER = "breaker"
    USAGE = "usage"
    TOKEN = "token"  # noqa: S105 - the name of a hold, not a secret


class Verdict(StrEnum):
    """What an answer of the platform says to the gate, apart from the usage it tells.

    ANSWERED: the platform works, whatever it said. FAILED: no answer, or none that can be read. THROTTLED
    and TOKEN: refused before execution.
    """

    ANSWERED = "answered"
    FAILED = "failed"
    THROTTLED = "throttled"
    TOKEN = "token"  # noqa: S105 - the name of a hold, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When the breaker opens: of at least `minimum` calls in `window_s`, `rate` (0 to 1) failed.

    `open_s` is how long a closed gate waits before one probe tries the platform.
    """

    minimum: int
    rate: float
    window_s: float
    open_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionState:
    """What is known of one shop's gate; a time that is None means that this hold does not stand."""

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
        """Return the usage last told, 0 when nothing was heard for `USAGE_NEWS_S`."""
        if self.usage_at is None or now - self.usage_at > timedelta(seconds=USAGE_NEWS_S):
            return 0
        return self.usage_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """The call may go out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The call has to wait for what `text` says; it is worth asking again at `until`."""

    cause: PauseCause
    until: datetime
    text: str


Admission = Open | Closed


def passage(state: AdmissionState, purpose: Purpose, now: datetime) -> Admission:
    """Return whether a call for that purpose may go out now.

    A breaker and a token hold end by a probe alone, however late it comes; a usage hold ends by its time.
    """
    if state.token_since is not None:
        until = max(state.token_probe_at or now, now)
        return Closed(cause=PauseCause.TOKEN, until=until, text=f"its token is refused: {state.token_text}")
    if state.breaker_since is not None:
        until = max(state.breaker_probe_at or now, now)
        return Closed(cause=PauseCause.BREAKER, until=until, text="the platform fails for it; it is probed")
    if state.usage_until is not None and state.usage_until > now:
        return Closed(cause=PauseCause.USAGE, until=state.usage_until, text="its call limit is reached")
    percent = state.fresh_percent(now)
    if purpose is not Purpose.COMMAND and percent >= YIELD_PERCENT:
        return Closed(
            cause=PauseCause.USAGE,
            until=now + timedelta(seconds=YIELD_S),
            text=f"{percent} % of its call limit is used; commands go first",
        )
    return Open()
