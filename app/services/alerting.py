"""Alerting: bad news is told once per cause, and told again when it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from app.domain.alerts import AlertKind
from app.queues import TELL_OPERATORS
from app.services.nudge import Nudge
from app.store.alerts import Alerts, Ended, Notice, Opening
from app.store.connection import StoreUnavailable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A cause that stands now. `text` is for operators: what happened, to what, what to do; no buyer data."""

    kind: AlertKind
    subject: str
    text: str
    shop_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """Opens and closes alerts; never fails its caller.

    Whatever opens or closes is logged and counted, and when operators have addresses (`telling`) a job
    tells them. When Redis is away the log line is all there is: what still stands opens at the next notice.
    """

    alerts: Alerts
    nudge: Nudge
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    telling: bool

    def open(self, kind: AlertKind, subject: str, text: str, *, shop_id: str | None = None) -> bool:
        """Open the alert of this cause; False: it is open already, and is now known to stand still."""
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
            self.nudge.wake(TELL_OPERATORS)
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
