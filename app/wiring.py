"""Wiring: the one place that builds everything from settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from app.graph.client import GraphClient, open_http
from app.live_shops import LiveShops
from app.notify.operators import Operators
from app.policies import acknowledge_batch, archive_orders, gate_policy, settle_command, watch_conditions_of
from app.queues import LIFECYCLE, THREADS, Jobs, connect_queues, live_workers
from app.services.alerting import Alerting
from app.services.await_command import AwaitCommand
from app.services.drain_inbox import DrainInbox
from app.services.find_vanished import FindVanished
from app.services.gate_keeper import GateKeeper
from app.services.gather import Gather
from app.services.go_on import GoOn
from app.services.heartbeat import Heartbeat
from app.services.nudge import Nudge
from app.services.nudge_drain import NudgeDrain
from app.services.probe_gate import ProbeGate
from app.services.readiness import Readiness
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
from app.services.wake_owed import WakeOwed
from app.sources import new_delivery_id, new_id, new_key, now
from app.store.alerts import Alerts
from app.store.apikeys import ApiKeys
from app.store.archive import Archive
from app.store.archive_files import ArchiveFiles
from app.store.batches import Batches
from app.store.commands import Commands
from app.store.connection import connect, connect_async
from app.store.counters import AsyncCounters, Counters
from app.store.drift import Drift
from app.store.gates import Gates
from app.store.idempotency import Idempotency
from app.store.inbox import AsyncInbox, Inbox
from app.store.orders import Orders
from app.store.sealing import Sealer
from app.store.shops import ShopMarks
from app.store.syncs import Syncs
from app.store.tokens import Tokens
from app.store.watch import Watch
from app.store.watch_figures import WatchFigures

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.services.acknowledge_batch import AcknowledgeBatch
    from app.services.archive_orders import ArchiveOrders
    from app.services.watch_conditions import WatchConditions
    from app.settings import Settings
    from app.store.connection import Store

# A route answers 503 within a second when Redis is away; a worker has time to wait for a busy one.
STORE_TIMEOUT_S = {"api": 0.8, "worker": 5.0}
# Connections to the platform a process may hold: the API reads for the threads that need it, and each thread
# of a worker makes one call at a time.
CONNECTIONS = {"api": 8, "worker": max(THREADS.values())}


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


def build(settings: Settings, role: Literal["api", "worker"] = "worker") -> Orderwire:
    """Build every part for one process; connections are made when they are first used."""
    url = settings.require_redis_url()
    store = connect(url, timeout_s=STORE_TIMEOUT_S[role])
    queues = connect_queues(url, timeout_s=STORE_TIMEOUT_S[role])
    return _assembled(
        settings,
        role,
        store,
        Jobs(queues),
        Readiness(store=store, live_workers=lambda: live_workers(queues, now=now())),
    )


def _assembled(
    settings: Settings, role: Literal["api", "worker"], store: Store, jobs: Jobs, readiness: Readiness
) -> Orderwire:
    url = settings.require_redis_url()
    async_store = connect_async(url, timeout_s=STORE_TIMEOUT_S[role])
    secrets = settings.app_secret_texts()
    sealer = Sealer(settings.sealing_key_bytes())
    tokens = Tokens(store)
    shops = LiveShops(settings, tokens, sealer)
    archive_files = ArchiveFiles(settings.data_dir / "archive")
    archive = Archive(store, archive_files)
    orders, commands, syncs, inbox = Orders(store, archive), Commands(store), Syncs(store), Inbox(store)
    nudge = Nudge(jobs=jobs)
    batches = Batches(store)
    gather = Gather(
        batches=batches,
        nudge=nudge,
        clock=now,
        new_id=new_id,
        new_key=new_key,
        window_s=settings.acknowledge_window_s,
    )
    wake_owed = WakeOwed(syncs=syncs)
    heartbeat = Heartbeat(commands, now)
    places = settings.lifecycle_workers * THREADS[LIFECYCLE]
    watch = Watch(store)
    telling = bool(settings.alert_urls)
    alerts = Alerts(store, telling=telling)
    alerting = Alerting(alerts=alerts, nudge=nudge, clock=now, new_id=new_id, telling=telling)
    gates, drift = Gates(store, gate_policy(settings)), Drift(store)
    gate_keeper = GateKeeper(
        gates=gates, alerting=alerting, nudge=nudge, refresh_tokens=shops.refresh, clock=now, new_id=new_id
    )
    graph = GraphClient(
        settings.graph_url,
        settings.graph_version,
        secrets[0] if secrets else None,
        open_http(settings.graph_url, connections=CONNECTIONS[role]),
        observe=gate_keeper.report,
    )
    probe_gate = ProbeGate(
        graph=graph,
        shops=shops,
        gates=gates,
        nudge=nudge,
        refresh_tokens=shops.refresh,
        clock=now,
        new_id=new_id,
    )
    watch_conditions = watch_conditions_of(settings, watch, alerting, nudge, shops)
    record_order = RecordOrder(
        orders=orders,
        commands=commands,
        nudge=nudge,
        gather=gather,
        sealer=sealer,
        shops=shops,
        clock=now,
        new_id=new_id,
        new_key=new_key,
    )
    sync_order = SyncOrder(
        graph=graph,
        shops=shops,
        orders=orders,
        syncs=syncs,
        record_order=record_order,
        gate_keeper=gate_keeper,
        clock=now,
        read_timeout_s=settings.read_timeout_s,
    )
    record_page = RecordPage(
        orders=orders,
        commands=commands,
        syncs=syncs,
        drift=drift,
        nudge=nudge,
        record_order=record_order,
        clock=now,
    )
    run_command = RunCommand(
        graph=graph,
        shops=shops,
        orders=orders,
        commands=commands,
        syncs=syncs,
        sync_order=sync_order,
        nudge=nudge,
        gate_keeper=gate_keeper,
        heartbeat=heartbeat,
        settle_command=settle_command(settings, commands, nudge, alerting),
        clock=now,
        new_id=new_id,
    )
    return Orderwire(
        settings=settings,
        clock=now,
        api_keys=ApiKeys(store),
        orders=orders,
        archive=archive,
        archive_orders=archive_orders(settings, store, archive_files, nudge),
        commands=commands,
        idempotency=Idempotency(store),
        inbox=inbox,
        counters=Counters(store),
        sealer=sealer,
        jobs=jobs,
        nudge=nudge,
        nudge_drain=NudgeDrain(nudge),
        receive_delivery=ReceiveDelivery(
            inbox=AsyncInbox(async_store),
            counters=AsyncCounters(async_store),
            secrets=secrets,
            sealer=sealer,
            clock=now,
            new_id=new_delivery_id,
        ),
        drain_inbox=DrainInbox(
            inbox=inbox,
            watch=watch,
            shops=shops,
            nudge=nudge,
            drift=drift,
            orders=orders,
            counters=Counters(store),
            wake_owed=wake_owed,
            clock=now,
        ),
        sync_order=sync_order,
        sync_owed=SyncOwed(syncs=syncs, sync_order=sync_order, nudge=nudge, alerting=alerting, clock=now),
        sync_burst=SyncBurst(
            graph=graph,
            shops=shops,
            orders=orders,
            syncs=syncs,
            record_order=record_order,
            gate_keeper=gate_keeper,
            nudge=nudge,
            clock=now,
            read_timeout_s=settings.read_timeout_s,
        ),
        reconcile=Reconcile(
            graph=graph,
            shops=shops,
            gate_keeper=gate_keeper,
            syncs=syncs,
            marks=ShopMarks(store),
            watch=watch,
            alerting=alerting,
            record_page=record_page,
            find_vanished=FindVanished(
                graph=graph,
                orders=orders,
                record_page=record_page,
                read_timeout_s=settings.read_timeout_s,
            ),
            clock=now,
            overlap_s=settings.reconcile_overlap_s,
            read_timeout_s=settings.read_timeout_s,
        ),
        submit_change=SubmitChange(
            orders=orders,
            commands=commands,
            sync_order=sync_order,
            shops=shops,
            nudge=nudge,
            gather=gather,
            places=places,
            clock=now,
            new_key=new_key,
        ),
        await_command=AwaitCommand(commands=commands, syncs=syncs, sync_order=sync_order),
        go_on=GoOn(commands=commands, run_command=run_command, nudge=nudge, clock=now, new_id=new_id),
        run_command=run_command,
        batches=batches,
        acknowledge_batch=acknowledge_batch(
            settings,
            graph=graph,
            shops=shops,
            orders=orders,
            commands=commands,
            batches=batches,
            syncs=syncs,
            record_order=record_order,
            gate_keeper=gate_keeper,
            heartbeat=heartbeat,
            nudge=nudge,
            alerting=alerting,
        ),
        replay_command=ReplayCommand(
            commands=commands, nudge=nudge, alerting=alerting, clock=now, new_key=new_key
        ),
        sweep=Sweep(
            commands=commands,
            syncs=syncs,
            wake_owed=wake_owed,
            gather=gather,
            inbox=inbox,
            shops=shops,
            gates=gates,
            drift=drift,
            probe_gate=probe_gate,
            alerting=alerting,
            watch_conditions=watch_conditions,
            nudge=nudge,
            places=places,
            clock=now,
        ),
        probe_gate=probe_gate,
        gates=gates,
        shops=shops,
        tokens=tokens,
        readiness=readiness,
        drift=drift,
        figures=WatchFigures(store),
        alerts=alerts,
        alerting=alerting,
        tell_operators=TellOperators(alerts=alerts, operators=_operators(settings), clock=now),
        watch_conditions=watch_conditions,
    )


def _operators(settings: Settings) -> Operators:
    return Operators([url.get_secret_value() for url in settings.alert_urls])
