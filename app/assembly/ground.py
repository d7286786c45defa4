"""The ground: everything that more than one use case or route stands on, opened once a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.assembly.policies import gate_policy
from app.graph.client import GraphClient, open_http
from app.live_shops import LiveShops
from app.queues import LIFECYCLE, THREADS, Jobs, connect_queues, live_workers
from app.services.admission import AdmissionControl
from app.services.alerts import Alerting
from app.services.enqueue import Nudge
from app.services.gather import Gather
from app.services.lease import Heartbeat
from app.services.monitor import Readiness
from app.settings import Settings
from app.sources import new_id, new_key, now
from app.store.alerts import Alerts
from app.store.archive import Archive
from app.store.archive_files import ArchiveFiles
from app.store.batches import Batches
from app.store.commands import Commands
from app.store.connection import AsyncStore, Store, connect, connect_async
from app.store.counters import Counters
from app.store.drift import Drift
from app.store.gates import Gates
from app.store.inbox import Inbox
from app.store.orders import Orders
from app.store.sealing import Sealer
from app.store.syncs import Syncs
from app.store.tokens import Tokens
from app.store.watch import Watch

Role: TypeAlias = Literal["api", "worker"]

# A route answers 503 within a second when Redis is away; a worker has time to wait for a busy one.
STORE_TIMEOUT_S = {"api": 0.8, "worker": 5.0}
# Connections to the platform a process may hold: the API reads for the threads that need it, and each thread
# of a worker makes one call at a time.
CONNECTIONS = {"api": 8, "worker": max(THREADS.values())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What is shared, by the threads of the process too; `places` commands run at once in all the workers."""

    settings: Settings
    store: Store
    async_store: AsyncStore
    readiness: Readiness
    sealer: Sealer
    tokens: Tokens
    shops: LiveShops
    archive_files: ArchiveFiles
    archive: Archive
    orders: Orders
    commands: Commands
    syncs: Syncs
    inbox: Inbox
    batches: Batches
    counters: Counters
    drift: Drift
    gates: Gates
    watch: Watch
    alerts: Alerts
    jobs: Jobs
    nudge: Nudge
    alerting: Alerting
    gather: Gather
    heartbeat: Heartbeat
    graph: GraphClient
    places: int


def open_ground(settings: Settings, role: Role) -> Ground:
    """Open everything shared; connections are made when they are first used.

    Raises:
        SettingsError: there is no Redis URL, no good sealing key, or no good shops file.
    """
    url, timeout_s = settings.require_redis_url(), STORE_TIMEOUT_S[role]
    store, queues = connect(url, timeout_s=timeout_s), connect_queues(url, timeout_s=timeout_s)
    sealer, tokens = Sealer(settings.sealing_key_bytes()), Tokens(store)
    shops = LiveShops(settings, tokens, sealer)
    archive_files = ArchiveFiles(settings.data_dir / "archive")
    archive = Archive(store, archive_files)
    commands, syncs, batches = Commands(store), Syncs(store), Batches(store)
    jobs = Jobs(queues)
    nudge = Nudge(jobs=jobs)
    telling = bool(settings.alert_urls)
    alerts = Alerts(store, telling=telling)
    alerting = Alerting(alerts=alerts, nudge=nudge, clock=now, new_id=new_id, telling=telling)
    gates = Gates(store, gate_policy(settings))
    admission = AdmissionControl(
        gates=gates,
        shops=shops,
        refresh_tokens=shops.refresh,
        alerting=alerting,
        nudge=nudge,
        clock=now,
        new_id=new_id,
    )
    return Ground(
        settings=settings,
        store=store,
        async_store=connect_async(url, timeout_s=timeout_s),
        readiness=Readiness(store=store, live_workers=lambda: live_workers(queues, now=now())),
        sealer=sealer,
        tokens=tokens,
        shops=shops,
        archive_files=archive_files,
        archive=archive,
        orders=Orders(store, archive),
        commands=commands,
        syncs=syncs,
        inbox=Inbox(store),
        batches=batches,
        counters=Counters(store),
        drift=Drift(store),
        gates=gates,
        watch=Watch(store),
        alerts=alerts,
        jobs=jobs,
        nudge=nudge,
        alerting=alerting,
        gather=Gather(
            batches=batches,
            nudge=nudge,
            clock=now,
            new_id=new_id,
            new_key=new_key,
            window_s=settings.acknowledge_window_s,
        ),
        heartbeat=Heartbeat(commands, now),
        graph=_graph(settings, role, admission),
        places=settings.lifecycle_workers * THREADS[LIFECYCLE],
    )


def _graph(settings: Settings, role: Role, admission: AdmissionControl) -> GraphClient:
    secrets = settings.app_secret_texts()
    return GraphClient(
        settings.graph_url,
        settings.graph_version,
        secrets[0] if secrets else None,
        open_http(settings.graph_url, connections=CONNECTIONS[role]),
        admission=admission,
        clock=now,
    )
