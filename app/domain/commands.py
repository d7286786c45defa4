"""Commands: durable promises to make one change on the platform, and the attempts made to keep them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.codec import Record, document
from app.domain.money import Money
from app.domain.orders import ItemQuantity, Tracking
from app.domain.timeline import Cause


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


class ChangeRecord(Record, frozen=True):
    """Base of the five changes; the tag of each is the kind of command that makes it."""

    @property
    def kind(self) -> CommandKind:
        """Return the kind of command that makes this change."""
        return CommandKind(str(self.__struct_config__.tag))

    def document(self) -> dict[str, Any]:
        """Return the change in the words of the REST routes."""
        named: dict[str, Any] = document(self)
        return named


class Acknowledge(ChangeRecord, frozen=True, kw_only=True, tag="acknowledge"):
    """Take the order over, with the OMS's own id for it."""

    merchant_order_reference: str | None = None


class Ship(ChangeRecord, frozen=True, kw_only=True, tag="ship"):
    """Ship one parcel. `items` is None only with `ship_all_remaining`, and filled in by `decide`."""

    items: tuple[ItemQuantity, ...] | None = None
    ship_all_remaining: bool
    tracking: Tracking
    external_shipment_id: str | None = None
    merchant_order_reference: str | None = None


class UpdateTracking(ChangeRecord, frozen=True, kw_only=True, tag="update_tracking"):
    """Give a shipped parcel its right number. `shipment` is its platform id or external id."""

    shipment: str
    tracking: Tracking


class Cancel(ChangeRecord, frozen=True, kw_only=True, tag="cancel"):
    """Give up units; `items` None means every open one."""

    items: tuple[ItemQuantity, ...] | None = None
    reason_code: str
    reason_description: str | None = None
    restock_items: bool


class RefundLine(Record, frozen=True, kw_only=True):
    """Give money back on one item: whole units, or a pre-tax amount; exactly one of the two."""

    item_id: str
    quantity: int | None = None
    amount: Money | None = None


class Deduction(Record, frozen=True, kw_only=True):
    """Money kept back from a refund; the platform knows one type, RETURN_SHIPPING."""

    deduction_type: str
    amount: Money


class Refund(ChangeRecord, frozen=True, kw_only=True, tag="refund"):
    """Give money back: `full` for everything shipped, or lines, or shipping, or both of these."""

    items: tuple[RefundLine, ...]
    full: bool
    reason_code: str
    reason_text: str | None = None
    shipping: Money | None = None
    deductions: tuple[Deduction, ...]


Change = Acknowledge | Ship | UpdateTracking | Cancel | Refund


class WireRequest(Record, frozen=True, kw_only=True):
    """The exact call a command makes: path below the version, and the body's bytes as text, key inside."""

    path: str
    body: str


class Attempt(Record, frozen=True, kw_only=True):
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


class Command(Record, frozen=True, kw_only=True):
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
    cause: Cause
    wire: WireRequest | None = None
    attempts: tuple[Attempt, ...] = ()
    attempts_before: int = 0
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None
