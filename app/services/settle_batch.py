"""Settle a batch: what its run came to, for the batch itself and for each order in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from msgspec import structs

from app.domain.alerts import AlertKind
from app.domain.commands import Attempt, Command, CommandStatus
from app.domain.outcomes import Accepted, Busy, Outcome, Refused, Throttled, outcome_name
from app.domain.retry import Again, Done, Failed, GiveUp, NextStep, RetryPolicy, next_step
from app.domain.timeline import Cause, TimelineEntry
from app.queues import command_wake, sync_wake
from app.services.alerting import Alerting, Trouble
from app.services.nudge import Nudge
from app.services.settle_command import PARKED_S, command_entry, counted_attempts, settlement_of
from app.store.batches import Batches
from app.store.commands import Commands, Settlement
from app.store.syncs import OwedSync, Syncs

log = structlog.get_logger()

# "Not in CREATED" says too little: it may be acknowledged already, or not be released yet. The order itself
# tells, when its command runs alone (Error Codes; Acknowledgement API reference).
NOT_CREATED = 2361009


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRan:
    """A batch was run: how it was settled, and how many of its orders gave up."""

    batch_id: str
    status: CommandStatus
    dead: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleBatch:
    """Ends runs of batches. The members first: a batch that is settled carries nobody any more."""

    commands: Commands
    batches: Batches
    syncs: Syncs
    nudge: Nudge
    alerting: Alerting
    policy: RetryPolicy
    clock: Callable[[], datetime]
    new_key: Callable[[], str]
    jitter: Callable[[], float]

    def answered(
        self,
        batch: Command,
        token: str,
        members: Sequence[Command],
        attempt: Attempt,
        outcomes: Mapping[str, Outcome],
    ) -> BatchRan:
        """Settle each member by its own entry of the answer, and the batch."""
        finished = structs.replace(attempt, finished_at=self.clock(), outcome="accepted")
        dead = self._leave(batch, members, attempt, outcomes)
        self._settle(batch, token, CommandStatus.SUCCEEDED, attempt=finished)
        return BatchRan(batch_id=batch.id, status=CommandStatus.SUCCEEDED, dead=dead)

    def unanswered(
        self, batch: Command, token: str, members: Sequence[Command], attempt: Attempt, outcome: Outcome
    ) -> BatchRan:
        """Settle a run whose call came to nothing for any member: the batch waits as it is, or ends.

        A coded error for the whole batch is no word about any one order: each goes on alone, under a new
        key, so that one of them cannot hold up the others.
        """
        if isinstance(outcome, Refused | Busy):
            outcomes: dict[str, Outcome] = {
                member.id: Busy(code=outcome.code, message=outcome.message) for member in members
            }
            dead = self._leave(batch, members, attempt, outcomes)
            finished = self._finished(attempt, outcome)
            self._settle(batch, token, CommandStatus.FAILED, attempt=finished, error=outcome.message)
            return BatchRan(batch_id=batch.id, status=CommandStatus.FAILED, dead=dead)
        counted = counted_attempts(batch) + (0 if isinstance(outcome, Throttled) else 1)
        step = next_step(outcome, attempts=counted, policy=self.policy, jitter=self.jitter())
        if not isinstance(step, Again):
            outcomes = dict.fromkeys((member.id for member in members), outcome)
            dead = self._leave(batch, members, attempt, outcomes, step=step)
            finished = self._finished(attempt, outcome)
            self._settle(batch, token, CommandStatus.FAILED, attempt=finished, error=finished.error)
            return BatchRan(batch_id=batch.id, status=CommandStatus.FAILED, dead=dead)
        # Its shop's gate is closed by a throttle: it goes on in line with the others that wait there.
        parked = isinstance(outcome, Throttled)
        until = self.clock() + timedelta(seconds=step.after_s + (PARKED_S if parked else 0.0))
        return self._wait(batch, token, members, until, self._finished(attempt, outcome), parked=parked)

    def parked(
        self, batch: Command, token: str, members: Sequence[Command], *, until: datetime, why: str
    ) -> BatchRan:
        """Settle a run that made no call, because the gate of its shop is closed: it costs no attempt."""
        later = max(until, self.clock()) + timedelta(seconds=PARKED_S)
        return self._wait(batch, token, members, later, None, parked=True, why=why)

    def given_up(self, batch: Command, token: str, members: Sequence[Command], detail: str) -> BatchRan:
        """Settle a batch that is not tried again as one dead letter an order, for people to replay."""
        now = self.clock()
        text = f"{detail} Replay this when the cause is gone, or dismiss it; it then goes out alone."
        settlements = {
            member.id: self._ending(
                CommandStatus.DEAD,
                error=text,
                key=self.new_key(),
                attempt=batch.attempts[-1] if batch.attempts else None,
                timeline=(command_entry(member, now, "command.dead", {"error": text}),),
            )
            for member in members
        }
        self._write(batch, members, settlements)
        self._settle(batch, token, CommandStatus.FAILED, error=detail)
        return BatchRan(batch_id=batch.id, status=CommandStatus.FAILED, dead=len(members))

    def converged(
        self, batch: Command, members: Sequence[Command], evidence: Mapping[str, str], *, attempt: Attempt
    ) -> None:
        """Settle members whose order shows that an attempt was applied whose answer was lost."""
        now = self.clock()
        settlements = {
            member.id: self._ending(
                CommandStatus.SUCCEEDED,
                error=None,
                key=batch.idempotency_key,
                attempt=attempt,
                timeline=(
                    command_entry(member, now, "command.converged", {"detail": evidence[member.id]}),
                    command_entry(member, now, "command.succeeded", {"error": None}),
                ),
            )
            for member in members
        }
        self._write(batch, members, settlements)

    def released(self, batch: Command, members: Sequence[Command]) -> None:
        """Let members go on alone that were not sent: their orders are not as they were when they joined."""
        now = self.clock()
        settlements = {
            member.id: self._ending(
                CommandStatus.WAITING, error=None, key=self.new_key(), attempt=None, timeline=(), next_at=now
            )
            for member in members
        }
        self._write(batch, members, settlements)

    def done(self, batch: Command, token: str) -> BatchRan:
        """Settle a batch that carries nobody any more."""
        self._settle(batch, token, CommandStatus.SUCCEEDED)
        return BatchRan(batch_id=batch.id, status=CommandStatus.SUCCEEDED)

    def lease_lost(self, batch: Command) -> BatchRan:
        """Give way: another worker holds the batch now."""
        log.warning("batch.lease_lost", batch_id=batch.id)
        return BatchRan(batch_id=batch.id, status=CommandStatus.RUNNING)

    def _leave(
        self,
        batch: Command,
        members: Sequence[Command],
        attempt: Attempt,
        outcomes: Mapping[str, Outcome],
        *,
        step: NextStep | None = None,
    ) -> int:
        """Settle members by their outcomes, and return how many gave up; all of them leave the batch."""
        settlements = {
            member.id: self._ended(
                member, attempt, outcomes[member.id], step or self._step(batch, outcomes[member.id])
            )
            for member in members
        }
        self._write(batch, members, settlements)
        return sum(one.status is CommandStatus.DEAD for one in settlements.values())

    def _step(self, batch: Command, outcome: Outcome) -> NextStep:
        if isinstance(outcome, Refused) and outcome.code == NOT_CREATED:
            return Again(after_s=0.0, new_key=True)
        return next_step(
            outcome, attempts=counted_attempts(batch) + 1, policy=self.policy, jitter=self.jitter()
        )

    def _ended(self, member: Command, attempt: Attempt, outcome: Outcome, step: NextStep) -> Settlement:
        now = self.clock()
        finished = self._finished(attempt, outcome)
        if isinstance(step, Again):
            step = replace(step, new_key=True)  # the batch's key belongs to the batch's bytes
        ending = settlement_of(member, finished, step, finished.error, None, now=now, new_key=self.new_key)
        if isinstance(step, GiveUp):
            ending = replace(ending, idempotency_key=self.new_key(), keep_wire=False)
        detail = {"number": attempt.number, "outcome": finished.outcome, "error": finished.error}
        timeline = [command_entry(member, now, "attempt.finished", detail)]
        if isinstance(step, Done | Failed | GiveUp):
            ended = {"error": ending.error}
            timeline.append(command_entry(member, now, f"command.{ending.status.value}", ended))
        return replace(ending, timeline=tuple(timeline))

    def _write(
        self, batch: Command, members: Sequence[Command], settlements: Mapping[str, Settlement]
    ) -> None:
        now = self.clock()
        results = self.commands.settle_many(settlements, token=batch.id, now=now)
        wakes, troubles = [], []
        for member in members:
            settled, ending = results[member.id], settlements[member.id]
            if not settled.ok:
                continue
            if settled.next_id is not None and settled.next_kind is not None:
                due = settled.next_due_at
                later = due if due is not None and due > now else None
                wakes.append(command_wake(settled.next_kind, settled.next_id, member.order_id, later))
            if ending.status is CommandStatus.DEAD:
                text = f"{member.kind.value} of order {member.order_id} gave up: {ending.error}"
                troubles.append(
                    Trouble(kind=AlertKind.DEAD_LETTER, subject=member.id, text=text, shop_id=member.shop_id)
                )
            if ending.status is CommandStatus.FAILED:
                # What the platform refused may say that our copy is old.
                owed = OwedSync(order_id=member.order_id, shop_id=member.shop_id, cause=Cause.COMMAND)
                if self.syncs.owe(owed, now):
                    wakes.append(sync_wake(member.order_id))
        self.nudge.wake(*wakes)
        if troubles:
            self.alerting.change(troubles, [])

    def _wait(
        self,
        batch: Command,
        token: str,
        members: Sequence[Command],
        until: datetime,
        finished: Attempt | None,
        *,
        parked: bool,
        why: str = "",
    ) -> BatchRan:
        error = (finished.error if finished else why) or why
        settled = self._settle(
            batch, token, CommandStatus.WAITING, attempt=finished, error=error, next_at=until, parked=parked
        )
        if settled:
            what = "attempt.finished" if finished else "command.parked"
            detail = (
                {"number": finished.number, "outcome": finished.outcome, "error": error}
                if finished
                else {"detail": why}
            )
            notes = {one.id: command_entry(one, self.clock(), what, detail) for one in members}
            self.batches.wait(batch.id, notes, until=until, attempt=finished, error=error)
            self.nudge.wake(command_wake(batch.kind, batch.id, batch.order_id, until))
        return BatchRan(batch_id=batch.id, status=CommandStatus.WAITING)

    def _settle(
        self,
        batch: Command,
        token: str,
        status: CommandStatus,
        *,
        attempt: Attempt | None = None,
        error: str | None = None,
        next_at: datetime | None = None,
        parked: bool = False,
    ) -> bool:
        ending = self._ending(
            status, error=error, key=batch.idempotency_key, attempt=attempt, timeline=(), next_at=next_at
        )
        ending = replace(ending, keep_wire=True, parked=parked)
        settled = self.commands.settle(batch.id, token=token, settlement=ending, now=self.clock())
        if settled.ok and status.final:
            self.batches.finished(batch.id)
        return settled.ok

    @staticmethod
    def _ending(
        status: CommandStatus,
        *,
        error: str | None,
        key: str,
        attempt: Attempt | None,
        timeline: tuple[TimelineEntry, ...],
        next_at: datetime | None = None,
    ) -> Settlement:
        return Settlement(
            status=status,
            attempt=attempt,
            next_attempt_at=next_at,
            idempotency_key=key,
            keep_wire=False,
            error=error,
            timeline=timeline,
        )

    def _finished(self, attempt: Attempt, outcome: Outcome) -> Attempt:
        message = None if isinstance(outcome, Accepted) else outcome.message
        return structs.replace(
            attempt, finished_at=self.clock(), outcome=outcome_name(outcome), error=message
        )
