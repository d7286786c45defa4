"""Alerts: the kinds of bad news that operators are told, once per cause, and what one alert says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Severity(StrEnum):
    """How soon a person should look."""

    CRITICAL = "critical"
    """Orders wait until somebody acts."""
    WARNING = "warning"
    """Somebody should look today; everything else continues."""
    INFO = "info"
    """Worth knowing; nothing has to be done for any order."""


class AlertKind(StrEnum):
    """What went wrong. Each kind says what its alerts are about: the subject."""

    DEAD_LETTER = "dead_letter"
    """A command gave up. Subject: the command id."""
    BREAKER_OPEN = "breaker_open"
    """The platform fails for a shop, and is left alone for a while. Subject: the shop id."""
    TOKEN_DEAD = "token_dead"  # noqa: S105 - the name of an alert, no password
    """The platform refuses a shop's token. Subject: the shop id."""
    THROTTLED = "throttled"
    """The platform has held a shop's calls back for long. Subject: the shop id."""
    DRIFT = "drift"
    """Reconciliation found changes that no webhook announced. Subject: the shop id."""
    INBOX_OLD = "inbox_old"
    """Webhook entries are not drained. Subject: "inbox"."""
    DUE_OLD = "due_old"
    """Due work is not done. Subject: "commands" or "syncs"."""
    SILENCE = "silence"
    """No webhook came for a shop that is busy. Subject: the shop id."""
    ENTRY_ID_REUSED = "entry_id_reused"
    """An entry id came again with other content. Subject: "webhooks"."""
    UNKNOWN_CODE = "unknown_code"
    """The platform answered with an error code nobody knows. Subject: the code."""
    QUARANTINE = "quarantine"
    """A piece of work killed its worker too often. Subject: the command or order id."""

    @property
    def severity(self) -> Severity:
        """Return how soon a person should look."""
        return _SEVERITIES.get(self, Severity.WARNING)

    @property
    def lapses_after(self) -> timedelta | None:
        """Return how long after it was last noticed a cause counts as ended, None: its end is noticed."""
        return _LAPSES.get(self)


_SEVERITIES = {
    AlertKind.TOKEN_DEAD: Severity.CRITICAL,
    AlertKind.INBOX_OLD: Severity.CRITICAL,
    AlertKind.DUE_OLD: Severity.CRITICAL,
    AlertKind.ENTRY_ID_REUSED: Severity.INFO,
}

# Nothing says that a code will not come again; a day without it does.
_LAPSES = {AlertKind.UNKNOWN_CODE: timedelta(days=1)}


class AlertState(StrEnum):
    """Whether the cause still stands."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One cause and what is known of it; `count` is how often it was noticed since `first_at`."""

    id: str
    kind: AlertKind
    subject: str
    shop_id: str | None
    text: str
    state: AlertState
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None
    count: int
