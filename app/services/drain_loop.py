"""The drain loop: a job that ran its command leases the next due ones of its kind and shop.

A job costs RQ some twenty round trips and 5 ms of CPU; a command that a running job leases costs neither.
While enough jobs drain a kind, a command of it that is accepted gets no job of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.commands import CommandKind, CommandStatus
from app.queue.specs import command_job, command_job_id, sync_burst_job
from app.services.enqueue import Enqueuer
from app.services.lease import LEASE_S
from app.services.run import RunCommand
from app.services.settle import RunResult
from app.store.commands import Commands

# Then the jobs of other kinds and shops have their turn: one of the same is queued behind them.
TURN_S = 2.0
# A job that has not leased its next command for this long no longer counts as an active consumer: it died,
# or its call is slow, and a command that is accepted now needs a job. For this long after a kill, commands
# without a job wait for the sweep.
ACTIVE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainLoop:
    """Runs what is due of one kind in one shop, one at a time; a process has many of these loops at once."""

    commands: Commands
    run_command: RunCommand
    enqueuer: Enqueuer
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def drain(self, kind: CommandKind, shop_id: str, *, stopped: Callable[[], bool]) -> int:
        """Run due commands until none is left, the turn is over, or `stopped`; return how many were run.

        If some are left, the job of the next one is enqueued. A dead letter gets a job of its own, which
        shows it in the failed registry. An exception of a command is raised with a note that names the
        command; the sweep then enqueues the command in a job of its own.
        """
        job, ends_at = self.new_id(), self.clock() + timedelta(seconds=TURN_S)
        ran, read_pending = 0, False
        while not stopped() and self.clock() < ends_at:
            result = self._next(kind, shop_id, job)
            if result is None:
                break
            ran += 1
            read_pending = read_pending or result.read_pending
        else:
            left = self.commands.requeue(kind, shop_id, job=job, now=self.clock())
            if left is not None:
                self.enqueuer.enqueue(command_job(kind, *left))
        if read_pending:
            self.enqueuer.enqueue(sync_burst_job(shop_id))
        return ran

    def _next(self, kind: CommandKind, shop_id: str, job: str) -> RunResult | None:
        token = self.new_id()
        taken = self.commands.lease_next(
            kind,
            shop_id,
            job=job,
            token=token,
            now=self.clock(),
            lease_s=LEASE_S,
            active_s=ACTIVE_S,
        )
        if taken is None:
            return None
        command = taken.command
        self.enqueuer.withdraw(command_job_id(kind, command.id))
        try:
            result = self.run_command.run_leased(taken, token)
        except Exception as error:
            error.add_note(f"while draining: {kind} command {command.id} of order {command.order_id}")
            raise
        if result.status is CommandStatus.DEAD:
            self.enqueuer.enqueue(command_job(kind, command.id, command.order_id))
        return result
