"""What a watch needs to see of the store to know whether something waits too long, or nobody speaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.alerts import AlertKind
from app.domain.commands import CommandKind
from app.store import keys
from app.store.alerts import split_cause
from app.store.connection import Store
from app.store.script import Call, load, run_each
from app.store.times import micros, time_of, time_of_row, time_or_none

# Alerts that lapse in one look; the next look continues.
MAX_LAPSED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSnapshot:
    """When a webhook last came for a shop, and since when and when last reconciliation found changes."""

    last_webhook_at: datetime | None
    busy_since: datetime | None
    busy_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One look: since when the oldest waits (None: nothing does), and what was heard of each shop."""

    inbox_since: datetime | None
    inbox_size: int
    due_since: Mapping[CommandKind, datetime]
    syncs_since: datetime | None
    reused: int
    reused_grew_at: datetime | None
    untold: bool
    lapsed: tuple[tuple[AlertKind, str], ...]
    shops: Mapping[str, ShopSnapshot]


class Watch:
    """Looks in one round trip, and keeps when each shop was heard and busy."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._forward = load(store, "shop_forward")
        self._reused = load(store, "monitor_reused")

    def look(self, shop_ids: Sequence[str], now: datetime) -> Snapshot:
        """Return what can be seen now."""
        pipeline = self._store.pipeline(transaction=False)
        pipeline.xrange(keys.INBOX, count=1)
        pipeline.get(keys.INBOX_ENTRIES)
        self._reused([keys.COUNTERS, keys.WATCH], [micros(now), "entry_id_reused"], client=pipeline)
        pipeline.zcount(keys.ALERTS_UNTOLD, "-inf", micros(now))
        pipeline.zrangebyscore(keys.ALERTS_LAPSING, "-inf", micros(now), start=0, num=MAX_LAPSED)
        pipeline.zrange(keys.PENDING_ORDERS, 0, 0, withscores=True)
        for kind in CommandKind:
            pipeline.zrange(keys.due(kind.value), 0, 0, withscores=True)
        for shop_id in shop_ids:
            pipeline.hmget(keys.shop(shop_id), "last_webhook_at", "busy_since", "busy_at")
        first, size, reused, untold, lapsed, syncs, *rest = pipeline.execute()
        due, shops = rest[: len(CommandKind)], rest[len(CommandKind) :]
        return Snapshot(
            inbox_since=time_of_row(first[0][0]) if first else None,
            inbox_size=int(size or 0),
            due_since={
                kind: time_of(rows[0][1]) for kind, rows in zip(CommandKind, due, strict=True) if rows
            },
            syncs_since=time_of(syncs[0][1]) if syncs else None,
            reused=int(reused[0]),
            reused_grew_at=time_or_none(reused[1]),
            untold=untold > 0,
            lapsed=tuple(split_cause(cause) for cause in lapsed),
            shops={
                shop_id: ShopSnapshot(
                    last_webhook_at=time_or_none(row[0]),
                    busy_since=time_or_none(row[1]),
                    busy_at=time_or_none(row[2]),
                )
                for shop_id, row in zip(shop_ids, shops, strict=True)
            },
        )

    def heard(self, shop_ids: Iterable[str], now: datetime) -> None:
        """Note that webhooks came for these shops."""
        calls: list[Call] = [([keys.shop(one)], ["last_webhook_at", micros(now)]) for one in shop_ids]
        run_each(self._store, self._forward, calls)

    def busy(self, shop_id: str, now: datetime) -> None:
        """Note that reconciliation found changes in the shop."""
        pipeline = self._store.pipeline(transaction=False)
        pipeline.hsetnx(keys.shop(shop_id), "busy_since", str(micros(now)))
        self._forward([keys.shop(shop_id)], ["busy_at", micros(now)], client=pipeline)
        pipeline.execute()
