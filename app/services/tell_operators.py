"""Tell operators which alerts opened and closed: one message for all that is new, until one is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.domain.alerts import Severity
from app.notify.operators import Message, Operators
from app.store.alerts import Alerts, News

log = structlog.get_logger()

# A message longer than this is not read; the rest comes in the next one.
BATCH = 50
# One job's worth; the sweep wakes the next one.
MAX_MESSAGES = 5
# Longer than a job that tells may take, so that no two tell the same; then the news is told again.
RETRY = timedelta(seconds=180)
# Yesterday's news that no address took helps nobody; GET /v1/alerts still has it.
MAX_AGE = timedelta(days=1)

_ORDER = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class TellOperators:
    """Sends what was not told yet. A crash in between tells it twice rather than never."""

    alerts: Alerts
    operators: Operators
    clock: Callable[[], datetime]

    def tell(self) -> int:
        """Return how many news were told; told means that at least one address took them."""
        told = 0
        for _ in range(MAX_MESSAGES):
            now = self.clock()
            claimed = self.alerts.claim(now, until=now + RETRY, limit=BATCH)
            fresh = self._fresh(claimed, now)
            if not fresh:
                break
            if self.operators.tell(message_of(fresh)).reached == 0:
                log.error("alert.not_told", news=len(fresh), again_in_s=RETRY.total_seconds())
                break
            self.alerts.told(fresh)
            told += len(fresh)
        return told

    def _fresh(self, claimed: Sequence[News], now: datetime) -> list[News]:
        stale = [news for news in claimed if now - _at(news) > MAX_AGE]
        if stale:
            log.error("alert.never_told", news=len(stale), first=stale[0].alert.kind.value)
            self.alerts.told(stale)
        return [news for news in claimed if now - _at(news) <= MAX_AGE]


def message_of(news: Sequence[News]) -> Message:
    """Return one message for all this news, the worst first."""
    opened = [one for one in news if not one.closing]
    counts = Counter("closed" if one.closing else "opened" for one in news)
    severities = {one.alert.kind.severity for one in opened}
    worst = next((severity for severity in _ORDER if severity in severities), None)
    if len(news) == 1:
        alert = news[0].alert
        what = f"{alert.kind.value} {'ended' if news[0].closing else alert.kind.severity.value}"
        title = f"Orderwire: {what}: {alert.subject}"
    else:
        title = f"Orderwire: alerts: {counts['opened']} opened, {counts['closed']} ended"
    ordered = sorted(news, key=lambda one: (one.closing, _ORDER.index(one.alert.kind.severity), _at(one)))
    return Message(title=title, body="\n\n".join(_line(one) for one in ordered), severity=worst)


def _line(news: News) -> str:
    alert = news.alert
    about = f"{alert.kind.value} {alert.subject}"
    if alert.shop_id and alert.shop_id != alert.subject:
        about += f" (shop {alert.shop_id})"
    at = f"{_at(news):%Y-%m-%d %H:%M:%S} UTC"
    if news.closing:
        return f"ENDED {about}, {at}; it stood since {alert.first_at:%Y-%m-%d %H:%M:%S}"
    return f"{alert.kind.severity.value.upper()} {about}, {at}\n{alert.text}"


def _at(news: News) -> datetime:
    closed_at = news.alert.closed_at
    return closed_at if news.closing and closed_at is not None else news.alert.first_at
