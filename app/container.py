"""The container: every part of one process, built once from its settings."""

from __future__ import annotations

from typing import Literal, TypeAlias

from app.clock import jitter, new_delivery_id, new_id, new_key, now
from app.domain.admission import BreakerPolicy
from app.domain.retry import RetryPolicy
from app.graph.client import GraphClient, open_http
from app.notify.operators import Operators
from app.queue.jobs import Jobs, connect_queues, live_workers
from app.queue.specs import LIFECYCLE, THREADS
from app.services.admission import AdmissionControl, Probe
from app.services.alerts import Alerting, TellOperators
from app.services.archive import ArchiveOrders
from app.services.batching import Batching
from app.services.drain_loop import DrainLoop
from app.services.enqueue import Enqueuer
from app.services.gather import Gather
from app.services.intake import DrainInbox, DrainRequests, ReceiveDelivery
from app.services.lease import Heartbeat
from app.services.monitor import Limits, Monitor, Readiness
from app.services.reconcile import Reconcile
from app.services.record_order import RecordOrder
from app.services.replay import ReplayCommand
from app.services.run import RunCommand
from app.services.settle import Settle
from app.services.submit import AwaitCommand, SubmitChange
from app.services.sweep import Sweep
from app.services.sync import SyncOrder
from app.services.sync_burst import SyncBurst
from app.settings import Settings
from app.shops import ShopRegistry
from app.store.admission import AdmissionStates
from app.store.alerts import Alerts
from app.store.apikeys import ApiKeys
from app.store.archive import Archive
from app.store.archive_files import ArchiveFiles
from app.store.archive_moves import ArchiveMoves
from app.store.batches import Batches
from app.store.commands import Commands
from app.store.connection import connect, connect_async
from app.store.counters import AsyncCounters, Counters
from app.store.drift import Drift
from app.store.figures import FiguresReader
from app.store.idempotency import Idempotency
from app.store.inbox import AsyncInbox, Inbox
from app.store.monitor import Watch
from app.store.orders import Orders
from app.store.sealing import Sealer
from app.store.shops import ShopMarks
from app.store.syncs import Syncs
from app.store.tokens import Tokens

Role: TypeAlias = Literal["api", "worker"]

# A route answers 503 within a second when Redis is away; a worker has time to wait for a busy one.
STORE_TIMEOUT_S = {"api": 0.8, "worker": 5.0}
# Connections to the platform that a process may hold: each thread of a worker makes one call at a time.
CONNECTIONS = {"api": 8, "worker": max(THREADS.values())}


class Container:
    """Holds every part, shared by the threads of the process; connections are made at their first use.

    Raises:
        SettingsError: there is no Redis URL, no valid sealing key, or no valid shops file.
    """

    def __init__(self, settings: Settings, role: Role = "worker") -> None:
        self.settings = settings
        self.clock = now
        # How many commands all workers together run at a time.
        self.max_concurrency = settings.lifecycle_workers * THREADS[LIFECYCLE]
        self._open_stores(role)
        self._open_platform(role)
        self._read()
        self._write()
        self._keep_up()

    def _open_stores(self, role: Role) -> None:
        settings, timeout_s = self.settings, STORE_TIMEOUT_S[role]
        url = settings.require_redis_url()
        self.store = store = connect(url, timeout_s=timeout_s)
        self.async_store = connect_async(url, timeout_s=timeout_s)
        self.sealer = Sealer(settings.sealing_key_bytes())
        self.archive_files = ArchiveFiles(settings.data_dir / "archive")
        self.archive = Archive(store, self.archive_files)
        self.orders = Orders(store, self.archive)
        self.commands = Commands(store)
        self.batches = Batches(store)
        self.syncs = Syncs(store)
        self.inbox = Inbox(store)
        self.drift = Drift(store)
        self.admission_states = AdmissionStates(
            store,
            BreakerPolicy(
                minimum=settings.breaker_minimum,
                rate=settings.breaker_rate,
                window_s=settings.breaker_window_s,
                open_s=settings.breaker_open_s,
            ),
        )
        self.tokens = Tokens(store)
        self.api_keys = ApiKeys(store)
        self.idempotency = Idempotency(store)
        self.counters = Counters(store)
        self.figures = FiguresReader(store)
        self.watch = Watch(store)
        self.alerts = Alerts(store, telling=bool(settings.alert_urls))
        queues = connect_queues(url, timeout_s=timeout_s)
        self.jobs = Jobs(queues)
        self.enqueuer = Enqueuer(jobs=self.jobs)
        self.readiness = Readiness(store=store, live_workers=lambda: live_workers(queues, now=now()))

    def _open_platform(self, role: Role) -> None:
        settings = self.settings
        self.shops = ShopRegistry(settings, self.tokens, self.sealer)
        self.alerting = Alerting(
            alerts=self.alerts,
            enqueuer=self.enqueuer,
            clock=now,
            new_id=new_id,
            telling=bool(settings.alert_urls),
        )
        admission = AdmissionControl(
            admission_states=self.admission_states,
            shops=self.shops,
            refresh_tokens=self.shops.refresh,
            alerting=self.alerting,
            enqueuer=self.enqueuer,
            clock=now,
            new_id=new_id,
        )
        secrets = settings.app_secret_texts()
        self.graph = GraphClient(
            settings.graph_url,
            settings.graph_version,
            secrets[0] if secrets else None,
            open_http(settings.graph_url, connections=CONNECTIONS[role]),
            admission=admission,
            clock=now,
        )
        self.probe = Probe(
            graph=self.graph,
            shops=self.shops,
            admission_states=self.admission_states,
            enqueuer=self.enqueuer,
            refresh_tokens=self.shops.refresh,
            clock=now,
            new_id=new_id,
        )

    def _read(self) -> None:
        """Build what takes webhooks in and keeps the copies of orders correct."""
        settings = self.settings
        self.gather = Gather(
            batches=self.batches,
            enqueuer=self.enqueuer,
            clock=now,
            new_id=new_id,
            new_key=new_key,
            window_s=settings.acknowledge_window_s,
        )
        self.receive_delivery = ReceiveDelivery(
            inbox=AsyncInbox(self.async_store),
            counters=AsyncCounters(self.async_store),
            secrets=settings.app_secret_texts(),
            sealer=self.sealer,
            clock=now,
            new_id=new_delivery_id,
        )
        self.drain_requests = DrainRequests(self.enqueuer)
        self.drain_inbox = DrainInbox(
            inbox=self.inbox,
            watch=self.watch,
            shops=self.shops,
            enqueuer=self.enqueuer,
            drift=self.drift,
            orders=self.orders,
            counters=self.counters,
            syncs=self.syncs,
            clock=now,
        )
        self.record_order = RecordOrder(
            orders=self.orders,
            commands=self.commands,
            enqueuer=self.enqueuer,
            gather=self.gather,
            sealer=self.sealer,
            shops=self.shops,
            clock=now,
            new_id=new_id,
            new_key=new_key,
        )
        self.sync_order = SyncOrder(
            graph=self.graph,
            shops=self.shops,
            orders=self.orders,
            syncs=self.syncs,
            record_order=self.record_order,
            enqueuer=self.enqueuer,
            alerting=self.alerting,
            clock=now,
            read_timeout_s=settings.read_timeout_s,
        )
        self.sync_burst = SyncBurst(
            graph=self.graph,
            shops=self.shops,
            orders=self.orders,
            syncs=self.syncs,
            record_order=self.record_order,
            enqueuer=self.enqueuer,
            clock=now,
            read_timeout_s=settings.read_timeout_s,
        )
        self.reconcile = Reconcile(
            graph=self.graph,
            shops=self.shops,
            orders=self.orders,
            commands=self.commands,
            syncs=self.syncs,
            marks=ShopMarks(self.store),
            drift=self.drift,
            watch=self.watch,
            alerting=self.alerting,
            enqueuer=self.enqueuer,
            record_order=self.record_order,
            clock=now,
            overlap_s=settings.reconcile_overlap_s,
            read_timeout_s=settings.read_timeout_s,
        )

    def _write(self) -> None:
        """Build what takes changes in and makes them on the platform, one by one and in batches."""
        settings = self.settings
        self.submit_change = SubmitChange(
            orders=self.orders,
            commands=self.commands,
            sync_order=self.sync_order,
            shops=self.shops,
            enqueuer=self.enqueuer,
            gather=self.gather,
            max_concurrency=self.max_concurrency,
            clock=now,
            new_key=new_key,
        )
        self.await_command = AwaitCommand(
            commands=self.commands, syncs=self.syncs, sync_order=self.sync_order
        )
        settle = Settle(
            commands=self.commands,
            batches=self.batches,
            enqueuer=self.enqueuer,
            alerting=self.alerting,
            policy=RetryPolicy(
                attempt_timeout_s=settings.attempt_timeout_s,
                retry_delay_s=settings.retry_delay_s,
                max_attempts=settings.max_attempts,
            ),
            clock=now,
            new_key=new_key,
            jitter=jitter,
        )
        batching = Batching(
            graph=self.graph,
            shops=self.shops,
            orders=self.orders,
            batches=self.batches,
            record_order=self.record_order,
            settle=settle,
            clock=now,
            new_id=new_id,
            new_key=new_key,
            read_timeout_s=settings.read_timeout_s,
        )
        self.run_command = RunCommand(
            graph=self.graph,
            shops=self.shops,
            orders=self.orders,
            commands=self.commands,
            syncs=self.syncs,
            sync_order=self.sync_order,
            batching=batching,
            settle=settle,
            heartbeat=Heartbeat(self.commands, now),
            enqueuer=self.enqueuer,
            clock=now,
            new_id=new_id,
        )
        self.drain_loop = DrainLoop(
            commands=self.commands,
            run_command=self.run_command,
            enqueuer=self.enqueuer,
            clock=now,
            new_id=new_id,
        )
        self.replay_command = ReplayCommand(
            commands=self.commands, enqueuer=self.enqueuer, alerting=self.alerting, clock=now, new_key=new_key
        )

    def _keep_up(self) -> None:
        """Build what recovers lost work, archives, and tells operators."""
        settings = self.settings
        self.sweep = Sweep(
            commands=self.commands,
            syncs=self.syncs,
            gather=self.gather,
            inbox=self.inbox,
            shops=self.shops,
            admission_states=self.admission_states,
            drift=self.drift,
            probe=self.probe,
            alerting=self.alerting,
            monitor=Monitor(
                watch=self.watch,
                alerting=self.alerting,
                enqueuer=self.enqueuer,
                shops=self.shops,
                limits=Limits(
                    inbox_age_s=settings.inbox_age_alert_s,
                    due_age_s=settings.due_age_alert_s,
                    silence_s=settings.silence_alert_s,
                ),
            ),
            enqueuer=self.enqueuer,
            max_concurrency=self.max_concurrency,
            clock=now,
        )
        self.archive_orders = ArchiveOrders(
            moves=ArchiveMoves(self.store, self.archive_files),
            enqueuer=self.enqueuer,
            clock=now,
            after_days=settings.archive_after_days,
        )
        addresses = [url.get_secret_value() for url in settings.alert_urls]
        self.tell_operators = TellOperators(alerts=self.alerts, operators=Operators(addresses), clock=now)
