"""The ledger of commands: accepted, listed, closed by people. Running them is in `command_runs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from app.domain.codec import encode
from app.domain.commands import Command, CommandKind, CommandStatus
from app.domain.timeline import TimelineEntry
from app.store import keys
from app.store.command_record import command_of, fixed_part
from app.store.command_runs import CommandRuns
from app.store.command_values import (
    Acceptance,
    DueCommand,
    Lease,
    LeaseDenied,
    LeaseDeniedReason,
    NewCommand,
    Settled,
    Settlement,
)
from app.store.connection import Store, run
from app.store.failures import LaneFull
from app.store.idempotency import KEPT_S, IdempotentAnswer
from app.store.orders import MAX_TIMELINE
from app.store.pages import Page, pairs, read_page
from app.store.script import Call, load, run_each
from app.store.times import micros

__all__ = [
    "Acceptance",
    "Commands",
    "DueCommand",
    "Lease",
    "LeaseDenied",
    "LeaseDeniedReason",
    "NewCommand",
    "Settled",
    "Settlement",
]

# An order has a handful of open commands; a hundred means that a caller loops.
MAX_LANE = 100
# As many as one bulk acknowledgement may name; one round trip, some 50 ms of Redis's time.
MAX_ACCEPTED_AT_ONCE = 1000


class Commands(CommandRuns):
    """Keeps every command durably, in the lane of its order."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._accept = load(store, "command_accept")
        self._replay = load(store, "command_replay")
        self._dismiss = load(store, "command_dismiss")
        self._page = load(store, "page")

    def accept(
        self,
        command: Command,
        *,
        timeline: TimelineEntry,
        once: bool = False,
        automatic: bool = False,
        gather: bool = False,
        answer: IdempotentAnswer | None = None,
    ) -> Acceptance:
        """Write the command down and put it at the end of its order's lane; `NewCommand` says the rest.

        A command id that is known already is not accepted again. `head` then still tells where it stands.

        Raises:
            LaneFull: the order has MAX_LANE open commands.
        """
        new = NewCommand(
            command=command, timeline=timeline, once=once, automatic=automatic, gather=gather, answer=answer
        )
        [accepted] = self.accept_many([new])
        if isinstance(accepted, LaneFull):
            raise accepted
        return accepted

    def accept_many(self, new: Sequence[NewCommand]) -> list[Acceptance | LaneFull]:
        """Accept each as `accept` does, all in one round trip; one full lane holds up no other."""
        if len(new) > MAX_ACCEPTED_AT_ONCE:
            raise ValueError(f"{len(new)} commands at once; the most is {MAX_ACCEPTED_AT_ONCE}")
        answers = run_each(self._store, self._accept, map(_acceptance_call, new))
        return [_acceptance(one, answer) for one, answer in zip(new, answers, strict=True)]

    def get(self, command_id: str) -> Command | None:
        """Return the command with its attempts, or None."""
        return command_of(self._store.execute_command("HGETALL", keys.command(command_id)))

    def list(
        self,
        *,
        status: CommandStatus | None = None,
        order_id: str | None = None,
        kind: CommandKind | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Command]:
        """Return the commands that match, newest first; a page may be short and still have a next one.

        Raises:
            ValueError: the cursor is not one of this listing.
        """
        indexes = [keys.commands_by_order(order_id)] if order_id else []
        indexes += [keys.commands_by_status(status.value)] if status else []
        indexes += [keys.commands_by_kind(kind.value)] if kind else []
        page = read_page(
            self._page,
            indexes=indexes or [keys.COMMANDS],
            record_prefix=keys.COMMAND_PREFIX,
            limit=limit,
            cursor=cursor,
        )
        found = (command_of(row.fields) for row in page.items)
        return Page(items=tuple(one for one in found if one), next_cursor=page.next_cursor)

    def attempted(self, order_ids: Sequence[str]) -> Mapping[str, Sequence[Command]]:
        """Return the attempted commands of each order, newest first, in one round trip.

        A member of a batch that is under way has the batch's attempts; these cost a second round trip.
        """
        arguments: list[str | int] = [MAX_LANE, MAX_LANE, "", "", "", keys.COMMAND_PREFIX]
        calls: list[Call] = [([keys.commands_by_order(order_id)], arguments) for order_id in order_ids]
        rows = [pairs(row[1]) for page, _, _ in run_each(self._store, self._page, calls) for row in page]
        batch_ids = sorted({row["batch"] for row in rows if row.get("batch")})
        hashes = run(self._store, [("HGETALL", keys.command(one)) for one in batch_ids]) if batch_ids else []
        batches = {batch_id: command_of(fields) for batch_id, fields in zip(batch_ids, hashes, strict=True)}
        found: dict[str, list[Command]] = {order_id: [] for order_id in order_ids}
        for row in rows:
            command, batch = command_of(row), batches.get(row.get("batch", ""))
            if command is not None and batch is not None:
                command = replace(command, attempts=command.attempts + batch.attempts)
            if command is not None and command.attempts:
                found[command.order_id].append(command)
        return found

    def lane(self, order_id: str) -> tuple[str, ...]:
        """Return the ids of the order's open commands, the head first."""
        return tuple(self._store.execute_command("LRANGE", keys.lane(order_id), 0, -1))

    def replay(
        self,
        command_id: str,
        *,
        now: datetime,
        idempotency_key: str,
        timeline: Sequence[TimelineEntry] = (),
    ) -> bool:
        """Put a dead command back at the end of its lane with all its attempts ahead; False: not dead.

        Keep its key while it is unknown whether the platform did it: then the exact bytes stay as well.

        Raises:
            LaneFull: the order has MAX_LANE open commands.
        """
        result = self._replay(
            [keys.command(command_id)],
            [
                command_id,
                micros(now),
                idempotency_key,
                MAX_LANE,
                keys.COMMAND_PREFIXES,
                MAX_TIMELINE,
                *(encode(entry) for entry in timeline),
            ],
        )
        if result == "full":
            raise _lane_full(f"the order of command {command_id}")
        return bool(result == "replayed")

    def dismiss(
        self, command_id: str, *, now: datetime, reason: str, timeline: Sequence[TimelineEntry] = ()
    ) -> bool:
        """Close a dead command as failed, with a person's reason as its error; False: it is not dead."""
        done = self._dismiss(
            [keys.command(command_id)],
            [
                command_id,
                micros(now),
                reason,
                keys.COMMAND_PREFIXES,
                MAX_TIMELINE,
                *(encode(entry) for entry in timeline),
            ],
        )
        return bool(done)


def _acceptance_call(new: NewCommand) -> Call:
    command, answer = new.command, new.answer
    called = [
        keys.command(command.id),
        keys.lane(command.order_id),
        keys.order(command.order_id),
        keys.timeline(command.order_id),
        keys.due(command.kind.value),
        keys.COMMANDS,
        keys.commands_by_status(CommandStatus.PENDING.value),
        keys.commands_by_kind(command.kind.value),
        keys.commands_by_order(command.order_id),
        keys.gathering(command.shop_id),
        keys.active_consumers(command.kind.value, command.shop_id),
        keys.due_of(command.kind.value, command.shop_id),
    ]
    arguments: list[str | int] = [
        command.id,
        command.kind.value,
        command.order_id,
        command.shop_id,
        micros(command.created_at),
        command.idempotency_key,
        fixed_part(command),
        "1" if new.once else "0",
        "1" if new.automatic else "0",
        MAX_LANE,
        MAX_TIMELINE,
        keys.COMMAND_PREFIX,
        encode(new.timeline),
        "1" if new.gather else "0",
    ]
    if answer is not None:
        called.append(keys.idempotency(answer.caller, answer.key))
        arguments += [*answer.texts(), KEPT_S]
    return called, arguments


def _acceptance(new: NewCommand, answer: Any) -> Acceptance | LaneFull:
    command_id, result, head, gathered, active_consumers = answer
    if result == "full":
        return _lane_full(f"order {new.command.order_id}")
    return Acceptance(
        command_id=command_id,
        created=result == "created",
        head=head == "1" and not gathered,
        gathered=gathered,
        active_consumers=active_consumers,
    )


def _lane_full(whose: str) -> LaneFull:
    return LaneFull(f"{whose} has {MAX_LANE} open commands already; wait until some of them have finished")
