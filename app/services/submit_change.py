"""Submit a change: decide it on the stored copy and promise it durably, or say why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.domain.commands import Acknowledge, Change, Command, CommandKind, CommandStatus, Ship, kind_of
from app.domain.decide import Refusal, decide
from app.domain.orders import Order
from app.domain.shops import Shops
from app.domain.timeline import TimelineEntry
from app.queues import command_wake
from app.services.gather import Gather
from app.services.nudge import Nudge
from app.services.record_order import Recorded
from app.services.sync import NotOnPlatform, PlatformAway, SyncOrder
from app.store.commands import Commands
from app.store.idempotency import IdempotentAnswer
from app.store.orders import Orders, StoredOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The promise is durable. `created` is False when the same promise already stood."""

    command: Command
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnknown:
    """Neither we nor the platform know an order of that id."""

    order_id: str


Submission = Submitted | Refusal | OrderUnknown | PlatformAway


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitChange:
    """Takes a change in for one order. `places` is how many commands all workers together run at a time."""

    orders: Orders
    commands: Commands
    sync_order: SyncOrder
    shops: Shops
    nudge: Nudge
    gather: Gather
    places: int
    clock: Callable[[], datetime]
    new_key: Callable[[], str]

    def submit(
        self,
        order_id: str,
        build: Callable[[Order], Change | Refusal],
        *,
        cause: str,
        operation_id: str,
        gather: bool = False,
        answer_for: Callable[[Command], IdempotentAnswer] | None = None,
    ) -> Submission:
        """Return the command that will make the change `build` makes of the order, or why there is none.

        `operation_id` becomes the command's id: submitting it again returns the command that stands. `gather`
        lets an acknowledgement wait for others that it may go out with. `answer_for` gives the caller's
        answer, kept in the same write as the command.
        """
        stored = self._stored(order_id)
        if isinstance(stored, OrderUnknown | PlatformAway):
            return stored
        order = stored.order
        change = build(order)
        if isinstance(change, Refusal):
            return self._promised_before(operation_id) or change
        decision = decide(order, change, self.clock())
        if isinstance(decision, Refusal):
            return self._promised_before(operation_id) or decision
        command = self._command(order, self._completed(order, change), operation_id, cause)
        if stored.archived:
            self.orders.restore(order_id)
        return self._promise(command, cause, answer_for, gather=gather)

    def _stored(self, order_id: str) -> StoredOrder | OrderUnknown | PlatformAway:
        stored = self.orders.get(order_id)
        if stored is not None:
            return stored
        match self.sync_order.sync(order_id, cause="rest"):
            case Recorded(stored=stored):
                return stored
            case NotOnPlatform():
                return OrderUnknown(order_id=order_id)
            case PlatformAway() as away:
                return away

    def _promised_before(self, operation_id: str) -> Submitted | None:
        """Return the promise this very request made before its answer was lost.

        A repeated request meets an order that its own command may have changed: refusing it then would deny
        what was promised.
        """
        command = self.commands.get(operation_id)
        return Submitted(command=command, created=False) if command else None

    def _completed(self, order: Order, change: Change) -> Change:
        shop = self.shops.get(order.shop_id)
        if isinstance(change, Acknowledge) and change.merchant_order_reference is None and shop is not None:
            reference = order.merchant_order_reference or shop.reference_for(order.id)
            return Acknowledge(merchant_order_reference=reference)
        return change

    def _command(self, order: Order, change: Change, operation_id: str, cause: str) -> Command:
        return Command(
            id=operation_id,
            order_id=order.id,
            shop_id=order.shop_id,
            kind=kind_of(change),
            change=_named(change, operation_id),
            status=CommandStatus.PENDING,
            idempotency_key=self.new_key(),
            created_at=self.clock(),
            cause=cause,
        )

    def _promise(
        self,
        command: Command,
        cause: str,
        answer_for: Callable[[Command], IdempotentAnswer] | None,
        *,
        gather: bool,
    ) -> Submission:
        entry = TimelineEntry(
            at=command.created_at,
            what="command.accepted",
            cause=cause,
            detail={"command_id": command.id, "kind": command.kind.value},
        )
        acceptance = self.commands.accept(
            command,
            timeline=entry,
            once=command.kind is CommandKind.ACKNOWLEDGE,
            gather=gather and command.kind is CommandKind.ACKNOWLEDGE,
            answer=answer_for(command) if answer_for else None,
        )
        if acceptance.gathered:
            self.gather.joined(command.shop_id, acceptance.gathered)
        elif acceptance.head and acceptance.going_on < self.places:
            self.nudge.wake(command_wake(command.kind, acceptance.command_id, command.order_id))
        if acceptance.created:
            return Submitted(command=command, created=True)
        standing = self.commands.get(acceptance.command_id)
        if standing is None or standing.change == command.change or standing.id == command.id:
            return Submitted(command=standing or command, created=False)
        return Refusal(
            code="acknowledgement_pending",
            title="Another acknowledgement of the order is under way",
            detail=f"Command {standing.id} acknowledges order {command.order_id} under another reference.",
            cure=f"GET /v1/commands/{standing.id}; the reference can be set only once.",
        )


def _named(change: Change, operation_id: str) -> Change:
    """Give a shipment without an external id one: it is the handle to find it by after a lost answer."""
    if isinstance(change, Ship) and change.external_shipment_id is None:
        return Ship(
            items=change.items,
            ship_all_remaining=change.ship_all_remaining,
            tracking=change.tracking,
            external_shipment_id=f"ow_{operation_id}".replace("-", "_"),
            merchant_order_reference=change.merchant_order_reference,
        )
    return change
