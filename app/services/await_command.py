"""Wait for a command: the caller asked to hear the end of it, not its beginning."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.domain.commands import Command
    from app.store.commands import Commands

# The first looks are close together, since most commands end within a fraction of a second.
FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCommand:
    """Looks at the ledger until the command has left its lane, or the time is up."""

    commands: Commands

    def wait(self, command_id: str, timeout_s: float) -> Command | None:
        """Return the command as it stands at the end of the wait; None when there is no such command."""
        deadline = time.monotonic() + timeout_s
        pause_s = FIRST_PAUSE_S
        while True:
            command = self.commands.get(command_id)
            left_s = deadline - time.monotonic()
            if command is None or command.status.final or left_s <= 0:
                return command
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
