"""Figures of the whole installation, for metrics: one snapshot, one round trip, no personal data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.client import Pipeline

from app.domain.commands import CommandKind, CommandStatus
from app.domain.orders import OrderState
from app.store import keys
from app.store.connection import Store
from app.store.times import micros, time_of, time_of_row


@dataclass(frozen=True, slots=True, kw_only=True)
class DueFigures:
    """How much of something is due now, how much waits for its time, and the age of the oldest due one."""

    due: int
    waiting: int
    oldest_age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The snapshot. `counters` are those of `Counters`; they only grow."""

    counters: Mapping[str, int]
    commands_by_status: Mapping[CommandStatus, int]
    commands_by_kind: Mapping[CommandKind, int]
    due_by_kind: Mapping[CommandKind, DueFigures]
    orders_by_state: Mapping[OrderState, int]
    running: int
    inbox_size: int
    inbox_age_s: float
    kept: int
    syncs: DueFigures
    shops: DueFigures
    untold_news: int


class FiguresReader:
    """Takes the snapshot."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, now: datetime) -> Figures:
        """Return the figures as they are now, in one round trip."""
        pipeline = self._store.pipeline(transaction=False)
        _ask(pipeline, now)
        return _figures(pipeline.execute(), now)


_SIZES = (
    *(keys.commands_by_status(status.value) for status in CommandStatus),
    *(keys.commands_by_kind(kind.value) for kind in CommandKind),
    *(keys.orders_by_state(state.value) for state in OrderState),
)
_QUEUES = (keys.PENDING_ORDERS, keys.PENDING_SHOPS, *(keys.due(kind.value) for kind in CommandKind))


def _ask(pipeline: Pipeline, now: datetime) -> None:
    pipeline.hgetall(keys.COUNTERS)
    pipeline.xrange(keys.INBOX, count=1)
    pipeline.get(keys.INBOX_ENTRIES)
    pipeline.xlen(keys.KEPT)
    pipeline.zcard(keys.LEASES)
    pipeline.zcard(keys.ALERTS_UNTOLD)
    for name in _SIZES:
        pipeline.zcard(name)
    for name in _QUEUES:
        pipeline.zcount(name, "-inf", micros(now))
        pipeline.zcard(name)
        pipeline.zrange(name, 0, 0, withscores=True)


def _figures(answers: Sequence[Any], now: datetime) -> Figures:
    counters, first, inbox_size, kept, running, untold, *rest = answers
    counts = iter(rest[: len(_SIZES)])
    dues = iter(_due_figures(*rest[at : at + 3], now=now) for at in range(len(_SIZES), len(rest), 3))
    since = time_of_row(first[0][0]) if first else now
    return Figures(
        counters={name: int(value) for name, value in counters.items()},
        commands_by_status={status: next(counts) for status in CommandStatus},
        commands_by_kind={kind: next(counts) for kind in CommandKind},
        orders_by_state={state: next(counts) for state in OrderState},
        syncs=next(dues),
        shops=next(dues),
        due_by_kind={kind: next(dues) for kind in CommandKind},
        running=running,
        inbox_size=int(inbox_size or 0),
        inbox_age_s=_age_s(since, now),
        kept=kept,
        untold_news=untold,
    )


def _due_figures(due: int, total: int, first: list[tuple[str, float]], *, now: datetime) -> DueFigures:
    oldest = _age_s(time_of(first[0][1]), now) if first else 0.0
    return DueFigures(due=due, waiting=total - due, oldest_age_s=oldest)


def _age_s(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
