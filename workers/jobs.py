"""The functions RQ runs. Each only wakes work up: what is to be done stands in the ledger, not in the job.

Exceptions:

    DeadLetter (Exception)      the command gave up; the job shows in the failed registry, and requeueing it
                                there replays the command
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from rq import get_current_job
from rq.job import Job

from app.domain.commands import CommandKind, CommandStatus
from app.queues import SWEEP, command_wake
from app.services.settle_command import Ran
from app.settings import Settings
from app.store.commands import NotTaken, NotTakenReason
from app.wiring import Orderwire, build
from workers.abandoned import forget_abandoned

# The mark a dead letter leaves on its job, so that running that job again means: a person wants a replay.
_DEAD = "dead_letter"
_built: list[Orderwire] = []
_stopped: list[Callable[[], bool]] = []

log = structlog.get_logger()


class DeadLetter(Exception):
    """A command gave up and waits for a person to replay or dismiss it."""


def prepare(settings: Settings, stopped: Callable[[], bool]) -> None:
    """Build everything once, before the first job: clients stay warm from job to job. Then wake a sweep.

    `stopped` says whether the worker was told to stop: then no job goes on with another command.
    """
    orderwire = build(settings)
    _built[:], _stopped[:] = [orderwire], [stopped]
    # What the worker before this one left behind is woken at once, not at the next turn.
    orderwire.nudge.wake(SWEEP)


def drain_inbox() -> None:
    """Turn what webhooks hinted at into owed syncs."""
    _orderwire().drain_inbox.drain()


def sweep() -> None:
    """Wake what is due and has no job."""
    job = get_current_job()
    if job is not None:
        forget_abandoned(job.connection)
    _orderwire().sweep.sweep()


def tell_operators() -> None:
    """Tell operators what alerts opened and closed."""
    _orderwire().tell_operators.tell()


def sync(order_id: str) -> None:
    """Read one order from the platform."""
    _orderwire().sync_order.process(order_id)


def sync_burst(shop_id: str) -> None:
    """Read many changed orders of one shop by its list."""
    _orderwire().sync_burst.pay(shop_id)


def reconcile(shop_id: str) -> None:
    """Find what changed in one shop and was announced by no webhook."""
    _orderwire().reconcile.reconcile(shop_id)


def archive() -> None:
    """Move orders that are long over from Redis to files."""
    _orderwire().archive_orders.archive_and_go_on()


def probe(shop_id: str) -> None:
    """Try whether the platform takes calls of one shop again."""
    _orderwire().admission_probe.probe(shop_id)


def acknowledge(command_id: str) -> None:
    """Run an acknowledge command, and go on with others that are due."""
    _run(CommandKind.ACKNOWLEDGE, command_id)


def acknowledge_batch(batch_id: str) -> None:
    """Run a batch of acknowledgements; requeued after it gave up, it replays each order's command."""
    orderwire = _orderwire()
    job = get_current_job()
    if job is not None and job.meta.get(_DEAD):
        _mark(job, dead=False)
        for member in orderwire.batches.members(batch_id, left=True):
            orderwire.replay_command.replay(member.id)
        return
    result = orderwire.acknowledge_batch.run(batch_id)
    if isinstance(result, NotTaken):
        _wake_later(batch_id, result)
    elif result.dead:
        if job is not None:
            _mark(job, dead=True)
        raise DeadLetter(f"batch {batch_id}: {result.dead} acknowledgements gave up; each can be replayed")


def ship(command_id: str) -> None:
    """Run a ship command, and go on with others that are due."""
    _run(CommandKind.SHIP, command_id)


def update_tracking(command_id: str) -> None:
    """Run an update_tracking command, and go on with others that are due."""
    _run(CommandKind.UPDATE_TRACKING, command_id)


def cancel(command_id: str) -> None:
    """Run a cancel command, and go on with others that are due."""
    _run(CommandKind.CANCEL, command_id)


def refund(command_id: str) -> None:
    """Run a refund command, and go on with others that are due."""
    _run(CommandKind.REFUND, command_id)


def _run(kind: CommandKind, command_id: str) -> None:
    orderwire = _orderwire()
    job = get_current_job()
    if job is not None and job.meta.get(_DEAD):
        orderwire.replay_command.replay(command_id)
        _mark(job, dead=False)
    result = orderwire.run_command.run(command_id)
    error = _error_of_dead(command_id, result)
    if error is not None:
        if job is not None:
            _mark(job, dead=True)
        raise DeadLetter(f"command {command_id}: {error}")
    if isinstance(result, NotTaken):
        _wake_later(command_id, result)
    if result.shop_id is not None:
        # Also when another job went on with this one's command first: a free thread is worth having.
        _go_on(kind, result.shop_id)


def _error_of_dead(command_id: str, result: Ran | NotTaken) -> str | None:
    """Return why the command gave up, in this run or while another job went on with it."""
    if isinstance(result, Ran):
        return result.error or "" if result.status is CommandStatus.DEAD else None
    if result.reason is not NotTakenReason.DONE:
        return None
    command = _orderwire().commands.get(command_id)
    return command.error or "" if command and command.status is CommandStatus.DEAD else None


def _go_on(kind: CommandKind, shop_id: str) -> None:
    try:
        commands = _orderwire().go_on.go_on(kind, shop_id, stopped=_stopped[0])
    except Exception:
        # This job's own command has ended; the one that raised runs again in its own job, and shows there.
        log.exception("job.went_no_further", kind=kind.value, shop_id=shop_id)
    else:
        if commands:
            log.info("job.went_on", kind=kind.value, shop_id=shop_id, commands=commands)


def _wake_later(command_id: str, result: NotTaken) -> None:
    if result.reason is NotTakenReason.NOT_DUE and result.due_at is not None:
        # Woken early: the ledger's due time is the truth, so the wake moves to it.
        orderwire = _orderwire()
        command = orderwire.commands.get(command_id)
        if command is not None:
            orderwire.nudge.wake(command_wake(command.kind, command_id, command.order_id, result.due_at))


def _mark(job: Job, *, dead: bool) -> None:
    job.meta[_DEAD] = dead
    job.save_meta()  # type: ignore[no-untyped-call]  # RQ leaves it untyped


def _orderwire() -> Orderwire:
    if not _built:
        raise RuntimeError("workers.jobs.prepare was not called; start workers with `orderwire worker`")
    return _built[0]
