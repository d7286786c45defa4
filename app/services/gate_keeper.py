"""The gate keeper: asks before every call, learns from every answer, and tells operators what turned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

import structlog

from app.domain.alerts import AlertKind
from app.domain.gates import (
    FULL_PERCENT,
    YIELD_PERCENT,
    GateHold,
    GateState,
    Passage,
    Purpose,
    Verdict,
    passage,
)
from app.domain.outcomes import Hold, Refused, Throttled, Unknown
from app.domain.shops import Shop
from app.graph.client import Reply
from app.queues import probe_wake
from app.services.alerting import Alerting
from app.services.nudge import Nudge
from app.store.connection import StoreUnavailable
from app.store.gates import Gates, Report, Turned

log = structlog.get_logger()

# Quiet answers are counted here and written down together: a write a call would cost each a disk's sync.
FLUSH_S = 1.0
# How long a look at a gate serves the threads of this process; what it learns itself counts at once. News of
# other processes comes that much later, which is less than a call takes.
LOOK_LASTS_S = 0.05
# Quiet answers older than this were followed by silence: counted now, they would hide today's failures.
QUIET_LASTS_S = 2.0

_ALERTS = {GateHold.BREAKER: AlertKind.BREAKER_OPEN, GateHold.TOKEN: AlertKind.TOKEN_DEAD}


class GateKeeper:
    """Stands between this process and the platform, for every shop. Shared by the process's threads."""

    def __init__(
        self,
        *,
        gates: Gates,
        alerting: Alerting,
        nudge: Nudge,
        refresh_tokens: Callable[[], None],
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._gates = gates
        self._alerting = alerting
        self._nudge = nudge
        self._refresh_tokens = refresh_tokens
        self._clock = clock
        self._new_id = new_id
        self._lock = Lock()
        self._quiet: dict[str, tuple[int, datetime]] = {}
        self._written_at: dict[str, datetime] = {}
        self._busy: set[str] = set()
        self._looks: dict[str, tuple[GateState, datetime]] = {}

    def ask(self, shop_id: str, purpose: Purpose) -> Passage:
        """Return whether a call may go out for the shop now; a token put in meanwhile counts from then on."""
        now = self._clock()
        look = self._looks.get(shop_id)
        if look is None or not timedelta(0) <= now - look[1] < timedelta(seconds=LOOK_LASTS_S):
            self._refresh_tokens()
            look = self._looks[shop_id] = (self._gates.state(shop_id), now)
        return passage(look[0], purpose, now)

    def report(self, shop: Shop, reply: Reply, *, probe: bool = False) -> None:
        """Learn from one answer. Never raises: what the answer said must reach whoever asked."""
        verdict = _verdict(reply)
        if isinstance(reply.outcome, Refused) and not reply.outcome.known:
            self._unknown_code(shop, reply.outcome)
        now = self._clock()
        quiet = self._counted_quietly(shop.id, reply, verdict, probe=probe, now=now)
        if quiet is None:
            return
        report = Report(
            token=self._new_id(),
            answered=quiet + (verdict is not Verdict.FAILED),
            failed=int(verdict is Verdict.FAILED),
            verdict=verdict,
            probe=probe,
            percent=reply.usage.percent if reply.usage else None,
            wait_s=_wait_s(reply),
            text=reply.outcome.message if isinstance(reply.outcome, Throttled) else "",
        )
        try:
            turned = self._gates.report(shop.id, report, now)
        except StoreUnavailable as error:
            log.warning("gate.not_reported", shop_id=shop.id, verdict=verdict.value, reason=str(error))
            return
        self._looks.pop(shop.id, None)
        self._tell(shop, turned, report)

    def _counted_quietly(
        self, shop_id: str, reply: Reply, verdict: Verdict, *, probe: bool, now: datetime
    ) -> int | None:
        """Return the quiet answers to write down with this one, or None when this one is quiet too."""
        percent = reply.usage.percent if reply.usage else 0
        with self._lock:
            last = self._written_at.get(shop_id)
            recent = last is not None and (now - last).total_seconds() < FLUSH_S
            calm = verdict is Verdict.ANSWERED and percent < YIELD_PERCENT and shop_id not in self._busy
            if calm and recent and not probe:
                count, since = self._quiet.get(shop_id, (0, now))
                self._quiet[shop_id] = (count + 1, since)
                return None
            # The first calm answer after trouble is written at once: it may be what ends a hold.
            troubled = verdict is not Verdict.ANSWERED or percent >= YIELD_PERCENT
            (self._busy.add if troubled else self._busy.discard)(shop_id)
            self._written_at[shop_id] = now
            count, since = self._quiet.pop(shop_id, (0, now))
            return count if (now - since).total_seconds() <= QUIET_LASTS_S else 0

    def _tell(self, shop: Shop, turned: Turned, report: Report) -> None:
        for hold in turned.began:
            log.warning("gate.closed", shop_id=shop.id, hold=hold.value, reason=report.text or None)
            if hold in _ALERTS:
                self._alerting.open(_ALERTS[hold], shop.id, _text(hold, shop, report), shop_id=shop.id)
        for hold in turned.ended:
            log.info("gate.opened", shop_id=shop.id, hold=hold.value)
            self._alerting.close(_ALERTS.get(hold, AlertKind.THROTTLED), shop.id)
        if turned.probe_at is not None and (turned.began or report.probe):
            self._nudge.wake(probe_wake(shop.id, turned.probe_at))

    def _unknown_code(self, shop: Shop, refused: Refused) -> None:
        log.error("platform.unknown_code", shop_id=shop.id, code=refused.code, message=refused.message)
        text = (
            f"The platform answered with code {refused.code}, which Orderwire does not know: "
            f"{refused.message} It was taken as a refusal; see docs/recover.md."
        )
        self._alerting.open(AlertKind.UNKNOWN_CODE, str(refused.code), text, shop_id=shop.id)


def _verdict(reply: Reply) -> Verdict:
    match reply.outcome:
        case Unknown():
            return Verdict.FAILED
        case Throttled(hold=Hold.TOKEN):
            return Verdict.TOKEN
        case Throttled():
            return Verdict.THROTTLED
        case _:
            return Verdict.ANSWERED


def _wait_s(reply: Reply) -> float | None:
    if isinstance(reply.outcome, Throttled) and reply.outcome.wait_s is not None:
        return reply.outcome.wait_s
    usage = reply.usage
    return usage.regain_s if usage is not None and usage.percent >= FULL_PERCENT else None


def _text(hold: GateHold, shop: Shop, report: Report) -> str:
    if hold is GateHold.TOKEN:
        return (
            f"The platform refuses the token of shop {shop.id} ({shop.name}): {report.text} Nothing is sent "
            "and nothing is lost; put a new token in (`orderwire shops token`, or the shops file) and "
            "everything goes on by itself."
        )
    return (
        f"The platform keeps failing for shop {shop.id} ({shop.name}). Its commands wait without losing "
        "attempts; one probe at a time tries it, and they go on by themselves when it answers."
    )
