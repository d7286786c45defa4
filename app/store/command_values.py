"""What the ledger of commands is told and answers, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.commands import Attempt, Command, CommandKind, CommandStatus
from app.domain.timeline import TimelineEntry
from app.store.idempotency import IdempotentAnswer
from app.store.order_record import StoredOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommand:
    """A command to accept, with the timeline entry that says so.

    `once`: not while one of its kind is open in the lane. `automatic`: the acknowledgement that an order
    gets by itself, once ever. `gather`: at the head of its lane it waits for a batch. `answer`: what the
    caller was told, stored under its key in the same change.
    """

    command: Command
    timeline: TimelineEntry
    once: bool = False
    automatic: bool = False
    gather: bool = False
    answer: IdempotentAnswer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The command that stands for the promise: the new one, or the one that existed.

    `head`: it may run now, so its job should be enqueued. `gathered`: how many acknowledgements of its shop
    wait for a batch, this one included; 0 when it does not wait for one. `active_consumers`: the jobs that
    take due commands of its kind and shop by themselves. Where `command_id` differs from the id that was
    passed, the answer passed with it was not stored.
    """

    command_id: str
    created: bool
    head: bool
    gathered: int = 0
    active_consumers: int = 0


class LeaseDeniedReason(StrEnum):
    """Why a command cannot run now."""

    DONE = "done"
    NOT_HEAD = "not_head"
    NOT_DUE = "not_due"
    LEASED = "leased"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseDenied:
    """The command cannot run now; `due_at` is when that ends, where it is known, `shop_id` whose it is."""

    reason: LeaseDeniedReason
    due_at: datetime | None
    shop_id: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The lease is ours. `lost_runs` counts the runs before this one, in a row, that never settled.

    An attempt of the command without an outcome was begun by such a run: it may have reached the platform.
    `copy` is the copy of its order, None where there is none (or only one in the archive), `read_pending`
    whether that may be behind the platform; `waiting`, which only `lease_next` tells, how many more of its
    kind and shop are due.
    """

    command: Command
    lost_runs: int
    copy: StoredOrder | None
    read_pending: bool
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a run of a command ended.

    `status` is WAITING, with `next_attempt_at`, or a final one. `attempt` is the finished attempt, None when
    no call was made. `idempotency_key` is a new key of the next call, None to keep the old one; `keep_wire`
    says whether its bytes stay as they are, which they must exactly when the key is kept and a call may come.
    `paused` pauses a waiting command: when its shop resumes, it may run before its time. `read_pending` makes
    a read of the order pending in the same write: what the attempt did to it is not in its copy.
    """

    status: CommandStatus
    attempt: Attempt | None = None
    next_attempt_at: datetime | None = None
    idempotency_key: str | None = None
    keep_wire: bool = True
    error: str | None = None
    timeline: tuple[TimelineEntry, ...] = ()
    paused: bool = False
    read_pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Whether the settlement counted (False: the lease was another's, nothing changed), and what is next.

    `next_id` is the lane's head now: the same command when it waits, None when the lane is empty.
    """

    ok: bool
    next_id: str | None
    next_kind: CommandKind | None
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCommand:
    """A command whose time came at `due_at`: to run, or, among the expired, the end of its lease.

    `lost_runs` counts the runs before the last one, in a row, that never settled.
    """

    id: str
    kind: CommandKind
    order_id: str
    shop_id: str
    due_at: datetime
    lost_runs: int = 0
