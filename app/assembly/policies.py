"""Policies: what the settings make of the use cases that are put together of many parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.gates import GatePolicy
from app.domain.retry import RetryPolicy
from app.services.acknowledge_batch import AcknowledgeBatch
from app.services.archive_orders import ArchiveOrders
from app.services.list_members import ListMembers
from app.services.note_acknowledged import NoteAcknowledged
from app.services.settle_batch import SettleBatch
from app.services.settle_command import SettleCommand
from app.services.watch_conditions import Limits, WatchConditions
from app.sources import jitter, new_id, new_key, now
from app.store.archive_moves import ArchiveMoves

if TYPE_CHECKING:
    from app.domain.shops import Shops
    from app.graph.client import GraphClient
    from app.services.alerting import Alerting
    from app.services.gate_keeper import GateKeeper
    from app.services.heartbeat import Heartbeat
    from app.services.nudge import Nudge
    from app.services.record_order import RecordOrder
    from app.settings import Settings
    from app.store.archive_files import ArchiveFiles
    from app.store.batches import Batches
    from app.store.commands import Commands
    from app.store.connection import Store
    from app.store.orders import Orders
    from app.store.syncs import Syncs
    from app.store.watch import Watch


def acknowledge_batch(
    settings: Settings,
    *,
    graph: GraphClient,
    shops: Shops,
    orders: Orders,
    commands: Commands,
    batches: Batches,
    syncs: Syncs,
    record_order: RecordOrder,
    gate_keeper: GateKeeper,
    heartbeat: Heartbeat,
    nudge: Nudge,
    alerting: Alerting,
) -> AcknowledgeBatch:
    """Return the use case that runs batches, and its parts that nobody else needs."""
    return AcknowledgeBatch(
        graph=graph,
        shops=shops,
        orders=orders,
        commands=commands,
        batches=batches,
        list_members=ListMembers(
            graph=graph,
            record_order=record_order,
            gate_keeper=gate_keeper,
            clock=now,
            read_timeout_s=settings.read_timeout_s,
        ),
        note_acknowledged=NoteAcknowledged(orders=orders, clock=now, new_id=new_id),
        settle_batch=SettleBatch(
            commands=commands,
            batches=batches,
            syncs=syncs,
            nudge=nudge,
            alerting=alerting,
            policy=retry_policy(settings),
            clock=now,
            new_key=new_key,
            jitter=jitter,
        ),
        gate_keeper=gate_keeper,
        heartbeat=heartbeat,
        clock=now,
        new_id=new_id,
    )


def watch_conditions_of(
    settings: Settings, watch: Watch, alerting: Alerting, nudge: Nudge, shops: Shops
) -> WatchConditions:
    """Return the watch over what waits and what is silent."""
    limits = Limits(
        inbox_age_s=settings.inbox_age_alert_s,
        due_age_s=settings.due_age_alert_s,
        silence_s=settings.silence_alert_s,
    )
    return WatchConditions(watch=watch, alerting=alerting, nudge=nudge, shops=shops, limits=limits)


def gate_policy(settings: Settings) -> GatePolicy:
    """Return when a shop's breaker opens."""
    return GatePolicy(
        minimum=settings.breaker_minimum,
        rate=settings.breaker_rate,
        window_s=settings.breaker_window_s,
        open_s=settings.breaker_open_s,
    )


def settle_command(settings: Settings, commands: Commands, nudge: Nudge, alerting: Alerting) -> SettleCommand:
    """Return the use case that ends runs of commands."""
    return SettleCommand(
        commands=commands,
        nudge=nudge,
        alerting=alerting,
        policy=retry_policy(settings),
        clock=now,
        new_key=new_key,
        jitter=jitter,
    )


def retry_policy(settings: Settings) -> RetryPolicy:
    """Return when a failed attempt is followed by another."""
    return RetryPolicy(
        attempt_timeout_s=settings.attempt_timeout_s,
        retry_delay_s=settings.retry_delay_s,
        max_attempts=settings.max_attempts,
    )


def archive_orders(settings: Settings, store: Store, files: ArchiveFiles, nudge: Nudge) -> ArchiveOrders:
    """Return the use case that moves old orders into the archive."""
    moves = ArchiveMoves(store, files)
    return ArchiveOrders(moves=moves, nudge=nudge, clock=now, after_days=settings.archive_after_days)
