"""Wiring: the one place that builds everything from settings."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Literal

from ulid import ULID

from app.domain.gates import GatePolicy
from app.domain.retry import RetryPolicy
from app.graph.client import GraphClient, open_http
from app.live_shops import LiveShops
from app.notify.operators import Operators
from app.queues import Jobs, connect_queues, live_workers
from app.services.alerting import Alerting
from app.services.await_command import AwaitCommand
from app.services.drain_inbox import DrainInbox
from app.services.find_vanished import FindVanished
from app.services.gate_keeper import GateKeeper
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
from app.services.settle_command import SettleCommand
from app.services.submit_change import SubmitChange
from app.services.sweep import Sweep
from app.services.sync_order import SyncOrder
from app.services.sync_owed import SyncOwed
from app.services.tell_operators import TellOperators
from app.services.watch_conditions import Limits, WatchConditions
from app.store.alerts import Alerts
from app.store.apikeys import ApiKeys
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

    from app.domain.shops import Shops
    from app.settings import Settings
    from app.store.connection import Store

# A route answers 503 within a second when Redis is away; a worker has time to wait for a busy one.
STORE_TIMEOUT_S = {"api": 0.8, "worker": 5.0}
# Connections to the platform a process may hold: the API reads for the threads that need it, a worker is one.
CONNECTIONS = {"api": 8, "worker": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Orderwire:
    """Everything built: the parts that routes and jobs call."""

    settings: Settings
    clock: Callable[[], datetime]
    api_keys: ApiKeys
    orders: Orders
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
    reconcile: Reconcile
    submit_change: SubmitChange
    await_command: AwaitCommand
    run_command: RunCommand
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


def now() -> datetime:
    """Return the time, aware and in UTC; the only clock of the application."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a new id that sorts by its time."""
    return str(ULID())


def new_delivery_id() -> str:
    """Return a new id of a delivery; it needs no order, and costs a tenth of one that has."""
    return token_hex(16)


def new_key() -> str:
    """Return a new idempotency key for the platform: a random UUID, as it recommends."""
    return str(uuid.uuid4())


def jitter() -> float:
    """Return a random number in [-1, 1] for the retry policy."""
    return random.uniform(-1, 1)  # noqa: S311 - it spreads load and guards nothing


def _assembled(
    settings: Settings, role: Literal["api", "worker"], store: Store, jobs: Jobs, readiness: Readiness
) -> Orderwire:
    url = settings.require_redis_url()
    async_store = connect_async(url, timeout_s=STORE_TIMEOUT_S[role])
    secrets = settings.app_secret_texts()
    sealer = Sealer(settings.sealing_key_bytes())
    tokens = Tokens(store)
    shops = LiveShops(settings, tokens, sealer)
    orders, commands, syncs, inbox = Orders(store), Commands(store), Syncs(store), Inbox(store)
    nudge = Nudge(jobs=jobs)
    watch = Watch(store)
    telling = bool(settings.alert_urls)
    alerts = Alerts(store, telling=telling)
    alerting = Alerting(alerts=alerts, nudge=nudge, clock=now, new_id=new_id, telling=telling)
    gates, drift = Gates(store, _gate_policy(settings)), Drift(store)
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
    watch_conditions = _watch_conditions(settings, watch, alerting, nudge, shops)
    record_order = RecordOrder(
        orders=orders,
        commands=commands,
        nudge=nudge,
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
    return Orderwire(
        settings=settings,
        clock=now,
        api_keys=ApiKeys(store),
        orders=orders,
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
        drain_inbox=DrainInbox(inbox=inbox, watch=watch, shops=shops, nudge=nudge, drift=drift, clock=now),
        sync_order=sync_order,
        sync_owed=SyncOwed(syncs=syncs, sync_order=sync_order, nudge=nudge, alerting=alerting, clock=now),
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
            clock=now,
            new_key=new_key,
        ),
        await_command=AwaitCommand(commands=commands),
        run_command=RunCommand(
            graph=graph,
            shops=shops,
            orders=orders,
            commands=commands,
            syncs=syncs,
            sync_order=sync_order,
            nudge=nudge,
            gate_keeper=gate_keeper,
            settle_command=_settle_command(settings, commands, nudge, alerting),
            clock=now,
            new_id=new_id,
        ),
        replay_command=ReplayCommand(
            commands=commands, nudge=nudge, alerting=alerting, clock=now, new_key=new_key
        ),
        sweep=Sweep(
            commands=commands,
            syncs=syncs,
            inbox=inbox,
            shops=shops,
            gates=gates,
            drift=drift,
            probe_gate=probe_gate,
            alerting=alerting,
            watch_conditions=watch_conditions,
            nudge=nudge,
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


def _watch_conditions(
    settings: Settings, watch: Watch, alerting: Alerting, nudge: Nudge, shops: Shops
) -> WatchConditions:
    limits = Limits(
        inbox_age_s=settings.inbox_age_alert_s,
        due_age_s=settings.due_age_alert_s,
        silence_s=settings.silence_alert_s,
    )
    return WatchConditions(watch=watch, alerting=alerting, nudge=nudge, shops=shops, limits=limits)


def _gate_policy(settings: Settings) -> GatePolicy:
    return GatePolicy(
        minimum=settings.breaker_minimum,
        rate=settings.breaker_rate,
        window_s=settings.breaker_window_s,
        open_s=settings.breaker_open_s,
    )


def _settle_command(
    settings: Settings, commands: Commands, nudge: Nudge, alerting: Alerting
) -> SettleCommand:
    return SettleCommand(
        commands=commands,
        nudge=nudge,
        alerting=alerting,
        policy=RetryPolicy(
            attempt_timeout_s=settings.attempt_timeout_s,
            retry_delay_s=settings.retry_delay_s,
            max_attempts=settings.max_attempts,
        ),
        clock=now,
        new_key=new_key,
        jitter=jitter,
    )
