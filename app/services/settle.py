"""Settle: record how runs of commands ended, enqueue what comes next, and open alerts for dead letters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from msgspec import structs

from app.domain.alerts import AlertKind
from app.domain.commands import Attempt, Command, CommandKind, CommandStatus
from app.domain.outcomes import Accepted, Outcome, Throttled, outcome_name
from app.domain.readback import CannotTell, Evidence
from app.domain.retry import Again, Done, Failed, GiveUp, NextStep, RetryPolicy, next_step
from app.domain.timeline import Cause, TimelineEntry
from app.queue.specs import command_job, sync_job
from app.services.alerts import Alerting, Trouble
from app.services.enqueue import Enqueuer
from app.store.batches import Batches
from app.store.commands import Commands, Settled, Settlement
from app.store.connection import StoreUnavailable

log = structlog.get_logger()

# When its shop resumes, a paused command is made due. By itself it runs again only this long after the shop
# should have resumed, in case that was lost.
PAUSED_MARGIN_S = 300.0
# The outcome of an attempt must not be lost while Redis is away: these pauses end before the lease does.
SETTLE_PAUSES_S = (0.1, 0.3, 0.6, 1.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a command or a batch was settled; `error` is why it did not succeed.

    `dead` counts the commands that became dead letters: the command itself, or members of the batch.
    `read_pending`: the change is not in the copy of the order yet, and a read of it is pending. `status` is
    RUNNING when the lease was lost and nothing was settled.
    """

    id: str
    shop_id: str
    status: CommandStatus
    error: str | None
    dead: int = 0
    read_pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the run of a command ended, before it is settled.

    `entry` names and describes what the order's timeline says about it, None when it says nothing. Of a
    batch, `leaving` are the members that the run settles, `staying` those that wait with it.
    """

    settlement: Settlement
    entry: tuple[str, Mapping[str, object]] | None = None
    alert: AlertKind = AlertKind.DEAD_LETTER
    leaving: Sequence[tuple[Command, Ending]] = field(default=())
    staying: Sequence[Command] = field(default=())


class EndsEarly(Exception):
    """A step of a run found that no later step is needed; `ending` is how the run ends."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.settlement.status)
        self.ending = ending


class LeaseLost(Exception):
    """The lease ran out before the attempt was recorded: nothing was sent, and nothing is settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Turns outcomes into endings by the retry policy, and records endings."""

    commands: Commands
    batches: Batches
    enqueuer: Enqueuer
    alerting: Alerting
    policy: RetryPolicy
    clock: Callable[[], datetime]
    new_key: Callable[[], str]
    jitter: Callable[[], float]

    def settle(self, command: Command, token: str, ending: Ending) -> RunResult:
        """Settle the run that holds the lease `token`, the members that leave a batch first.

        A run that dies in between leaves a batch whose settled members are not in it any more.
        """
        left = self.settle_many(ending.leaving, token=command.id)
        [result] = self.settle_many([(command, ending)], token=token)
        if command.kind is not CommandKind.ACKNOWLEDGE_BATCH:
            return result
        # A member that the platform refused may have an old copy.
        stale = [one for (one, _), settled in zip(ending.leaving, left, strict=True) if settled.read_pending]
        self.enqueuer.enqueue(*(sync_job(one.order_id) for one in stale))
        if result.status.final:
            self.batches.finished(command.id)
        waiting = ending.settlement
        if result.status is CommandStatus.WAITING and waiting.next_attempt_at and ending.entry:
            notes = {one.id: _timeline_entry(one, self.clock(), *ending.entry) for one in ending.staying}
            self.batches.wait(
                command.id,
                notes,
                until=waiting.next_attempt_at,
                attempt=waiting.attempt,
                error=waiting.error or "",
            )
        dead = sum(one.dead for one in left)
        error = f"{dead} acknowledgements gave up; each can be replayed" if dead else result.error
        return replace(result, dead=dead, error=error)

    def settle_many(self, endings: Sequence[tuple[Command, Ending]], *, token: str) -> list[RunResult]:
        """Settle these commands, which one token holds, in one round trip; members' token is their batch."""
        if not endings:
            return []
        now = self.clock()
        settlements = {command.id: _with_timeline(command, ending, now) for command, ending in endings}
        settled = self._store(settlements, token, now)
        jobs, troubles, results = [], [], []
        for command, ending in endings:
            one, ended = settled[command.id], settlements[command.id]
            if not one.ok:
                results.append(lease_lost(command))
                continue
            if one.next_id is not None and one.next_kind is not None:
                # The lane's head now: the next command, or this one when it waits for its next attempt.
                later = one.next_due_at if one.next_due_at and one.next_due_at > now else None
                jobs.append(command_job(one.next_kind, one.next_id, command.order_id, later))
            dead = ended.status is CommandStatus.DEAD
            if dead:
                text = f"{command.kind.value} of order {command.order_id} gave up: {ended.error}"
                troubles.append(
                    Trouble(kind=ending.alert, subject=command.id, text=text, shop_id=command.shop_id)
                )
            results.append(
                RunResult(
                    id=command.id,
                    shop_id=command.shop_id,
                    status=ended.status,
                    error=ended.error,
                    dead=int(dead),
                    read_pending=ended.read_pending,
                )
            )
        self.enqueuer.enqueue(*jobs)
        if troubles:
            self.alerting.change(troubles, [])
        return results

    def new_attempt(self, command: Command) -> Attempt:
        """Return the attempt that the command makes now, with the timeout of its turn."""
        return Attempt(
            number=command.attempts[-1].number + 1 if command.attempts else 1,
            started_at=self.clock(),
            timeout_s=self.policy.timeout_s(_counted_attempts(command) + 1),
            idempotency_key=command.idempotency_key,
        )

    def next_step(self, command: Command, outcome: Outcome) -> NextStep:
        """Return what the policy makes of the outcome of the attempt just made."""
        counted = _counted_attempts(command) + (0 if isinstance(outcome, Throttled) else 1)
        return next_step(outcome, attempts=counted, policy=self.policy, jitter=self.jitter())

    def after_attempt(
        self,
        command: Command,
        attempt: Attempt,
        outcome: Outcome,
        step: NextStep,
        *,
        evidence: Evidence | None = None,
        member: bool = False,
    ) -> Ending:
        """Return the ending of a run that made an attempt, as `step` says.

        A `member` leaves its batch, so whatever it sends next needs a key of its own: the key of the batch
        belongs to the bytes of the batch.
        """
        now = self.clock()
        message = None if isinstance(outcome, Accepted) else outcome.message
        finished = structs.replace(attempt, finished_at=now, outcome=outcome_name(outcome), error=message)
        detail = {"number": attempt.number, "outcome": finished.outcome, "error": message}
        if evidence is not None:
            detail |= {"read_back": type(evidence).__name__, "evidence": evidence.evidence}
        # When no call follows, the stored bytes of the request would outlive their use by years.
        ended = Settlement(status=CommandStatus.SUCCEEDED, attempt=finished, keep_wire=False)
        match step:
            case Done():
                pass
            case Failed():
                ended = replace(ended, status=CommandStatus.FAILED, error=message)
            case GiveUp():
                error = _give_up_text(command, message, evidence)
                ended = replace(
                    ended, status=CommandStatus.DEAD, error=error, **self._next_call(renewed=member)
                )
            case Again(after_s=after_s, new_key=new_key):
                # A throttled call pauses the shop: the command waits there, in line with the others.
                paused = isinstance(outcome, Throttled) and not member
                ended = replace(
                    ended,
                    status=CommandStatus.WAITING,
                    next_attempt_at=now + timedelta(seconds=after_s + (PAUSED_MARGIN_S if paused else 0.0)),
                    error=message,
                    paused=paused,
                    **self._next_call(renewed=new_key or member),
                )
        return Ending(settlement=ended, entry=("attempt.finished", detail))

    def paused(self, *, until: datetime, why: str) -> Ending:
        """Return the ending of a run that made no call because its shop is paused: it costs no attempt."""
        waiting = Settlement(
            status=CommandStatus.WAITING,
            next_attempt_at=max(until, self.clock()) + timedelta(seconds=PAUSED_MARGIN_S),
            error=why,
            paused=True,
        )
        return Ending(settlement=waiting, entry=("command.paused", {"detail": why}))

    def _next_call(self, *, renewed: bool) -> dict[str, Any]:
        """Return what gives the next call a new key, or keeps the key and with it the exact bytes."""
        return {"idempotency_key": self.new_key() if renewed else None, "keep_wire": not renewed}

    def _store(self, settlements: Mapping[str, Settlement], token: str, now: datetime) -> dict[str, Settled]:
        for pause_s in SETTLE_PAUSES_S:
            try:
                return self.commands.settle_many(settlements, token=token, now=now)
            except StoreUnavailable as error:
                log.warning("command.settle_delayed", commands=list(settlements), reason=str(error))
                time.sleep(pause_s)
        return self.commands.settle_many(settlements, token=token, now=now)


def without_attempt(status: CommandStatus, detail: str, alert: AlertKind = AlertKind.DEAD_LETTER) -> Ending:
    """Return the ending of a run without a call: the order shows that it is done, or cannot be done."""
    succeeded = status is CommandStatus.SUCCEEDED
    return Ending(
        settlement=Settlement(status=status, error=None if succeeded else detail),
        entry=("command.converged" if succeeded else "command.decided", {"detail": detail}),
        alert=alert,
    )


def lease_lost(command: Command) -> RunResult:
    """Return the result of a run whose lease ran out: another worker holds or has ended the command."""
    log.warning("command.lease_lost", command_id=command.id, order_id=command.order_id)
    return RunResult(
        id=command.id,
        shop_id=command.shop_id,
        status=CommandStatus.RUNNING,
        error="the lease was lost",
    )


def _with_timeline(command: Command, ending: Ending, now: datetime) -> Settlement:
    ended = ending.settlement
    if command.kind is CommandKind.ACKNOWLEDGE_BATCH:
        return replace(ended, keep_wire=True)  # its members' orders have timelines; it has none
    entries = [_timeline_entry(command, now, *ending.entry)] if ending.entry else []
    if ended.status.final:
        what = f"command.{ended.status.value}"
        entries.append(_timeline_entry(command, now, what, {"error": ended.error}))
    return replace(ended, timeline=tuple(entries))


def _timeline_entry(command: Command, at: datetime, what: str, detail: Mapping[str, object]) -> TimelineEntry:
    named = {"command_id": command.id, "kind": command.kind.value}
    return TimelineEntry(at=at, what=what, cause=Cause.COMMAND, detail=named | dict(detail))


def _counted_attempts(command: Command) -> int:
    """Return how many attempts count against the policy: made since the last replay, and not throttled."""
    return sum(
        1
        for attempt in command.attempts
        if attempt.number > command.attempts_before and attempt.outcome != "throttled"
    )


def _give_up_text(command: Command, message: str | None, evidence: Evidence | None) -> str:
    text = f"{message} (after {_counted_attempts(command) + 1} attempts)."
    if isinstance(evidence, CannotTell):
        return (
            f"{text} Whether it was applied cannot be told: {evidence.evidence}. Look at order "
            f"{command.order_id} in Commerce Manager: if the change is there, dismiss this command; "
            "if not, replay it (it goes out under the same key, so the platform makes it once)."
        )
    return f"{text} Replay it when the cause is gone, or dismiss it."
