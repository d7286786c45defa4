"""Commands: durable promises to make one change on the platform, and the attempts made to keep them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.money import Money
from app.domain.orders import ItemQuantity, Tracking


class CommandKind(StrEnum):
    """The five changes Orderwire can make to an order, and the batch that makes one of them to many.

    An ACKNOWLEDGE_BATCH is a command beside the lanes of orders: its members are acknowledge commands of
    their own, each with its own reference, and it carries them to the platform in one call.
    """

    ACKNOWLEDGE = "acknowledge"
    SHIP = "ship"
    UPDATE_TRACKING = "update_tracking"
    CANCEL = "cancel"
    REFUND = "refund"
    ACKNOWLEDGE_BATCH = "acknowledge_batch"


class CommandStatus(StrEnum):
    """Where a command stands; the last three are final (a dead one can be replayed by a person)."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEAD = "dead"

    @property
    def final(self) -> bool:
        """Whether the command has left its lane."""
        return self in (CommandStatus.SUCCEEDED, CommandStatus.FAILED, CommandStatus.DEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Take the order over, with the OMS's own id for it."""

    merchant_order_reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ship:
    """Ship one parcel. `items` is None only with `ship_all_remaining`, and filled in by `decide`."""

    items: tuple[ItemQuantity, ...] | None
    ship_all_remaining: bool
    tracking: Tracking
    external_shipment_id: str | None
    merchant_order_reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateTracking:
    """Give a shipped parcel its right number. `shipment` is its platform id or external id."""

    shipment: str
    tracking: Tracking


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Give up units; `items` None means every open one."""

    items: tuple[ItemQuantity, ...] | None
    reason_code: str
    reason_description: str | None
    restock_items: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLine:
    """Give money back on one item: whole units, or a pre-tax amount; exactly one of the two."""

    item_id: str
    quantity: int | None
    amount: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduction:
    """Money kept back from a refund; the platform knows one type, RETURN_SHIPPING."""

    deduction_type: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Give money back: `full` for everything shipped, or lines, or shipping, or both of these."""

    items: tuple[RefundLine, ...]
    full: bool
    reason_code: str
    reason_text: str | None
    shipping: Money | None
    deductions: tuple[Deduction, ...]


Change = Acknowledge | Ship | UpdateTracking | Cancel | Refund


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    """The exact call a command makes: path below the version, and the body's bytes as text, key inside."""

    path: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP call made for a command; unfinished while `outcome` is None.

    `outcome` is the lower-case name of an outcome (`accepted`, `refused`, `throttled`, `busy`, `unknown`);
    `error` says in plain words what the platform answered; `idempotency_key` is the key that call carried.
    """

    number: int
    started_at: datetime
    timeout_s: float
    idempotency_key: str
    finished_at: datetime | None = None
    outcome: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A durable promise to make one change; the record the ledger keeps.

    `idempotency_key` is the key the next call carries; `wire` the bytes it sends, None until they are first
    made and again after a new key; `error` the last error in plain words; `attempts_before` the attempts
    made before a person replayed it, which no longer count.
    """

    id: str
    order_id: str
    shop_id: str
    kind: CommandKind
    change: Change
    status: CommandStatus
    idempotency_key: str
    created_at: datetime
    cause: str
    wire: WireRequest | None = None
    attempts: tuple[Attempt, ...] = ()
    attempts_before: int = 0
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None


def kind_of(change: Change) -> CommandKind:
    """Return the kind of command that makes this change."""
    return _KINDS[type(change)]


_KINDS: dict[type[Change], CommandKind] = {
    Acknowledge: CommandKind.ACKNOWLEDGE,
    Ship: CommandKind.SHIP,
    UpdateTracking: CommandKind.UPDATE_TRACKING,
    Cancel: CommandKind.CANCEL,
    Refund: CommandKind.REFUND,
}
