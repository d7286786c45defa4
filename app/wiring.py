"""Wiring: the one place that builds everything from settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.assembly.ground import open_ground
from app.assembly.policies import acknowledge_batch, archive_orders, settle_command, watch_conditions_of
from app.notify.operators import Operators
from app.services.await_command import AwaitCommand
from app.services.drain_inbox import DrainInbox
from app.services.find_vanished import FindVanished
from app.services.go_on import GoOn
from app.services.nudge_drain import NudgeDrain
from app.services.probe_gate import ProbeGate
from app.services.receive_delivery import ReceiveDelivery
from app.services.reconcile import Reconcile
from app.services.record_order import RecordOrder
from app.services.record_page import RecordPage
from app.services.replay_command import ReplayCommand
from app.services.run_command import RunCommand
from app.services.submit_change import SubmitChange
from app.services.sweep import Sweep
from app.services.sync_burst import SyncBurst
from app.services.sync_order import SyncOrder
from app.services.sync_owed import SyncOwed
from app.services.tell_operators import TellOperators
from app.sources import new_delivery_id, new_id, new_key, now
from app.store.apikeys import ApiKeys
from app.store.counters import AsyncCounters, Counters
from app.store.idempotency import Idempotency
from app.store.inbox import AsyncInbox, Inbox
from app.store.shops import ShopMarks
from app.store.watch_figures import WatchFigures

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.assembly.ground import Role
    from app.live_shops import LiveShops
    from app.queues import Jobs
    from app.services.acknowledge_batch import AcknowledgeBatch
    from app.services.alerting import Alerting
    from app.services.archive_orders import ArchiveOrders
    from app.services.nudge import Nudge
    from app.services.readiness import Readiness
    from app.services.watch_conditions import WatchConditions
    from app.settings import Settings
    from app.store.alerts import Alerts
    from app.store.archive import Archive
    from app.store.batches import Batches
    from app.store.commands import Commands
    from app.store.drift import Drift
    from app.store.gates import Gates
    from app.store.orders import Orders
    from app.store.sealing import Sealer
    from app.store.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Orderwire:
    """Everything built: the parts that routes and jobs call."""

    settings: Settings
    clock: Callable[[], datetime]
    api_keys: ApiKeys
    orders: Orders
    archive: Archive
    archive_orders: ArchiveOrders
    commands: Commands
    idempotency: Idempotency
    inbox: Inbox
    counters: Counters
    sealer: Sealer
    jobs: Jobs
    nudge: Nudge
    nudge_drain: NudgeDrain
    receive_delivery: ReceiveDelivery
    drain_inbox: DrainInbox
    sync_order: SyncOrder
    sync_owed: SyncOwed
    sync_burst: SyncBurst
    reconcile: Reconcile
    submit_change: SubmitChange
    await_command: AwaitCommand
    go_on: GoOn
    run_command: RunCommand
    batches: Batches
    acknowledge_batch: AcknowledgeBatch
    replay_command: ReplayCommand
    sweep: Sweep
    probe_gate: ProbeGate
    gates: Gates
    shops: LiveShops
    tokens: Tokens
    readiness: Readiness
    drift: Drift
    figures: WatchFigures
    alerts: Alerts
    alerting: Alerting
    tell_operators: TellOperators
    watch_conditions: WatchConditions


def build(settings: Settings, role: Role = "worker") -> Orderwire:
    """Build every part for one process; connections are made when they are first used."""
    ground = open_ground(settings, role)
    probe_gate = ProbeGate(
        graph=ground.graph,
        shops=ground.shops,
        gates=ground.gates,
        nudge=ground.nudge,
        refresh_tokens=ground.shops.refresh,
        clock=now,
        new_id=new_id,
    )
    watch_conditions = watch_conditions_of(
        settings, ground.watch, ground.alerting, ground.nudge, ground.shops
    )
    record_order = RecordOrder(
        orders=ground.orders,
        commands=ground.commands,
        nudge=ground.nudge,
        gather=ground.gather,
        sealer=ground.sealer,
        shops=ground.shops,
        clock=now,
        new_id=new_id,
        new_key=new_key,
    )
    sync_order = SyncOrder(
        graph=ground.graph,
        shops=ground.shops,
        orders=ground.orders,
        syncs=ground.syncs,
        record_order=record_order,
        gate_keeper=ground.gate_keeper,
        clock=now,
        read_timeout_s=settings.read_timeout_s,
    )
    record_page = RecordPage(
        orders=ground.orders,
        commands=ground.commands,
        syncs=ground.syncs,
        drift=ground.drift,
        nudge=ground.nudge,
        record_order=record_order,
        clock=now,
    )
    run_command = RunCommand(
        graph=ground.graph,
        shops=ground.shops,
        orders=ground.orders,
        commands=ground.commands,
        syncs=ground.syncs,
        sync_order=sync_order,
        nudge=ground.nudge,
        gate_keeper=ground.gate_keeper,
        heartbeat=ground.heartbeat,
        settle_command=settle_command(settings, ground.commands, ground.nudge, ground.alerting),
        clock=now,
        new_id=new_id,
    )
    return Orderwire(
        settings=settings,
        clock=now,
        api_keys=ApiKeys(ground.store),
        orders=ground.orders,
        archive=ground.archive,
        archive_orders=archive_orders(settings, ground.store, ground.archive_files, ground.nudge),
        commands=ground.commands,
        idempotency=Idempotency(ground.store),
        inbox=ground.inbox,
        counters=ground.counters,
        sealer=ground.sealer,
        jobs=ground.jobs,
        nudge=ground.nudge,
        nudge_drain=NudgeDrain(ground.nudge),
        receive_delivery=ReceiveDelivery(
            inbox=AsyncInbox(ground.async_store),
            counters=AsyncCounters(ground.async_store),
            secrets=settings.app_secret_texts(),
            sealer=ground.sealer,
            clock=now,
            new_id=new_delivery_id,
        ),
        drain_inbox=DrainInbox(
            inbox=ground.inbox,
            watch=ground.watch,
            shops=ground.shops,
            nudge=ground.nudge,
            drift=ground.drift,
            orders=ground.orders,
            counters=ground.counters,
            wake_owed=ground.wake_owed,
            clock=now,
        ),
        sync_order=sync_order,
        sync_owed=SyncOwed(
            syncs=ground.syncs, sync_order=sync_order, nudge=ground.nudge, alerting=ground.alerting, clock=now
        ),
        sync_burst=SyncBurst(
            graph=ground.graph,
            shops=ground.shops,
            orders=ground.orders,
            syncs=ground.syncs,
            record_order=record_order,
            gate_keeper=ground.gate_keeper,
            nudge=ground.nudge,
            clock=now,
            read_timeout_s=settings.read_timeout_s,
        ),
        reconcile=Reconcile(
            graph=ground.graph,
            shops=ground.shops,
            gate_keeper=ground.gate_keeper,
            syncs=ground.syncs,
            marks=ShopMarks(ground.store),
            watch=ground.watch,
            alerting=ground.alerting,
            record_page=record_page,
            find_vanished=FindVanished(
                graph=ground.graph,
                orders=ground.orders,
                record_page=record_page,
                read_timeout_s=settings.read_timeout_s,
            ),
            clock=now,
            overlap_s=settings.reconcile_overlap_s,
            read_timeout_s=settings.read_timeout_s,
        ),
        submit_change=SubmitChange(
            orders=ground.orders,
            commands=ground.commands,
            sync_order=sync_order,
            shops=ground.shops,
            nudge=ground.nudge,
            gather=ground.gather,
            places=ground.places,
            clock=now,
            new_key=new_key,
        ),
        await_command=AwaitCommand(commands=ground.commands, syncs=ground.syncs, sync_order=sync_order),
        go_on=GoOn(
            commands=ground.commands, run_command=run_command, nudge=ground.nudge, clock=now, new_id=new_id
        ),
        run_command=run_command,
        batches=ground.batches,
        acknowledge_batch=acknowledge_batch(
            settings,
            graph=ground.graph,
            shops=ground.shops,
            orders=ground.orders,
            commands=ground.commands,
            batches=ground.batches,
            syncs=ground.syncs,
            record_order=record_order,
            gate_keeper=ground.gate_keeper,
            heartbeat=ground.heartbeat,
            nudge=ground.nudge,
            alerting=ground.alerting,
        ),
        replay_command=ReplayCommand(
            commands=ground.commands, nudge=ground.nudge, alerting=ground.alerting, clock=now, new_key=new_key
        ),
        sweep=Sweep(
            commands=ground.commands,
            syncs=ground.syncs,
            wake_owed=ground.wake_owed,
            gather=ground.gather,
            inbox=ground.inbox,
            shops=ground.shops,
            gates=ground.gates,
            drift=ground.drift,
            probe_gate=probe_gate,
            alerting=ground.alerting,
            watch_conditions=watch_conditions,
            nudge=ground.nudge,
            places=ground.places,
            clock=now,
        ),
        probe_gate=probe_gate,
        gates=ground.gates,
        shops=ground.shops,
        tokens=ground.tokens,
        readiness=ground.readiness,
        drift=ground.drift,
        figures=WatchFigures(ground.store),
        alerts=ground.alerts,
        alerting=ground.alerting,
        tell_operators=TellOperators(alerts=ground.alerts, operators=_operators(settings), clock=now),
        watch_conditions=watch_conditions,
    )


def _operators(settings: Settings) -> Operators:
    return Operators([url.get_secret_value() for url in settings.alert_urls])
