"""The archive as it is read: orders that left Redis for files, found by id or reference, and brought back.

Redis keeps where each stands, some hundred bytes an order, changed in one script with the order itself: so an
order is in Redis or in the archive, never in neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.codec import CODEC, decode
from app.domain.commands import Command
from app.domain.timeline import TimelineEntry
from app.store import keys
from app.store.archive_files import ArchiveFiles, Place
from app.store.command_record import command_of
from app.store.connection import Store, run
from app.store.order_record import StoredOrder, stored_order
from app.store.pages import MAX_PAGE, Page, bounded, cursor_of
from app.store.script import load


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedOrder:
    """One order as its line of the archive has it: the very texts that stood in Redis."""

    place: str
    line: str
    order: Mapping[str, str]
    entries: Sequence[str]
    commands: Sequence[Mapping[str, str]]

    def stored(self) -> StoredOrder | None:
        """Return its copy."""
        return stored_order(self.order, archived=True)

    def timeline(self, *, first: int, limit: int) -> Page[TimelineEntry]:
        """Return what happened to it, numbered as it was in Redis: entries long gone count."""
        dropped = int(self.order.get("timeline_dropped", "0"))
        start = max(first - dropped, 0)
        shown = self.entries[start : start + bounded(limit)]
        after = start + len(shown)
        return Page(
            items=tuple(decode(entry, TimelineEntry) for entry in shown),
            next_cursor=cursor_of(str(dropped + after)) if shown and after < len(self.entries) else None,
        )


class Archive:
    """Finds archived orders and brings them back."""

    def __init__(self, store: Store, files: ArchiveFiles) -> None:
        self._store = store
        self._files = files
        self._restore = load(store, "archive_restore")

    def find(self, order_id: str) -> ArchivedOrder | None:
        """Return the order from the archive, or None when it is not there.

        Raises:
            ArchiveBroken: its file cannot be read.
        """
        return self.find_many([order_id])[0]

    def find_many(self, order_ids: Sequence[str]) -> list[ArchivedOrder | None]:
        """Return the orders in the order asked, None for each that is not in the archive."""
        calls = [("HGET", keys.archived(order_id), order_id) for order_id in order_ids]
        places = run(self._store, calls) if calls else []
        return [self._read(place) if place else None for place in places]

    def by_reference(self, reference: str) -> tuple[str, ...]:
        """Return the ids of archived orders with exactly that merchant_order_reference, at most MAX_PAGE."""
        found = self._store.execute_command("HGET", keys.archived_by_reference(reference), reference)
        return tuple(json.loads(found))[:MAX_PAGE] if found else ()

    def commands(self, order_id: str) -> tuple[Command, ...]:
        """Return the commands of an archived order, the newest first; none when it is not in the archive."""
        found = self.find(order_id)
        commands = (command_of(fields) for fields in found.commands) if found else ()
        return tuple(reversed([command for command in commands if command is not None]))

    def restore(self, order_id: str) -> bool:
        """Bring the order back into Redis as it was; False when it is not in the archive (any more).

        Its line stays in its file, where nothing points at it any more.
        """
        found = self.find(order_id)
        if found is None:
            return False
        arguments = [
            order_id,
            found.place,
            found.line,
            keys.ORDERS_BY_STATE_PREFIX,
            keys.ORDERS_BY_REFERENCE_PREFIX,
            keys.COMMAND_PREFIX,
            keys.COMMANDS_BY_STATUS_PREFIX,
            keys.COMMANDS_BY_KIND_PREFIX,
        ]
        called = [
            keys.order(order_id),
            keys.timeline(order_id),
            keys.commands_by_order(order_id),
            keys.ORDERS,
            keys.COMMANDS,
            keys.archived(order_id),
            keys.archived_by_reference(found.order.get("reference", "")),
            keys.COUNTERS,
        ]
        return bool(self._restore(called, arguments))

    def _read(self, place: str) -> ArchivedOrder:
        line = self._files.read(Place.parse(place))
        whole = json.loads(line)
        CODEC.known(whole.get("v"), "archived order")
        return ArchivedOrder(
            place=place,
            line=line,
            order=whole["order"],
            entries=whole["timeline"],
            commands=whole["commands"],
        )
