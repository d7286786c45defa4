"""Changing: the use cases that take changes in and make them on the platform, one by one and in batches."""

from __future__ import annotations

from app.assembly.ground import Ground
from app.assembly.policies import retry_policy
from app.services.acknowledge_batch import AcknowledgeBatch
from app.services.await_command import AwaitCommand
from app.services.go_on import GoOn
from app.services.list_members import ListMembers
from app.services.note_acknowledged import NoteAcknowledged
from app.services.record_order import RecordOrder
from app.services.replay_command import ReplayCommand
from app.services.run_command import RunCommand
from app.services.settle_batch import SettleBatch
from app.services.settle_command import SettleCommand
from app.services.submit_change import SubmitChange
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


def run_command(ground: Ground, sync_order: SyncOrder) -> RunCommand:
    """Return the use case that runs the head of a lane, and the part that settles it."""
    settle_command = SettleCommand(
        commands=ground.commands,
        nudge=ground.nudge,
        alerting=ground.alerting,
        policy=retry_policy(ground.settings),
        clock=now,
        new_key=new_key,
        jitter=jitter,
    )
    return RunCommand(
        graph=ground.graph,
        shops=ground.shops,
        orders=ground.orders,
        commands=ground.commands,
        syncs=ground.syncs,
        sync_order=sync_order,
        settle_command=settle_command,
        heartbeat=ground.heartbeat,
        nudge=ground.nudge,
        clock=now,
        new_id=new_id,
    )


def go_on(ground: Ground, run_command: RunCommand) -> GoOn:
    """Return the use case that works off what is due of one kind."""
    return GoOn(
        commands=ground.commands, run_command=run_command, nudge=ground.nudge, clock=now, new_id=new_id
    )


def acknowledge_batch(ground: Ground, record_order: RecordOrder) -> AcknowledgeBatch:
    """Return the use case that runs batches, and its parts that nobody else needs."""
    list_members = ListMembers(
        graph=ground.graph,
        record_order=record_order,
        clock=now,
        read_timeout_s=ground.settings.read_timeout_s,
    )
    settle_batch = SettleBatch(
        commands=ground.commands,
        batches=ground.batches,
        syncs=ground.syncs,
        nudge=ground.nudge,
        alerting=ground.alerting,
        policy=retry_policy(ground.settings),
        clock=now,
        new_key=new_key,
        jitter=jitter,
    )
    return AcknowledgeBatch(
        graph=ground.graph,
        shops=ground.shops,
        orders=ground.orders,
        commands=ground.commands,
        batches=ground.batches,
        list_members=list_members,
        note_acknowledged=NoteAcknowledged(orders=ground.orders, clock=now, new_id=new_id),
        settle_batch=settle_batch,
        heartbeat=ground.heartbeat,
        clock=now,
        new_id=new_id,
    )


def replay_command(ground: Ground) -> ReplayCommand:
    """Return the use case that puts dead letters back into their lanes, or closes them."""
    return ReplayCommand(
        commands=ground.commands, nudge=ground.nudge, alerting=ground.alerting, clock=now, new_key=new_key
    )
