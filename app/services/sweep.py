"""The sweep: wake what is due and has nobody working on it. The ledger knows; jobs may be lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.queues import DRAIN_INBOX, command_wake, reconcile_wake, sync_wake

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.queues import Wake
    from app.services.nudge import Nudge
    from app.store.commands import Commands
    from app.store.inbox import Inbox
    from app.store.syncs import Syncs

# What one sweep wakes at the most; the next one, seconds later, goes on with the rest.
MAX_WOKEN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many commands and syncs were woken, and whether the inbox was found filled."""

    commands: int
    syncs: int
    inbox: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Wakes what is due: waking what is awake already changes nothing."""

    commands: Commands
    syncs: Syncs
    inbox: Inbox
    nudge: Nudge
    clock: Callable[[], datetime]

    def sweep(self) -> Swept:
        """Wake due commands, those whose lease ran out, the inbox if it is filled, and owed syncs."""
        now = self.clock()
        inbox = self.inbox.size()
        due = [*self.commands.expired(now, limit=MAX_WOKEN), *self.commands.due(now, limit=MAX_WOKEN)]
        orders = self.syncs.due(now, limit=MAX_WOKEN)
        wakes: list[Wake] = [DRAIN_INBOX] if inbox else []
        wakes += [command_wake(command.kind, command.id, command.order_id) for command in due]
        wakes += [sync_wake(owed.order_id) for owed in orders]
        wakes += [reconcile_wake(shop_id) for shop_id in self.syncs.shops_due(now, limit=MAX_WOKEN)]
        self.nudge.wake(*wakes)
        return Swept(commands=len(due), syncs=len(orders), inbox=inbox)
