"""The admission state of each shop as the processes share it, its probe, and its paused commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.admission import AdmissionState, BreakerPolicy, PauseCause, Verdict
from app.domain.commands import CommandKind
from app.store import keys
from app.store.command_values import DueCommand
from app.store.connection import Store, run
from app.store.pages import bounded
from app.store.script import load
from app.store.times import micros, time_of, time_or_none

# A throttle that does not say how long: a minute, doubled while it lasts, to a quarter of an hour.
LEAST_THROTTLE_S = 60.0
MOST_THROTTLE_S = 900.0
# A token error is shown to people; longer texts are cut.
MAX_TOKEN_TEXT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What answers of the platform said of one shop: how many came and failed, and what the last one told.

    `percent` is the usage it told, None where it told none; `wait_s` how long the platform asks to wait.
    """

    token: str
    answered: int
    failed: int
    verdict: Verdict
    probe: bool
    percent: int | None
    wait_s: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transitions:
    """The holds that a report began and ended, and when the next probe is due."""

    began: tuple[PauseCause, ...]
    ended: tuple[PauseCause, ...]
    probe_at: datetime | None


class AdmissionStates:
    """Keeps the admission_states; every change is one script."""

    def __init__(self, store: Store, policy: BreakerPolicy) -> None:
        self._store = store
        self._policy = policy
        self._report = load(store, "admission_report")
        self._claim = load(store, "probe_claim")
        self._unclaim = load(store, "probe_unclaim")
        self._release = load(store, "paused_release")

    def state(self, shop_id: str) -> AdmissionState:
        """Return the state of one shop."""
        return self.states([shop_id])[shop_id]

    def states(self, shop_ids: Sequence[str]) -> dict[str, AdmissionState]:
        """Return the states of these admission_states, in one round trip."""
        calls = [("HGETALL", keys.admission(shop_id)) for shop_id in shop_ids]
        counts = [("ZCARD", keys.paused(shop_id)) for shop_id in shop_ids]
        answers = run(self._store, [*calls, *counts])
        rows, paused = answers[: len(calls)], answers[len(calls) :]
        return {
            shop_id: _state(fields, count)
            for shop_id, fields, count in zip(shop_ids, rows, paused, strict=True)
        }

    def report(self, shop_id: str, report: Report, now: datetime) -> Transitions:
        """Note what answers said; the same report token again changes nothing."""
        policy = self._policy
        verdict = report.verdict.value if report.verdict in (Verdict.THROTTLED, Verdict.TOKEN) else ""
        until = micros(now + timedelta(seconds=report.wait_s)) if report.wait_s else ""
        began, ended, probe_at = self._report(
            [keys.admission(shop_id)],
            [
                micros(now),
                report.token,
                report.answered,
                report.failed,
                verdict,
                "1" if report.probe else "0",
                "" if report.percent is None else report.percent,
                until,
                report.text[:MAX_TOKEN_TEXT],
                _micros(policy.window_s),
                policy.minimum,
                str(policy.rate),
                _micros(policy.open_s),
                _micros(LEAST_THROTTLE_S),
                _micros(MOST_THROTTLE_S),
            ],
        )
        return Transitions(
            began=tuple(PauseCause(name) for name in began),
            ended=tuple(PauseCause(name) for name in ended),
            probe_at=time_or_none(probe_at),
        )

    def claim_probe(
        self, shop_id: str, *, now: datetime, token: str, lease_s: float, forced: bool = False
    ) -> bool:
        """Claim the one probe of the shop; False: none is due (ignored if `forced`), or it is taken."""
        until = micros(now + timedelta(seconds=lease_s))
        return bool(
            self._claim([keys.admission(shop_id)], [micros(now), token, until, "1" if forced else "0"])
        )

    def end_probe(self, shop_id: str, token: str) -> bool:
        """Give the claim back; False when it is another's now."""
        return bool(self._unclaim([keys.admission(shop_id)], [token]))

    def release(
        self, shop_id: str, *, now: datetime, limit: int, a_second: float, within_s: float
    ) -> list[DueCommand]:
        """Make up to `limit` paused commands due, oldest first, `a_second` of them each second.

        None is made due later than `within_s` from now; the rest stays paused for the next call.
        """
        latest = micros(now + timedelta(seconds=within_s))
        rows = self._release(
            [keys.admission(shop_id), keys.paused(shop_id)],
            [
                micros(now),
                bounded(limit),
                _micros(1 / a_second),
                latest,
                keys.COMMAND_PREFIX,
                keys.DUE_PREFIX,
                keys.DUE_OF_PREFIX,
                shop_id,
            ],
        )
        return [
            DueCommand(
                id=row[0], kind=CommandKind(row[1]), order_id=row[2], shop_id=shop_id, due_at=time_of(row[3])
            )
            for row in rows
        ]


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)


def _state(fields: Mapping[str, str], paused: int) -> AdmissionState:
    return AdmissionState(
        breaker_since=time_or_none(fields.get("breaker_since")),
        breaker_probe_at=time_or_none(fields.get("breaker_probe_at")),
        token_since=time_or_none(fields.get("token_since")),
        token_probe_at=time_or_none(fields.get("token_probe_at")),
        token_text=fields.get("token_text", ""),
        usage_since=time_or_none(fields.get("usage_since")),
        usage_until=time_or_none(fields.get("usage_until")),
        usage_percent=int(fields.get("usage_percent", "0")),
        usage_at=time_or_none(fields.get("usage_at")),
        paused=paused,
    )
