"""The functions RQ runs. A job only starts work: the store, not the job, records what is to be done.

Exceptions:

    DeadLetter (Exception)      the command gave up; the job shows in the failed registry, and requeueing it
                                there replays the command
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog
from rq import get_current_job
from rq.job import Job

from app.container import Container
from app.domain.commands import CommandKind, CommandStatus
from app.queue.specs import SWEEP, command_job
from app.services.settle import RunResult
from app.settings import Settings
from app.store.commands import LeaseDenied, LeaseDeniedReason
from workers.orphans import forget_failed_orphans

# A dead letter marks its job with this: when the marked job runs again, a person asked for a replay.
_DEAD = "dead_letter"
_built: list[Container] = []
_stopped: list[Callable[[], bool]] = []

log = structlog.get_logger()


class DeadLetter(Exception):
    """A command gave up and waits for a person to replay or dismiss it."""


def prepare(settings: Settings, stopped: Callable[[], bool]) -> None:
    """Build everything once, before the first job, so that connections stay open; then enqueue a sweep.

    `stopped` says whether the worker was told to stop: then no job runs another command.
    """
    container = Container(settings)
    _built[:], _stopped[:] = [container], [stopped]
    # What the previous worker left is enqueued at once, not by the next scheduled sweep.
    container.enqueuer.enqueue(SWEEP)


def drain_inbox() -> None:
    """Turn received webhook entries into pending syncs."""
    _container().drain_inbox.drain()


def sweep() -> None:
    """Enqueue what is due and has no job."""
    job = get_current_job()
    if job is not None:
        forget_failed_orphans(job.connection)
    _container().sweep.sweep()


def tell_operators() -> None:
    """Tell operators what alerts opened and closed."""
    _container().tell_operators.tell()


def sync(order_id: str) -> None:
    """Read one order from the platform."""
    _container().sync_order.process(order_id)


def sync_burst(shop_id: str) -> None:
    """Read many changed orders of one shop by its list."""
    _container().sync_burst.process(shop_id)


def reconcile(shop_id: str) -> None:
    """Find what changed in one shop without a webhook."""
    _container().reconcile.reconcile(shop_id)


def archive() -> None:
    """Move orders that ended long ago from Redis to files."""
    _container().archive_orders.archive_and_go_on()


def probe(shop_id: str) -> None:
    """Test whether the platform accepts calls of one shop again."""
    _container().probe.probe(shop_id)


def _run(kind: CommandKind, command_id: str) -> None:
    """Run one command or batch, then drain others of its kind; a dead letter fails the job.

    A failed job that a person requeues replays its command, or the commands of its batch.
    """
    container, job = _container(), get_current_job()
    batch = kind is CommandKind.ACKNOWLEDGE_BATCH
    if job is not None and job.meta.get(_DEAD):
        members = container.batches.members(command_id, left=True) if batch else []
        for replayed in [member.id for member in members] or [command_id]:
            container.replay_command.replay(replayed)
        _mark(job, dead=False)
    result = container.run_command.run(command_id)
    error = _error_of_dead(command_id, result)
    if error is not None:
        if job is not None:
            _mark(job, dead=True)
        raise DeadLetter(f"{'batch' if batch else 'command'} {command_id}: {error}")
    if isinstance(result, LeaseDenied):
        _enqueue_later(command_id, result)
    if result.shop_id is not None and not batch:
        # Also when another job ran this one's command first: a free thread is worth using.
        _drain(kind, result.shop_id)


# RQ finds the job of a command by its kind, such as `workers.jobs.ship`.
acknowledge = partial(_run, CommandKind.ACKNOWLEDGE)
ship = partial(_run, CommandKind.SHIP)
update_tracking = partial(_run, CommandKind.UPDATE_TRACKING)
cancel = partial(_run, CommandKind.CANCEL)
refund = partial(_run, CommandKind.REFUND)
acknowledge_batch = partial(_run, CommandKind.ACKNOWLEDGE_BATCH)


def _error_of_dead(command_id: str, result: RunResult | LeaseDenied) -> str | None:
    """Return why a dead letter is one, made by this run or while another job drained; None: there is none."""
    if isinstance(result, RunResult):
        return result.error or "" if result.dead else None
    if result.reason is not LeaseDeniedReason.DONE:
        return None
    command = _container().commands.get(command_id)
    return command.error or "" if command and command.status is CommandStatus.DEAD else None


def _drain(kind: CommandKind, shop_id: str) -> None:
    try:
        commands = _container().drain_loop.drain(kind, shop_id, stopped=_stopped[0])
    except Exception:
        # This job's own command has ended; the one that raised runs again in its own job, and fails there.
        log.exception("job.drain_failed", kind=kind.value, shop_id=shop_id)
    else:
        if commands:
            log.info("job.drained", kind=kind.value, shop_id=shop_id, commands=commands)


def _enqueue_later(command_id: str, result: LeaseDenied) -> None:
    if result.reason is LeaseDeniedReason.NOT_DUE and result.due_at is not None:
        # The job ran too early: it moves to the due time that the store has.
        container = _container()
        command = container.commands.get(command_id)
        if command is not None:
            container.enqueuer.enqueue(command_job(command.kind, command_id, command.order_id, result.due_at))


def _mark(job: Job, *, dead: bool) -> None:
    job.meta[_DEAD] = dead
    job.save_meta()  # type: ignore[no-untyped-call]  # RQ leaves it untyped


def _container() -> Container:
    if not _built:
        raise RuntimeError("workers.jobs.prepare was not called; start workers with `orderwire worker`")
    return _built[0]
