"""Wiring: the one place that builds everything from settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.assembly import changing, reading, upkeep
from app.assembly.ground import Role, open_ground
from app.live_shops import LiveShops
from app.queues import Jobs
from app.services.admission import AdmissionProbe
from app.services.alerts import Alerting, TellOperators
from app.services.archive import ArchiveOrders
from app.services.drain_loop import DrainLoop
from app.services.enqueue import Nudge
from app.services.intake import DrainInbox, NudgeDrain, ReceiveDelivery
from app.services.monitor import Readiness
from app.services.reconcile import Reconcile
from app.services.replay import ReplayCommand
from app.services.run import RunCommand
from app.services.submit import AwaitCommand, SubmitChange
from app.services.sweep import Sweep
from app.services.sync import SyncOrder
from app.services.sync_burst import SyncBurst
from app.settings import Settings
from app.sources import now
from app.store.alerts import Alerts
from app.store.apikeys import ApiKeys
from app.store.archive import Archive
from app.store.batches import Batches
from app.store.commands import Commands
from app.store.counters import Counters
from app.store.drift import Drift
from app.store.gates import Gates
from app.store.idempotency import Idempotency
from app.store.inbox import Inbox
from app.store.orders import Orders
from app.store.sealing import Sealer
from app.store.tokens import Tokens
from app.store.watch_figures import WatchFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Orderwire:
    """Everything built: the parts that routes and jobs call."""

    settings: Settings
    clock: Callable[[], datetime]
    sealer: Sealer
    tokens: Tokens
    shops: LiveShops
    api_keys: ApiKeys
    idempotency: Idempotency
    orders: Orders
    archive: Archive
    commands: Commands
    inbox: Inbox
    batches: Batches
    counters: Counters
    drift: Drift
    gates: Gates
    alerts: Alerts
    figures: WatchFigures
    jobs: Jobs
    nudge: Nudge
    alerting: Alerting
    readiness: Readiness
    receive_delivery: ReceiveDelivery
    nudge_drain: NudgeDrain
    drain_inbox: DrainInbox
    sync_order: SyncOrder
    sync_burst: SyncBurst
    reconcile: Reconcile
    submit_change: SubmitChange
    await_command: AwaitCommand
    run_command: RunCommand
    drain_loop: DrainLoop
    replay_command: ReplayCommand
    admission_probe: AdmissionProbe
    sweep: Sweep
    archive_orders: ArchiveOrders
    tell_operators: TellOperators


def build(settings: Settings, role: Role = "worker") -> Orderwire:
    """Build every part for one process; connections are made when they are first used.

    Raises:
        SettingsError: as `open_ground` does.
    """
    ground = open_ground(settings, role)
    record_order = reading.record_order(ground)
    sync_order = reading.sync_order(ground, record_order)
    run_command = changing.run_command(ground, sync_order, record_order)
    admission_probe = upkeep.admission_probe(ground)
    return Orderwire(
        settings=settings,
        clock=now,
        sealer=ground.sealer,
        tokens=ground.tokens,
        shops=ground.shops,
        api_keys=ApiKeys(ground.store),
        idempotency=Idempotency(ground.store),
        orders=ground.orders,
        archive=ground.archive,
        commands=ground.commands,
        inbox=ground.inbox,
        batches=ground.batches,
        counters=ground.counters,
        drift=ground.drift,
        gates=ground.gates,
        alerts=ground.alerts,
        figures=WatchFigures(ground.store),
        jobs=ground.jobs,
        nudge=ground.nudge,
        alerting=ground.alerting,
        readiness=ground.readiness,
        receive_delivery=reading.receive_delivery(ground),
        nudge_drain=NudgeDrain(ground.nudge),
        drain_inbox=reading.drain_inbox(ground),
        sync_order=sync_order,
        sync_burst=reading.sync_burst(ground, record_order),
        reconcile=reading.reconcile(ground, record_order),
        submit_change=changing.submit_change(ground, sync_order),
        await_command=changing.await_command(ground, sync_order),
        run_command=run_command,
        drain_loop=changing.drain_loop(ground, run_command),
        replay_command=changing.replay_command(ground),
        admission_probe=admission_probe,
        sweep=upkeep.sweep(ground, admission_probe),
        archive_orders=upkeep.archive_orders(ground),
        tell_operators=upkeep.tell_operators(ground),
    )
