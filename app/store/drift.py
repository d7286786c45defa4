"""Drift: differences that reconciliation found and no webhook had announced, the last ones, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.codec import Record, decode, encode
from app.store import keys
from app.store.connection import Store, run
from app.store.pages import Page, bounded, cursor_of, cursor_parts
from app.store.script import load
from app.store.times import micros

# A bad day of a busy shop; older differences say nothing new. The counter `drift` knows of all.
MAX_DRIFT = 10_000
# A webhook that came within this time announced the change, whatever came of reading it.
HINT_TTL_S = 3600
# Orders noted in one round trip.
MAX_HINTS = 5000


class DriftEntry(Record, frozen=True, kw_only=True):
    """One order that differed, when that was found, and what the difference was, as timeline words."""

    order_id: str
    shop_id: str
    at: datetime
    news: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A difference just found, and when the copy was read before; None when there was no copy."""

    entry: DriftEntry
    read_before: datetime | None


class Drift:
    """Keeps when webhooks last named an order, and the differences that none announced."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._settle = load(store, "drift_settle")

    def note_hints(self, announced: Mapping[str, datetime], now: datetime) -> None:
        """Note for each order until when webhooks announced its changes; an earlier note never hides a later.

        Notes of more than an hour ago are forgotten.
        """
        notes = [(str(micros(at)), order_id) for order_id, at in announced.items()]
        for start in range(0, len(notes), MAX_HINTS):
            pairs = notes[start : start + MAX_HINTS]
            old = str(micros(now - timedelta(seconds=HINT_TTL_S)))
            run(
                self._store,
                [
                    ("ZADD", keys.HINTED, "GT", *(part for pair in pairs for part in pair)),
                    ("ZREMRANGEBYSCORE", keys.HINTED, "-inf", old),
                ],
            )

    def suspect(self, found: Sequence[Suspect], settle_at: datetime) -> None:
        """Note differences whose webhook may still be coming; `settle` judges them from `settle_at` on."""
        pairs = [part for one in found for part in (str(micros(settle_at)), _text(one))]
        if pairs:
            self._store.execute_command("ZADD", keys.DRIFT_SUSPECTS, *pairs)

    def settle(self, now: datetime, *, limit: int) -> list[DriftEntry]:
        """Judge up to `limit` suspects whose time has come; return those that no webhook announced."""
        texts = self._settle(
            [keys.DRIFT_SUSPECTS, keys.HINTED, keys.DRIFT, keys.COUNTERS],
            [micros(now), bounded(limit), MAX_DRIFT],
        )
        return [_entry(text) for text in texts]

    def list(self, *, limit: int, cursor: str | None = None) -> Page[DriftEntry]:
        """Return what was found, newest first.

        Raises:
            ValueError: the cursor is not one of this listing.
        """
        most = bounded(limit)
        start = f"({_stream_id(cursor)}" if cursor else "+"
        rows = self._store.execute_command("XREVRANGE", keys.DRIFT, start, "-", "COUNT", most + 1)
        return Page(
            items=tuple(_entry(fields["entry"]) for _, fields in rows[:most]),
            next_cursor=cursor_of(*rows[most - 1][0].split("-")) if len(rows) > most else None,
        )


def _stream_id(cursor: str) -> str:
    milliseconds, number = cursor_parts(cursor, 2)
    if not (milliseconds.isdecimal() and number.isdecimal()):
        raise ValueError(f"cursor '{cursor}' is not one that this listing gave; start without a cursor")
    return f"{milliseconds}-{number}"


class _StoredSuspect(DriftEntry, frozen=True, kw_only=True):
    """What the script sees of a suspect: `since` is when the copy was read before, in microseconds."""

    since: int


def _text(suspect: Suspect) -> str:
    entry, before = suspect.entry, suspect.read_before
    return encode(
        _StoredSuspect(
            order_id=entry.order_id,
            shop_id=entry.shop_id,
            at=entry.at,
            news=entry.news,
            since=micros(before) if before else 0,
        )
    )


def _entry(text: str) -> DriftEntry:
    return decode(text, DriftEntry)
