"""Wait for a command: the caller asked to hear the end of it, not its beginning."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from app.domain.commands import Command, CommandStatus
from app.domain.timeline import Cause
from app.services.record_order import OrderContended
from app.services.sync import SyncOrder
from app.store.commands import Commands
from app.store.syncs import Syncs

# The first looks are close together, since most commands end within a fraction of a second.
FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCommand:
    """Looks at the ledger until the command has left its lane, or the time is up."""

    commands: Commands
    syncs: Syncs
    sync_order: SyncOrder

    def wait(self, command_id: str, timeout_s: float) -> Command | None:
        """Return the command as it stands at the end of the wait; None when there is no such command.

        Where it succeeded and a read of its order is owed, that is made first: whoever waited finds the
        change in the copy.
        """
        deadline = time.monotonic() + timeout_s
        pause_s = FIRST_PAUSE_S
        while True:
            command = self.commands.get(command_id)
            left_s = deadline - time.monotonic()
            if command is None or left_s <= 0:
                return command
            if command.status.final:
                self._read(command)
                return command
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)

    def _read(self, command: Command) -> None:
        if command.status is CommandStatus.SUCCEEDED and self.syncs.get(command.order_id) is not None:
            # A platform that is away, or a copy that others write, changes nothing: what is owed stays owed.
            with suppress(OrderContended):
                self.sync_order.sync(command.order_id, cause=Cause.REST, shop_id=command.shop_id)
