"""Upkeep: the use cases that keep the work going, watch over it, and tell operators of it."""

from __future__ import annotations

from app.assembly.ground import Ground
from app.assembly.policies import limits
from app.notify.operators import Operators
from app.services.admission import AdmissionProbe
from app.services.alerts import TellOperators
from app.services.archive import ArchiveOrders
from app.services.monitor import WatchConditions
from app.services.sweep import Sweep
from app.sources import new_id, now
from app.store.archive_moves import ArchiveMoves


def admission_probe(ground: Ground) -> AdmissionProbe:
    """Return the use case that probes paused shops."""
    return AdmissionProbe(
        graph=ground.graph,
        shops=ground.shops,
        gates=ground.gates,
        nudge=ground.nudge,
        refresh_tokens=ground.shops.refresh,
        clock=now,
        new_id=new_id,
    )


def sweep(ground: Ground, admission_probe: AdmissionProbe) -> Sweep:
    """Return the use case that wakes what is due and has no job, and the watch that it keeps."""
    watch_conditions = WatchConditions(
        watch=ground.watch,
        alerting=ground.alerting,
        nudge=ground.nudge,
        shops=ground.shops,
        limits=limits(ground.settings),
    )
    return Sweep(
        commands=ground.commands,
        syncs=ground.syncs,
        gather=ground.gather,
        inbox=ground.inbox,
        shops=ground.shops,
        gates=ground.gates,
        drift=ground.drift,
        admission_probe=admission_probe,
        alerting=ground.alerting,
        watch_conditions=watch_conditions,
        nudge=ground.nudge,
        places=ground.places,
        clock=now,
    )


def archive_orders(ground: Ground) -> ArchiveOrders:
    """Return the use case that moves old orders into the archive."""
    return ArchiveOrders(
        moves=ArchiveMoves(ground.store, ground.archive_files),
        nudge=ground.nudge,
        clock=now,
        after_days=ground.settings.archive_after_days,
    )


def tell_operators(ground: Ground) -> TellOperators:
    """Return the use case that tells operators what alerts opened and closed."""
    addresses = [url.get_secret_value() for url in ground.settings.alert_urls]
    return TellOperators(alerts=ground.alerts, operators=Operators(addresses), clock=now)
