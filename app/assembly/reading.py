"""Reading: the use cases that take in what the platform says, and keep the copies of orders true."""

from __future__ import annotations

from app.assembly.ground import Ground
from app.services.intake import DrainInbox, ReceiveDelivery
from app.services.reconcile import Reconcile
from app.services.record_order import RecordOrder
from app.services.sync import SyncOrder
from app.services.sync_burst import SyncBurst
from app.sources import new_delivery_id, new_id, new_key, now
from app.store.counters import AsyncCounters
from app.store.inbox import AsyncInbox
from app.store.shops import ShopMarks


def receive_delivery(ground: Ground) -> ReceiveDelivery:
    """Return the use case that takes deliveries in."""
    return ReceiveDelivery(
        inbox=AsyncInbox(ground.async_store),
        counters=AsyncCounters(ground.async_store),
        secrets=ground.settings.app_secret_texts(),
        sealer=ground.sealer,
        clock=now,
        new_id=new_delivery_id,
    )


def drain_inbox(ground: Ground) -> DrainInbox:
    """Return the use case that makes owed syncs of what was taken in."""
    return DrainInbox(
        inbox=ground.inbox,
        watch=ground.watch,
        shops=ground.shops,
        nudge=ground.nudge,
        drift=ground.drift,
        orders=ground.orders,
        counters=ground.counters,
        syncs=ground.syncs,
        clock=now,
    )


def record_order(ground: Ground) -> RecordOrder:
    """Return the use case that writes an order down as it was read."""
    return RecordOrder(
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


def sync_order(ground: Ground, record_order: RecordOrder) -> SyncOrder:
    """Return the use case that reads one order."""
    return SyncOrder(
        graph=ground.graph,
        shops=ground.shops,
        orders=ground.orders,
        syncs=ground.syncs,
        record_order=record_order,
        nudge=ground.nudge,
        alerting=ground.alerting,
        clock=now,
        read_timeout_s=ground.settings.read_timeout_s,
    )


def sync_burst(ground: Ground, record_order: RecordOrder) -> SyncBurst:
    """Return the use case that pays what is owed to many orders, by their shop's list."""
    return SyncBurst(
        graph=ground.graph,
        shops=ground.shops,
        orders=ground.orders,
        syncs=ground.syncs,
        record_order=record_order,
        nudge=ground.nudge,
        clock=now,
        read_timeout_s=ground.settings.read_timeout_s,
    )


def reconcile(ground: Ground, record_order: RecordOrder) -> Reconcile:
    """Return the use case that finds what no delivery announced."""
    return Reconcile(
        graph=ground.graph,
        shops=ground.shops,
        orders=ground.orders,
        commands=ground.commands,
        syncs=ground.syncs,
        marks=ShopMarks(ground.store),
        drift=ground.drift,
        watch=ground.watch,
        alerting=ground.alerting,
        nudge=ground.nudge,
        record_order=record_order,
        clock=now,
        overlap_s=ground.settings.reconcile_overlap_s,
        read_timeout_s=ground.settings.read_timeout_s,
    )
