"""Changing: the use cases that take changes in and make them on the platform, one by one and in batches."""

from __future__ import annotations

from app.assembly.ground import Ground
from app.assembly.policies import retry_policy
from app.services.batching import Batching
from app.services.drain_loop import DrainLoop
from app.services.record_order import RecordOrder
from app.services.replay import ReplayCommand
from app.services.run import RunCommand
from app.services.settle import Settle
from app.services.submit import AwaitCommand, SubmitChange
from app.services.sync import SyncOrder
from app.sources import jitter, new_id, new_key, now


def submit_change(ground: Ground, sync_order: SyncOrder) -> SubmitChange:
    """Return the use case that takes a change in as a command."""
    return SubmitChange(
        orders=ground.orders,
        commands=ground.commands,
        sync_order=sync_order,
        shops=ground.shops,
        nudge=ground.nudge,
        gather=ground.gather,
        places=ground.places,
        clock=now,
        new_key=new_key,
    )


def await_command(ground: Ground, sync_order: SyncOrder) -> AwaitCommand:
    """Return the use case that waits for a command's end."""
    return AwaitCommand(commands=ground.commands, syncs=ground.syncs, sync_order=sync_order)


def run_command(ground: Ground, sync_order: SyncOrder, record_order: RecordOrder) -> RunCommand:
    """Return the use case that runs the head of a lane or a batch, with the parts that nobody else needs."""
    settle = Settle(
        commands=ground.commands,
        batches=ground.batches,
        nudge=ground.nudge,
        alerting=ground.alerting,
        policy=retry_policy(ground.settings),
        clock=now,
        new_key=new_key,
        jitter=jitter,
    )
    batching = Batching(
        graph=ground.graph,
        shops=ground.shops,
        orders=ground.orders,
        batches=ground.batches,
        record_order=record_order,
        settle=settle,
        clock=now,
        new_id=new_id,
        new_key=new_key,
        read_timeout_s=ground.settings.read_timeout_s,
    )
    return RunCommand(
        graph=ground.graph,
        shops=ground.shops,
        orders=ground.orders,
        commands=ground.commands,
        syncs=ground.syncs,
        sync_order=sync_order,
        batching=batching,
        settle=settle,
        heartbeat=ground.heartbeat,
        nudge=ground.nudge,
        clock=now,
        new_id=new_id,
    )


def drain_loop(ground: Ground, run_command: RunCommand) -> DrainLoop:
    """Return the use case that runs what is due of one kind."""
    return DrainLoop(
        commands=ground.commands, run_command=run_command, nudge=ground.nudge, clock=now, new_id=new_id
    )


def replay_command(ground: Ground) -> ReplayCommand:
    """Return the use case that puts dead letters back into their lanes, or closes them."""
    return ReplayCommand(
        commands=ground.commands, nudge=ground.nudge, alerting=ground.alerting, clock=now, new_key=new_key
    )
