"""Replay or dismiss a dead letter: the two things a person can do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.domain.alerts import AlertKind
from app.domain.commands import Command, CommandStatus
from app.domain.timeline import Cause, TimelineEntry
from app.queue.specs import command_job
from app.services.alerts import Alerting
from app.services.enqueue import Enqueuer
from app.store.commands import Commands


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCommand:
    """Puts dead letters back into their lanes, or closes them."""

    commands: Commands
    enqueuer: Enqueuer
    alerting: Alerting
    clock: Callable[[], datetime]
    new_key: Callable[[], str]

    def replay(self, command_id: str) -> bool:
        """Put the command back at the end of its lane with all its attempts ahead; False: it is not dead.

        If it is unknown whether the platform made the change, the command keeps its key, so that the change
        cannot be made twice. After a coded error the platform would only repeat that error, so it gets a new
        key.
        """
        command = self.commands.get(command_id)
        if command is None or command.status is not CommandStatus.DEAD:
            return False
        uncertain = bool(command.attempts) and command.attempts[-1].outcome in (None, "unknown")
        key = command.idempotency_key if uncertain else self.new_key()
        entry = self._entry(command, "command.replayed", None)
        if not self.commands.replay(command_id, now=self.clock(), idempotency_key=key, timeline=(entry,)):
            return False
        self._close_alerts(command_id)
        self.enqueuer.enqueue(command_job(command.kind, command_id, command.order_id))
        return True

    def dismiss(self, command_id: str, reason: str) -> bool:
        """Close the command as failed with a person's reason; False: it is not dead."""
        command = self.commands.get(command_id)
        if command is None:
            return False
        entry = self._entry(command, "command.dismissed", reason)
        done = self.commands.dismiss(command_id, now=self.clock(), reason=reason, timeline=(entry,))
        if done:
            self._close_alerts(command_id)
        return done

    def _close_alerts(self, command_id: str) -> None:
        subjects = [(kind, command_id) for kind in (AlertKind.DEAD_LETTER, AlertKind.QUARANTINE)]
        self.alerting.change([], subjects)

    def _entry(self, command: Command, what: str, reason: str | None) -> TimelineEntry:
        detail = {"command_id": command.id, "kind": command.kind.value, "reason": reason}
        return TimelineEntry(at=self.clock(), what=what, cause=Cause.OPERATOR, detail=detail)
