"""Alerts: open one per cause, close it when the cause ends, and tell operators of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.domain.alerts import AlertKind, Severity
from app.notify.operators import Message, Operators
from app.queue.specs import TELL_OPERATORS
from app.services.enqueue import Enqueuer
from app.store.alerts import Alerts, Ended, News, Notice, Opening
from app.store.connection import StoreUnavailable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A cause that holds now. `text` is for operators: what happened, to what, what to do; no buyer data."""

    kind: AlertKind
    subject: str
    text: str
    shop_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """Opens and closes alerts; never fails its caller.

    Each opening and closing is logged and counted, and when operators have addresses (`telling`) a job
    notifies them. When Redis is away there is only the log line; a cause that lasts opens its alert later.
    """

    alerts: Alerts
    enqueuer: Enqueuer
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    telling: bool

    def open(self, kind: AlertKind, subject: str, text: str, *, shop_id: str | None = None) -> bool:
        """Open the alert of this cause; False: it is open already, and its last notice is renewed."""
        trouble = Trouble(kind=kind, subject=subject, text=text, shop_id=shop_id)
        return self.change([trouble], []) == 1

    def close(self, kind: AlertKind, subject: str) -> bool:
        """Close the alert of this cause; False: none is open."""
        return self.change([], [(kind, subject)]) == 1

    def change(self, troubles: Sequence[Trouble], ended: Sequence[tuple[AlertKind, str]]) -> int:
        """Open and close these in one round trip; return how many alerts newly opened or closed."""
        notices = [
            Notice(id=self.new_id(), kind=one.kind, subject=one.subject, text=one.text, shop_id=one.shop_id)
            for one in troubles
        ]
        closes = [Ended(token=self.new_id(), kind=kind, subject=subject) for kind, subject in ended]
        try:
            openings, closings = self.alerts.change(notices, closes, self.clock())
        except StoreUnavailable as error:
            for notice in notices:
                _log_notice("alert.not_recorded", notice, reason=str(error))
            return 0
        changed = 0
        for notice, opening in zip(notices, openings, strict=True):
            if opening is Opening.FULL:
                _log_notice("alert.not_kept", notice, reason="as many alerts are open as are kept")
            elif opening is Opening.OPENED:
                _log_notice("alert.opened", notice)
                changed += 1
        for close, closed in zip(closes, closings, strict=True):
            if closed:
                log.info("alert.closed", kind=close.kind.value, subject=close.subject)
                changed += 1
        if changed and self.telling:
            self.enqueuer.enqueue(TELL_OPERATORS)
        return changed


def _log_notice(event: str, notice: Notice, **more: str) -> None:
    log.warning(
        event,
        kind=notice.kind.value,
        severity=notice.kind.severity.value,
        subject=notice.subject,
        shop_id=notice.shop_id,
        text=notice.text,
        **more,
    )


# Nobody reads a longer message; the rest comes in the next one.
BATCH = 50
# Messages of one job; the sweep enqueues the next job.
MAX_MESSAGES = 5
# Longer than a job may take, so that no two jobs send the same news; then the news is sent again.
RETRY = timedelta(seconds=180)
# Older news that no address accepted is not sent any more; GET /v1/alerts still has it.
MAX_AGE = timedelta(days=1)

_ORDER = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class TellOperators:
    """Sends news that was not sent yet. A crash in between sends it twice rather than never."""

    alerts: Alerts
    operators: Operators
    clock: Callable[[], datetime]

    def tell(self) -> int:
        """Return how many news were sent; sent means that at least one address accepted them."""
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
