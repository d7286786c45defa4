"""Moving orders into the archive: written to a file, synced, and only then taken out of Redis.

A crash between the two leaves an order in both: Redis is read first, and the next run writes it once more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.codec import SCHEMA_VERSION, decode
from app.domain.commands import CommandStatus
from app.domain.orders import Order, OrderState
from app.domain.timeline import TimelineEntry
from app.store import keys
from app.store.archive_files import ArchiveFiles, Place
from app.store.connection import Store, run
from app.store.failures import ArchiveBroken, ArchiveFileTaken
from app.store.order_record import stored_order
from app.store.pages import bounded
from app.store.script import Call, load, run_each
from app.store.times import micros

# Numbers tried for a file: they are taken only where Redis came back from an old backup and files did not.
MAX_NUMBERS = 10_000
# A command in one of these will never change again; a dead one waits for a person.
_ENDED = frozenset({CommandStatus.SUCCEEDED.value, CommandStatus.FAILED.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An order that might leave Redis, as it was read.

    `changed_at` is when last anything happened to it, here or on the platform; `busy` says that a command of
    it is open or dead, or that it is pending a sync. `entries` counts all timeline entries it ever had.
    """

    order: Order
    version: str
    changed_at: datetime
    busy: bool
    entries: int
    commands: int
    line: str


class ArchiveMoves:
    """Reads who may leave, and lets them leave."""

    def __init__(self, store: Store, files: ArchiveFiles) -> None:
        self._store = store
        self._files = files
        self._put = load(store, "archive_put")

    def candidates(self, before: datetime, *, skip: int, limit: int) -> list[Candidate]:
        """Return COMPLETED orders that the platform changed last before then, the longest unchanged first.

        `skip` so many of them, which were looked at already and stay. Three round trips.
        """
        index = keys.orders_by_state(OrderState.COMPLETED.value)
        until = f"({micros(before)}"
        found = self._store.execute_command(
            "ZRANGEBYSCORE", index, "-inf", until, "LIMIT", skip, bounded(limit)
        )
        rows = self._rows(list(found))
        return [candidate for candidate in map(_candidate, rows) if candidate is not None]

    def put(self, candidates: Sequence[Candidate]) -> int:
        """Move these into one new file of the archive; return how many left Redis.

        An order about which anything changed since it was read stays. None left: the file goes again.

        Raises:
            ArchiveBroken: the file cannot be written; all of them stay.
        """
        if not candidates:
            return 0
        number, places = self._write([candidate.line for candidate in candidates])
        moved = sum(map(int, run_each(self._store, self._put, map(_put_call, candidates, places))))
        if not moved:
            self._files.remove(number)
        return moved

    def _write(self, lines: Sequence[str]) -> tuple[int, list[Place]]:
        for _ in range(MAX_NUMBERS):
            number = int(self._store.execute_command("INCR", keys.ARCHIVE_FILES))
            try:
                return number, self._files.write(number, lines)
            except ArchiveFileTaken:
                continue
        raise ArchiveBroken(
            f"no number up to {number} is free for a file of the archive; SET {keys.ARCHIVE_FILES} to the "
            "number of its newest file, and see whether this Redis belongs to this archive"
        )

    def _rows(self, order_ids: Sequence[str]) -> list[tuple[Any, ...]]:
        calls = [call for order_id in order_ids for call in _reads(order_id)]
        answers = run(self._store, calls) if calls else []
        width = len(_reads(""))
        rows = [tuple(answers[at : at + width]) for at in range(0, len(answers), width)]
        command_ids = [command_id for row in rows for command_id in row[-1]]
        records = iter(
            run(self._store, [("HGETALL", keys.command(command_id)) for command_id in command_ids])
            if command_ids
            else []
        )
        return [(*row[:-1], [next(records) for _ in row[-1]]) for row in rows]


def _reads(order_id: str) -> list[tuple[str, ...]]:
    # The copy before its timeline: whatever is written between shows as a change when the order is to leave.
    return [
        ("HGETALL", keys.order(order_id)),
        ("LRANGE", keys.timeline(order_id), "0", "-1"),
        ("EXISTS", keys.lane(order_id)),
        ("ZSCORE", keys.PENDING_ORDERS, order_id),
        ("ZRANGE", keys.commands_by_order(order_id), "0", "-1"),
    ]


def _candidate(row: tuple[Any, ...]) -> Candidate | None:
    fields, entries, lane, pending, commands = row
    stored = stored_order(fields)
    if stored is None:
        return None
    changed_at = stored.order.updated_at
    if entries:
        changed_at = max(changed_at, decode(entries[-1], TimelineEntry).at)
    ended = all(command.get("status") in _ENDED for command in commands)
    whole = {
        "v": SCHEMA_VERSION,
        "id": stored.order.id,
        "order": fields,
        "timeline": entries,
        "commands": commands,
    }
    return Candidate(
        order=stored.order,
        version=fields["version"],
        changed_at=changed_at,
        busy=bool(lane) or pending is not None or not ended,
        entries=int(fields.get("timeline_dropped", "0")) + len(entries),
        commands=len(commands),
        line=json.dumps(whole, ensure_ascii=False, separators=(",", ":")),
    )


def _put_call(candidate: Candidate, place: Place) -> Call:
    order = candidate.order
    return [
        keys.order(order.id),
        keys.timeline(order.id),
        keys.lane(order.id),
        keys.commands_by_order(order.id),
        keys.PENDING_ORDERS,
        keys.ORDERS,
        keys.COMMANDS,
        keys.archived(order.id),
        keys.archived_by_reference(order.merchant_order_reference or ""),
        keys.COUNTERS,
    ], [
        order.id,
        candidate.version,
        candidate.entries,
        candidate.commands,
        str(place),
        keys.ORDERS_BY_STATE_PREFIX,
        keys.ORDERS_BY_REFERENCE_PREFIX,
        keys.COMMAND_PREFIX,
        keys.COMMANDS_BY_STATUS_PREFIX,
        keys.COMMANDS_BY_KIND_PREFIX,
    ]
