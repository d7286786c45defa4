"""Settle a command: write down what came of its run, and wake what comes next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from app.domain.commands import CommandStatus
from app.domain.outcomes import Accepted, Outcome, Throttled, outcome_name
from app.domain.readback import CannotTell
from app.domain.retry import Again, Done, Failed, GiveUp, NextStep, RetryPolicy, next_step
from app.domain.timeline import TimelineEntry
from app.queues import command_wake
from app.store.commands import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from app.domain.commands import Attempt, Command
    from app.domain.readback import Evidence
    from app.services.nudge import Nudge
    from app.store.commands import Commands

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A command was run; `status` is how it was settled, `error` why it did not succeed."""

    command_id: str
    status: CommandStatus
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleCommand:
    """Ends runs: the outcome, the policy and the ledger meet here."""

    commands: Commands
    nudge: Nudge
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
    ) -> Ran:
        """Settle a run that made an attempt, as `step` says."""
        now = self.clock()
        message = None if isinstance(outcome, Accepted) else outcome.message
        finished = replace(attempt, finished_at=now, outcome=outcome_name(outcome), error=message)
        detail = {"number": attempt.number, "outcome": finished.outcome, "error": message}
        if evidence is not None:
            detail |= {"read_back": type(evidence).__name__, "evidence": evidence.evidence}
        entry = _entry(command, now, "attempt.finished", detail)
        ending = _ending(command, finished, step, message, evidence, now=now, new_key=self.new_key)
        return self._write(command, token, replace(ending, timeline=(entry,)), now)

    def without_attempt(self, command: Command, token: str, status: CommandStatus, detail: str) -> Ran:
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
            timeline=(_entry(command, now, what, {"detail": detail}),),
        )
        return self._write(command, token, ending, now)

    def _write(self, command: Command, token: str, ending: Settlement, now: datetime) -> Ran:
        if ending.status.final:
            last = _entry(command, now, f"command.{ending.status.value}", {"error": ending.error})
            ending = replace(ending, timeline=(*ending.timeline, last))
        settled = self.commands.settle(command.id, token=token, settlement=ending, now=now)
        if not settled.ok:
            return lease_lost(command)
        if settled.next_id is not None and settled.next_kind is not None:
            # The lane's head now: the next command, or this one when it waits for its next attempt.
            later = settled.next_due_at if settled.next_due_at and settled.next_due_at > now else None
            self.nudge.wake(command_wake(settled.next_kind, settled.next_id, command.order_id, later))
        return Ran(command_id=command.id, status=ending.status, error=ending.error)


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
    return Ran(command_id=command.id, status=CommandStatus.RUNNING, error="the lease was lost")


def _ending(
    command: Command,
    finished: Attempt,
    step: NextStep,
    message: str | None,
    evidence: Evidence | None,
    *,
    now: datetime,
    new_key: Callable[[], str],
) -> Settlement:
    done = Settlement(
        status=CommandStatus.SUCCEEDED,
        attempt=finished,
        next_attempt_at=None,
        idempotency_key=command.idempotency_key,
        keep_wire=True,
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
            return replace(done, status=CommandStatus.DEAD, error=error)
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


def _entry(command: Command, at: datetime, what: str, detail: Mapping[str, object]) -> TimelineEntry:
    named = {"command_id": command.id, "kind": command.kind.value}
    return TimelineEntry(at=at, what=what, cause="command", detail=named | dict(detail))
