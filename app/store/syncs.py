"""Pending syncs: reads of single orders, and reconciliations of shops.

Pending work stays pending until it is done. Each time it is added it gets a new sequence number. The reader
clears it with the number seen *before* the read, so that a change that came meanwhile stays pending.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.codec import CODEC
from app.domain.timeline import Cause
from app.store import keys
from app.store.connection import Store, run
from app.store.pages import bounded, pairs
from app.store.script import Call, load, run_each
from app.store.times import micros, time_of, time_or_none


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSync:
    """A read pending for one order; `seq` 0 until it is stored.

    `failures` counts the reads that failed, `lost_runs` those in a row that never came to an end.
    """

    order_id: str
    shop_id: str | None
    cause: Cause
    seq: int = 0
    due_at: datetime | None = None
    failures: int = 0
    error: str | None = None
    lost_runs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstRun:
    """A run over many orders of a shop; `lost_runs` counts those before it, in a row, that never ended.

    `after` and `since` say where its listing continues, "" and None at the front.
    """

    lost_runs: int
    after: str
    since: datetime | None


class Syncs:
    """Keeps what is pending, by order and by shop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owe = load(store, "pending_add")
        self._done = load(store, "pending_done")
        self._postpone = load(store, "pending_reschedule")
        self._due = load(store, "pending_due")
        self._begin = load(store, "pending_begin")
        self._seen = load(store, "pending_seen")

    def add(self, pending: PendingSync, now: datetime) -> bool:
        """Add a read, due now; True when its job must be enqueued: it was not pending and due before."""
        subject = pending.order_id
        return bool(
            self._owe(
                [keys.PENDING_SEQUENCE, keys.PENDING_ORDERS, keys.pending_order(subject)],
                [subject, pending.shop_id or "", pending.cause, micros(now), keys.PENDING_BY_SHOP_PREFIX],
            )
        )

    def get(self, order_id: str) -> PendingSync | None:
        """Return what is pending for the order, or None."""
        fields, due_at = run(
            self._store,
            [("HGETALL", keys.pending_order(order_id)), ("ZSCORE", keys.PENDING_ORDERS, order_id)],
        )
        if not fields or due_at is None:
            return None
        return _pending(order_id, due_at, fields)

    def begin(self, order_id: str) -> PendingSync | None:
        """Return what is pending for the order like `get`, and count that a read of it begins."""
        row = self._begin([keys.PENDING_ORDERS, keys.pending_order(order_id)], [order_id])
        if not row:
            return None
        due_at, fields = row[0], pairs(row[1])
        return replace(_pending(order_id, due_at, fields), lost_runs=int(fields["runs"]) - 1)

    def done(self, order_id: str, seq: int) -> bool:
        """Clear what was pending; False when it was pending again since `seq`, and still is."""
        return bool(
            self._done(
                [keys.PENDING_ORDERS, keys.pending_order(order_id)],
                [order_id, seq, keys.PENDING_BY_SHOP_PREFIX],
            )
        )

    def reschedule(self, order_id: str, seq: int, *, due_at: datetime, error: str, failures: int) -> bool:
        """Put a failed read off; False when it was pending again since `seq`, and is due as it was."""
        return bool(self._postpone(*_postponement(order_id, seq, due_at, error, failures)))

    def reschedule_many(self, pending: Sequence[PendingSync], *, due_at: datetime, error: str) -> None:
        """Put these reads off in one round trip; each keeps its count of failures."""
        calls = [_postponement(one.order_id, one.seq, due_at, error, one.failures) for one in pending]
        run_each(self._store, self._postpone, calls)

    def due(self, now: datetime, *, limit: int) -> list[PendingSync]:
        """Return up to `limit` pending reads whose time has come, the longest due first."""
        return self._listed(keys.PENDING_ORDERS, now, limit)

    def due_of(self, shop_id: str, now: datetime, *, limit: int) -> list[PendingSync]:
        """Return the same of one shop's orders."""
        return self._listed(keys.pending_by_shop(shop_id), now, limit)

    def counts_due(self, shop_ids: Sequence[str], now: datetime) -> dict[str, int]:
        """Return how many orders of each of these shops are pending a read that is due."""
        until = str(micros(now))
        calls = [("ZCOUNT", keys.pending_by_shop(shop_id), "-inf", until) for shop_id in shop_ids]
        return dict(zip(shop_ids, run(self._store, calls) if calls else [], strict=True))

    def sequence(self) -> int:
        """Return the number of whatever was pending last: what is pending from now on gets a higher one."""
        return int(self._store.execute_command("GET", keys.PENDING_SEQUENCE) or 0)

    def seen(self, order_ids: Sequence[str], sequence: int) -> int:
        """Clear what was pending for these up to that number, their copies being newer; return how many."""
        arguments: list[str | int] = [
            sequence,
            keys.PENDING_ORDER_PREFIX,
            keys.PENDING_BY_SHOP_PREFIX,
            *order_ids,
        ]
        return int(self._seen([keys.PENDING_ORDERS], arguments))

    def begin_burst(self, shop_id: str) -> BurstRun:
        """Count a run over many of the shop's orders; return where the one before it stopped."""
        key = keys.shop(shop_id)
        runs, (after, since) = run(
            self._store,
            [("HINCRBY", key, "burst_runs", "1"), ("HMGET", key, "burst_after", "burst_since")],
        )
        return BurstRun(lost_runs=int(runs) - 1, after=after or "", since=time_or_none(since))

    def end_burst(self, shop_id: str, *, after: str = "", since: datetime | None = None) -> None:
        """Note that a run ended, and where the next one continues; without a place it starts at the front."""
        key, at = keys.shop(shop_id), str(micros(since)) if since else ""
        run(
            self._store,
            [("HDEL", key, "burst_runs"), ("HSET", key, "burst_after", after, "burst_since", at)],
        )

    def _listed(self, index: str, now: datetime, limit: int) -> list[PendingSync]:
        rows = self._due([index], [micros(now), bounded(limit), keys.PENDING_ORDER_PREFIX])
        return [
            PendingSync(
                order_id=row[0],
                due_at=time_of(row[1]),
                seq=int(row[2]),
                shop_id=row[3] or None,
                cause=Cause(row[4]),
                failures=int(row[5] or 0),
                error=row[6] or None,
            )
            for row in rows
            if row[2] is not None
        ]

    def add_shop(self, shop_id: str, now: datetime, *, cause: Cause) -> bool:
        """Add a reconciliation of the shop; True when its job must be enqueued."""
        return bool(
            self._owe(
                [keys.PENDING_SEQUENCE, keys.PENDING_SHOPS, keys.pending_shop(shop_id)],
                [shop_id, shop_id, cause, micros(now), ""],
            )
        )

    def get_shop(self, shop_id: str) -> int | None:
        """Return the sequence number of what is pending for the shop, or None when nothing is."""
        seq = self._store.execute_command("HGET", keys.pending_shop(shop_id), "seq")
        return int(seq) if seq else None

    def done_shop(self, shop_id: str, seq: int) -> bool:
        """Clear what was pending for the shop; False when it was pending again since `seq`."""
        return bool(self._done([keys.PENDING_SHOPS, keys.pending_shop(shop_id)], [shop_id, seq, ""]))

    def reschedule_shop(self, shop_id: str, seq: int, *, due_at: datetime, error: str) -> bool:
        """Put a failed reconciliation off; False when it was pending again since `seq`."""
        return bool(
            self._postpone(
                [keys.PENDING_SHOPS, keys.pending_shop(shop_id)], [shop_id, seq, micros(due_at), 0, error, ""]
            )
        )

    def shops_due(self, now: datetime, *, limit: int) -> list[str]:
        """Return up to `limit` shops whose pending reconciliation is due, the longest due first."""
        found = self._store.execute_command(
            "ZRANGEBYSCORE", keys.PENDING_SHOPS, "-inf", micros(now), "LIMIT", 0, bounded(limit)
        )
        return list(found)


def _pending(order_id: str, due_at: str, fields: Mapping[str, str]) -> PendingSync:
    CODEC.known(fields.get("v"), "pending sync")
    return PendingSync(
        order_id=order_id,
        shop_id=fields["shop_id"] or None,
        cause=Cause(fields["cause"]),
        seq=int(fields["seq"]),
        due_at=time_of(due_at),
        failures=int(fields.get("failures", "0")),
        error=fields.get("error"),
    )


def _postponement(order_id: str, seq: int, due_at: datetime, error: str, failures: int) -> Call:
    called = [keys.PENDING_ORDERS, keys.pending_order(order_id)]
    return called, [order_id, seq, micros(due_at), failures, error, keys.PENDING_BY_SHOP_PREFIX]
