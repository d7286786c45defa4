"""Admission: decide whether calls to the platform may go out, learn from answers, probe paused shops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

import structlog

from app.domain.admission import (
    FULL_PERCENT,
    YIELD_PERCENT,
    AdmissionState,
    PauseCause,
    Paused,
    Purpose,
    Verdict,
    pause,
)
from app.domain.alerts import AlertKind
from app.domain.outcomes import Accepted, Outcome, Refused, ThrottleCause, Throttled, Unknown
from app.domain.shops import Shop, Shops
from app.graph.client import GraphClient, Reply
from app.queue.specs import command_job, probe_job
from app.services.alerts import Alerting
from app.services.enqueue import Enqueuer
from app.store.admission import AdmissionStates, Report, Transitions
from app.store.connection import StoreUnavailable

log = structlog.get_logger()

# Uneventful answers are counted here and written together: one write per call would cost one disk sync each.
FLUSH_S = 1.0
# How long a state read from the store serves the threads of this process; what it learns itself counts at
# once. What other processes learn counts that much later, which is less than a call takes.
STATE_LASTS_S = 0.05
# Uneventful answers older than this were followed by silence: counted now, they would hide today's failures.
CALM_LASTS_S = 2.0
# A probe claim outlasts the probe's timeout, so that two probes of a shop never run at once.
PROBE_CLAIM_S = 30.0
# Paused commands continue at this pace; slower when most of the call limit is used.
RELEASED_PER_SECOND = 20.0
RELEASED_PER_SECOND_BUSY = 2.0
# One release reaches this far ahead, so that a shop that pauses again pauses few commands a second time.
RELEASE_WITHIN_S = 10.0
MAX_RELEASED = 500

_ALERTS = {PauseCause.BREAKER: AlertKind.BREAKER_OPEN, PauseCause.TOKEN: AlertKind.TOKEN_DEAD}


class AdmissionControl:
    """Admits the calls of this process for every shop. Shared by the process's threads."""

    def __init__(
        self,
        *,
        admission_states: AdmissionStates,
        shops: Shops,
        refresh_tokens: Callable[[], None],
        alerting: Alerting,
        enqueuer: Enqueuer,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._admission_states = admission_states
        self._shops = shops
        self._refresh_tokens = refresh_tokens
        self._alerting = alerting
        self._enqueuer = enqueuer
        self._clock = clock
        self._new_id = new_id
        self._lock = Lock()
        self._calm: dict[str, tuple[int, datetime]] = {}
        self._written_at: dict[str, datetime] = {}
        self._troubled: set[str] = set()
        self._states: dict[str, tuple[AdmissionState, datetime]] = {}

    def admit(self, shop: Shop, purpose: Purpose) -> Shop | Paused:
        """Return the shop with its current token when a call may go out now, or why it may not.

        Raises:
            StoreUnavailable: neither the state nor the tokens can be read.
        """
        now = self._clock()
        known = self._states.get(shop.id)
        if known is None or not timedelta(0) <= now - known[1] < timedelta(seconds=STATE_LASTS_S):
            self._refresh_tokens()
            known = self._states[shop.id] = (self._admission_states.state(shop.id), now)
        return pause(known[0], purpose, now) or self._shops.get(shop.id) or shop

    def learn(self, shop: Shop, reply: Reply, *, probe: bool = False) -> None:
        """Learn from one answer. Never raises: the caller must get the answer whatever happens here."""
        verdict = _verdict(reply)
        if isinstance(reply.outcome, Refused) and not reply.outcome.known:
            self._unknown_code(shop, reply.outcome)
        now = self._clock()
        calm = self._counted(shop.id, reply, verdict, probe=probe, now=now)
        if calm is None:
            return
        report = Report(
            token=self._new_id(),
            answered=calm + (verdict is not Verdict.FAILED),
            failed=int(verdict is Verdict.FAILED),
            verdict=verdict,
            probe=probe,
            percent=reply.usage.percent if reply.usage else None,
            wait_s=_wait_s(reply),
            text=reply.outcome.message if isinstance(reply.outcome, Throttled) else "",
        )
        try:
            transitions = self._admission_states.report(shop.id, report, now)
        except StoreUnavailable as error:
            log.warning("admission.not_recorded", shop_id=shop.id, verdict=verdict.value, reason=str(error))
            return
        self._states.pop(shop.id, None)
        self._announce(shop, transitions, report)

    def _counted(
        self, shop_id: str, reply: Reply, verdict: Verdict, *, probe: bool, now: datetime
    ) -> int | None:
        """Return how many uneventful answers to write with this one, or None when it is only counted."""
        percent = reply.usage.percent if reply.usage else 0
        trouble = verdict is not Verdict.ANSWERED or percent >= YIELD_PERCENT
        with self._lock:
            last = self._written_at.get(shop_id)
            recent = last is not None and (now - last).total_seconds() < FLUSH_S
            count, since = self._calm.pop(shop_id, (0, now))
            # The first uneventful answer after trouble is written at once: it may be what ends a pause.
            if recent and not (probe or trouble or shop_id in self._troubled):
                self._calm[shop_id] = (count + 1, since)
                return None
            (self._troubled.add if trouble else self._troubled.discard)(shop_id)
            self._written_at[shop_id] = now
            return count if (now - since).total_seconds() <= CALM_LASTS_S else 0

    def _announce(self, shop: Shop, transitions: Transitions, report: Report) -> None:
        for cause in transitions.began:
            log.warning("admission.paused", shop_id=shop.id, cause=cause.value, reason=report.text or None)
            if cause in _ALERTS:
                self._alerting.open(_ALERTS[cause], shop.id, _text(cause, shop, report), shop_id=shop.id)
        for cause in transitions.ended:
            log.info("admission.resumed", shop_id=shop.id, cause=cause.value)
            self._alerting.close(_ALERTS.get(cause, AlertKind.THROTTLED), shop.id)
        if transitions.probe_at is not None and (transitions.began or report.probe):
            self._enqueuer.enqueue(probe_job(shop.id, transitions.probe_at))

    def _unknown_code(self, shop: Shop, refused: Refused) -> None:
        log.error("platform.unknown_code", shop_id=shop.id, code=refused.code, message=refused.message)
        text = (
            f"The platform answered with code {refused.code}, which Orderwire does not know: "
            f"{refused.message} It was treated as a refusal; see docs/recover.md."
        )
        self._alerting.open(AlertKind.UNKNOWN_CODE, str(refused.code), text, shop_id=shop.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Probes paused shops, and lets paused commands continue when their shop resumes."""

    graph: GraphClient
    shops: Shops
    admission_states: AdmissionStates
    enqueuer: Enqueuer
    refresh_tokens: Callable[[], None]
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def probe(self, shop_id: str, *, forced: bool = False) -> Outcome | None:
        """Probe the shop if a probe is due and nobody else makes it; release its commands if it resumed.

        Returns the probe's outcome, None when no probe was made. The client tells admission the answer.
        `forced`, for a person who asks, probes early, and also a shop that is not paused.
        """
        self.refresh_tokens()
        shop = self.shops.get(shop_id)
        if shop is None:
            return None
        token = self.new_id()
        now = self.clock()
        if not self.admission_states.claim_probe(
            shop_id, now=now, token=token, lease_s=PROBE_CLAIM_S, forced=forced
        ):
            return None
        try:
            reply = self.graph.probe(shop)
        finally:
            self.admission_states.end_probe(shop_id, token)
        log.info("admission.probed", shop_id=shop_id, works=isinstance(reply.outcome, Accepted))
        self.release(shop_id, self.admission_states.state(shop_id))
        return reply.outcome

    def release(self, shop_id: str, state: AdmissionState) -> int:
        """Let paused commands of a shop continue unless it is still paused; return how many.

        The oldest continue first, spread over time.
        """
        now = self.clock()
        if state.paused == 0 or pause(state, Purpose.COMMAND, now):
            return 0
        busy = state.fresh_percent(now) >= YIELD_PERCENT
        released = self.admission_states.release(
            shop_id,
            now=now,
            limit=MAX_RELEASED,
            a_second=RELEASED_PER_SECOND_BUSY if busy else RELEASED_PER_SECOND,
            within_s=RELEASE_WITHIN_S,
        )
        soon = now + timedelta(seconds=1)
        self.enqueuer.enqueue(
            *(
                command_job(one.kind, one.id, one.order_id, one.due_at if one.due_at > soon else None)
                for one in released
            )
        )
        if released:
            log.info("admission.released", shop_id=shop_id, commands=len(released), paused=state.paused)
        return len(released)


def _verdict(reply: Reply) -> Verdict:
    match reply.outcome:
        case Unknown():
            return Verdict.FAILED
        case Throttled(cause=ThrottleCause.TOKEN):
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


def _text(cause: PauseCause, shop: Shop, report: Report) -> str:
    if cause is PauseCause.TOKEN:
        return (
            f"The platform rejects the token of shop {shop.id} ({shop.name}): {report.text} Nothing is sent "
            "and nothing is lost. Set a new token (`orderwire shops token`, or the shops file); the shop "
            "then resumes by itself."
        )
    return (
        f"The platform keeps failing for shop {shop.id} ({shop.name}). Its commands wait without using up "
        "attempts; Orderwire probes the shop, one probe at a time, and the commands continue when it answers."
    )
