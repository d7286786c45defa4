"""Settle a command: write down what came of its run, and wake what comes next."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from msgspec import structs

from app.domain.alerts import AlertKind
from app.domain.commands import Attempt, Command, CommandStatus
from app.domain.outcomes import Accepted, Outcome, Throttled, outcome_name
from app.domain.readback import CannotTell, Evidence
from app.domain.retry import Again, Done, Failed, GiveUp, NextStep, RetryPolicy, next_step
from app.domain.timeline import Cause, TimelineEntry
from app.queues import command_wake
from app.services.alerting import Alerting
from app.services.nudge import Nudge
from app.store.commands import Commands, Settled, Settlement
from app.store.connection import StoreUnavailable

log = structlog.get_logger()

# A parked command is let go on by its shop's gate. It looks by itself only this long after the gate should
# have opened, in case that was lost.
PARKED_S = 300.0
# What an attempt came to is the one thing worth waiting for Redis: these pauses end before the lease does.
SETTLE_PAUSES_S = (0.1, 0.3, 0.6, 1.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A command was run; `status` is how it was settled, `error` why it did not succeed.

    `read_owed`: the change is not in the order's copy yet, and a read of it is owed.
    """

    command_id: str
    shop_id: str
    status: CommandStatus
    error: str | None
    read_owed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleCommand:
    """Ends runs: the outcome, the policy and the ledger meet here."""

    commands: Commands
    nudge: Nudge
    alerting: Alerting
    policy: RetryPolicy
    clock: Callable[[], datetime]
    new_key: Callable[[], str]
    jitter: Callable[[], float]

    def next_step(self, command: Command, outcome: Outcome) -> NextStep:
        """Return what the policy makes of the outcome of the attempt just made."""
        counted = counted_attempts(command) + (0 if isinstance(outcome, Throttled) else 1)
        return next_step(outcome, attempts=counted, policy=self.policy, jitter=self.jitter())

    def after_attempt(
        self,
        command: Command,
        token: str,
        attempt: Attempt,
        *,
        outcome: Outcome,
        step: NextStep,
        evidence: Evidence | None,
        owe_read: bool = False,
    ) -> Ran:
        """Settle a run that made an attempt, as `step` says; `owe_read` owes a read of the order as well."""
        now = self.clock()
        message = None if isinstance(outcome, Accepted) else outcome.message
        finished = structs.replace(attempt, finished_at=now, outcome=outcome_name(outcome), error=message)
        detail = {"number": attempt.number, "outcome": finished.outcome, "error": message}
        if evidence is not None:
            detail |= {"read_back": type(evidence).__name__, "evidence": evidence.evidence}
        entry = command_entry(command, now, "attempt.finished", detail)
        ending = settlement_of(command, finished, step, message, evidence, now=now, new_key=self.new_key)
        if isinstance(outcome, Throttled) and ending.next_attempt_at is not None:
            # Its shop's gate is closed by now: it goes on in line with the others that wait there.
            next_at = ending.next_attempt_at + timedelta(seconds=PARKED_S)
            ending = replace(ending, next_attempt_at=next_at, parked=True)
        return self._write(command, token, replace(ending, timeline=(entry,), owe_read=owe_read), now)

    def without_attempt(
        self,
        command: Command,
        token: str,
        status: CommandStatus,
        detail: str,
        alert: AlertKind = AlertKind.DEAD_LETTER,
    ) -> Ran:
        """Settle a run without a call: the order itself says that it is done, or cannot be."""
        now = self.clock()
        succeeded = status is CommandStatus.SUCCEEDED
        what = "command.converged" if succeeded else "command.decided"
        ending = Settlement(
            status=status,
            attempt=None,
            next_attempt_at=None,
            idempotency_key=command.idempotency_key,
            keep_wire=True,
            error=None if succeeded else detail,
            timeline=(command_entry(command, now, what, {"detail": detail}),),
        )
        return self._write(command, token, ending, now, alert)

    def parked(self, command: Command, token: str, *, until: datetime, why: str) -> Ran:
        """Settle a run that made no call, because the gate of its shop is closed: it costs no attempt."""
        now = self.clock()
        ending = Settlement(
            status=CommandStatus.WAITING,
            attempt=None,
            next_attempt_at=max(until, now) + timedelta(seconds=PARKED_S),
            idempotency_key=command.idempotency_key,
            keep_wire=True,
            error=why,
            timeline=(command_entry(command, now, "command.parked", {"detail": why}),),
            parked=True,
        )
        return self._write(command, token, ending, now)

    def quarantined(self, command: Command, token: str, lost_runs: int) -> Ran:
        """Settle a command that takes its workers down as a dead letter: a person looks before it runs."""
        detail = (
            f"Its worker died {lost_runs} times in a row while running it; it is not run again by itself. "
            f"Whether the last attempt was applied cannot be told: look at order {command.order_id} and at "
            "the workers' log. Dismiss it if the change is there; else replay it (it goes out under the "
            "same key, so the platform makes it once)."
        )
        return self.without_attempt(command, token, CommandStatus.DEAD, detail, AlertKind.QUARANTINE)

    def _write(
        self,
        command: Command,
        token: str,
        ending: Settlement,
        now: datetime,
        alert: AlertKind = AlertKind.DEAD_LETTER,
    ) -> Ran:
        if ending.status.final:
            last = command_entry(command, now, f"command.{ending.status.value}", {"error": ending.error})
            ending = replace(ending, timeline=(*ending.timeline, last))
        settled = self._settle(command, token, ending, now)
        if not settled.ok:
            return lease_lost(command)
        if settled.next_id is not None and settled.next_kind is not None:
            # The lane's head now: the next command, or this one when it waits for its next attempt.
            later = settled.next_due_at if settled.next_due_at and settled.next_due_at > now else None
            self.nudge.wake(command_wake(settled.next_kind, settled.next_id, command.order_id, later))
        if ending.status is CommandStatus.DEAD:
            text = f"{command.kind.value} of order {command.order_id} gave up: {ending.error}"
            self.alerting.open(alert, command.id, text, shop_id=command.shop_id)
        return Ran(
            command_id=command.id,
            shop_id=command.shop_id,
            status=ending.status,
            error=ending.error,
            read_owed=ending.owe_read,
        )

    def _settle(self, command: Command, token: str, ending: Settlement, now: datetime) -> Settled:
        for pause_s in SETTLE_PAUSES_S:
            try:
                return self.commands.settle(command.id, token=token, settlement=ending, now=now)
            except StoreUnavailable as error:
                log.warning("command.settle_waits", command_id=command.id, reason=str(error))
                time.sleep(pause_s)
        return self.commands.settle(command.id, token=token, settlement=ending, now=now)


def counted_attempts(command: Command) -> int:
    """Return how many attempts count against the policy: made since the last replay, and not throttled."""
    return sum(
        1
        for attempt in command.attempts
        if attempt.number > command.attempts_before and attempt.outcome != "throttled"
    )


def lease_lost(command: Command) -> Ran:
    """Give way: our lease ran out and another worker holds the command now, or has ended it."""
    log.warning("command.lease_lost", command_id=command.id, order_id=command.order_id)
    return Ran(
        command_id=command.id,
        shop_id=command.shop_id,
        status=CommandStatus.RUNNING,
        error="the lease was lost",
    )


def settlement_of(
    command: Command,
    finished: Attempt,
    step: NextStep,
    message: str | None,
    evidence: Evidence | None,
    *,
    now: datetime,
    new_key: Callable[[], str],
) -> Settlement:
    """Return how the run ends that made the attempt `finished`, its timeline left to the caller."""
    done = Settlement(
        status=CommandStatus.SUCCEEDED,
        attempt=finished,
        next_attempt_at=None,
        idempotency_key=command.idempotency_key,
        keep_wire=False,  # no call comes after this one; the bytes would outlive their use by years
        error=None,
        timeline=(),
    )
    match step:
        case Done():
            return done
        case Failed():
            return replace(done, status=CommandStatus.FAILED, error=message)
        case GiveUp():
            error = _last_words(command, message, evidence)
            return replace(done, status=CommandStatus.DEAD, keep_wire=True, error=error)
        case Again(after_s=after_s, new_key=changed):
            return replace(
                done,
                status=CommandStatus.WAITING,
                next_attempt_at=now + timedelta(seconds=after_s),
                idempotency_key=new_key() if changed else command.idempotency_key,
                keep_wire=not changed,
                error=message,
            )


def _last_words(command: Command, message: str | None, evidence: Evidence | None) -> str:
    text = f"{message} (after {counted_attempts(command) + 1} attempts)."
    if isinstance(evidence, CannotTell):
        return (
            f"{text} Whether it was applied cannot be told: {evidence.evidence}. Look at order "
            f"{command.order_id} in Commerce Manager: if the change is there, dismiss this command; "
            "if not, replay it (it goes out under the same key, so the platform makes it once)."
        )
    return f"{text} Replay it when the cause is gone, or dismiss it."


def command_entry(command: Command, at: datetime, what: str, detail: Mapping[str, object]) -> TimelineEntry:
    """Return a timeline entry that names the command."""
    named = {"command_id": command.id, "kind": command.kind.value}
    return TimelineEntry(at=at, what=what, cause=Cause.COMMAND, detail=named | dict(detail))
