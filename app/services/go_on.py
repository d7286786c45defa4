"""Go on: a job that has run its command takes the next due one of its kind and shop, while there is one.

A job costs RQ some twenty round trips and 5 ms of CPU; a command that a running job goes on with costs none
of that. While enough jobs go on, whoever accepts a command writes no job for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.commands import CommandKind, CommandStatus
from app.queues import command_job_id, command_wake, sync_burst_wake
from app.services.heartbeat import LEASE_S
from app.services.nudge import Nudge
from app.services.run_command import RunCommand
from app.services.settle_command import Ran
from app.store.commands import Commands

# Then the jobs of other kinds and shops have their turn: one of the same is queued behind them.
TURN_S = 2.0
# A job that has not come back for the next command within this long does not count as one that will: it died,
# or its call is slow, and a command that is accepted now is better woken. In that time after a kill, commands
# that nobody woke wait for the sweep.
COUNTS_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOn:
    """Works off what is due of one kind in one shop, one at a time; a process has many of these at once."""

    commands: Commands
    run_command: RunCommand
    nudge: Nudge
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def go_on(self, kind: CommandKind, shop_id: str, *, stopped: Callable[[], bool]) -> int:
        """Run due commands until none is left, the turn is over, or `stopped`; return how many were run.

        Where some are left, the job of the next one is woken. A command that gives up gets a job of its own,
        which shows it in the failed registry. What a command raises is raised, with a note that names it; the
        sweep then wakes the command in a job of its own.
        """
        job, ends_at = self.new_id(), self.clock() + timedelta(seconds=TURN_S)
        ran, read_owed = 0, False
        while not stopped() and self.clock() < ends_at:
            result = self._next(kind, shop_id, job)
            if result is None:
                break
            ran += 1
            read_owed = read_owed or result.read_owed
        else:
            left = self.commands.hand_over(kind, shop_id, job=job, now=self.clock())
            if left is not None:
                self.nudge.wake(command_wake(kind, *left))
        if read_owed:
            self.nudge.wake(sync_burst_wake(shop_id))
        return ran

    def _next(self, kind: CommandKind, shop_id: str, job: str) -> Ran | None:
        token = self.new_id()
        taken = self.commands.take_next(
            kind,
            shop_id,
            job=job,
            token=token,
            now=self.clock(),
            lease_s=LEASE_S,
            counts_s=COUNTS_S,
        )
        if taken is None:
            return None
        command = taken.command
        self.nudge.take_back(command_job_id(kind, command.id))
        try:
            result = self.run_command.run_taken(taken, token)
        except Exception as error:
            error.add_note(f"while going on with {kind} command {command.id} of order {command.order_id}")
            raise
        if result.status is CommandStatus.DEAD:
            self.nudge.wake(command_wake(kind, command.id, command.order_id))
        return result
