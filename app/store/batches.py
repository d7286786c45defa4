"""Batches: acknowledgements that go to the platform together, and the gathering they come from.

A batch is a command like any other to `commands`: taken, attempted, settled, due. Its members are commands in
the lanes of their orders. Its id is the token that holds them, so that its run settles them as
`settle_many` does; a member that is settled has left it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.codec import encode
from app.domain.commands import Acknowledge, Attempt, Command, CommandKind
from app.domain.timeline import Cause, TimelineEntry
from app.store import keys
from app.store.command_record import FixedPart, command_of
from app.store.connection import Store, run
from app.store.orders import MAX_TIMELINE
from app.store.script import load
from app.store.times import micros, time_of

# A finished batch is kept as long as RQ keeps a failed job of it; its members keep what they came to.
FINISHED_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormedBatch:
    """A batch stands in the ledger and is due; `lane` is its own one, whose name says how many orders."""

    id: str
    orders: int
    lane: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """Nobody joined this acknowledgement: it is due now, as a command of its own."""

    command_id: str
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Too few gathered for too short a time; the oldest was accepted at `since`."""

    since: datetime


class Batches:
    """Forms batches, and tells who is in them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._form = load(store, "batch_form")
        self._wait = load(store, "batch_wait")

    def form(
        self, shop_id: str, *, batch_id: str, idempotency_key: str, now: datetime, window_s: float, most: int
    ) -> FormedBatch | Alone | Gathering | None:
        """Make a batch of up to `most` when so many gathered, or the oldest did `window_s` seconds ago.

        Returns what became of those that waited longest; None when nothing gathers. All or nothing, at once:
        no acknowledgement is ever in two batches, nor in one and due alone.
        """
        what, subject, more = self._form(
            [
                keys.gathering(shop_id),
                keys.command(batch_id),
                keys.due(CommandKind.ACKNOWLEDGE_BATCH.value),
                keys.due(CommandKind.ACKNOWLEDGE.value),
                keys.due_of(CommandKind.ACKNOWLEDGE.value, shop_id),
            ],
            [
                micros(now),
                micros(now - timedelta(seconds=window_s)),
                most,
                batch_id,
                shop_id,
                idempotency_key,
                _FIXED,
                keys.COMMAND_PREFIX,
                keys.LANE_PREFIX,
                keys.COMMANDS_BY_STATUS_PREFIX,
            ],
        )
        if what == "batch":
            return FormedBatch(id=batch_id, orders=int(subject), lane=more)
        if what == "alone":
            return Alone(command_id=subject, order_id=more)
        return Gathering(since=time_of(subject)) if what == "later" else None

    def members(self, batch_id: str, *, left: bool = False) -> list[Command]:
        """Return the commands the batch still carries, in its order; with `left`, those that left too."""
        ids = (self._store.execute_command("HGET", keys.command(batch_id), "members") or "").split()
        rows = run(self._store, [("HGETALL", keys.command(one)) for one in ids]) if ids else []
        found = (command_of(row) for row in rows if left or row.get("batch") == batch_id)
        return [command for command in found if command is not None]

    def wait(
        self,
        batch_id: str,
        notes: Mapping[str, TimelineEntry],
        *,
        until: datetime,
        attempt: Attempt | None,
        error: str,
    ) -> None:
        """Note on the members, by id, that the batch waits, with the attempt they took part in."""
        pairs = [text for member, note in notes.items() for text in (member, encode(note))]
        self._wait(
            [],
            [
                batch_id,
                micros(until),
                attempt.number if attempt else "",
                encode(attempt) if attempt else "",
                error,
                keys.COMMAND_PREFIXES,
                MAX_TIMELINE,
                *pairs,
            ],
        )

    def finished(self, batch_id: str) -> None:
        """Let a settled batch go in time."""
        kept_s = str(int(FINISHED_KEPT.total_seconds()))
        self._store.execute_command("EXPIRE", keys.command(batch_id), kept_s)


# What each member's own record says is not said again here.
_FIXED = encode(FixedPart(cause=Cause.GATHERING, change=Acknowledge()))
