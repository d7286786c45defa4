"""Submit a change: decide it on the stored copy and accept it as a durable command, or say why not."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from app.domain.commands import Acknowledge, Change, Command, CommandKind, CommandStatus, Ship
from app.domain.decide import Refusal, decide
from app.domain.orders import Order
from app.domain.shops import Shops
from app.domain.timeline import Cause, TimelineEntry
from app.queue.specs import command_job
from app.services.enqueue import Enqueuer
from app.services.gather import Gather
from app.services.record_order import OrderContended, Recorded
from app.services.sync import NotOnPlatform, PlatformAway, SyncOrder
from app.store.commands import Commands
from app.store.idempotency import IdempotentAnswer
from app.store.orders import Orders, StoredOrder
from app.store.syncs import Syncs

# Most commands end within a fraction of a second, so the first looks are close together.
FIRST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The command is durable. `created` is False when the same command was accepted before."""

    command: Command
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnknown:
    """Neither Orderwire nor the platform knows an order of that id."""

    order_id: str


Submission = Submitted | Refusal | OrderUnknown | PlatformAway


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitChange:
    """Accepts a change of one order; `max_concurrency` commands run at a time in all workers together."""

    orders: Orders
    commands: Commands
    sync_order: SyncOrder
    shops: Shops
    enqueuer: Enqueuer
    gather: Gather
    max_concurrency: int
    clock: Callable[[], datetime]
    new_key: Callable[[], str]

    def submit(
        self,
        order_id: str,
        build: Callable[[Order], Change | Refusal],
        *,
        cause: Cause,
        operation_id: str,
        gather: bool = False,
        answer_for: Callable[[Command], IdempotentAnswer] | None = None,
    ) -> Submission:
        """Return the command that will make the change `build` makes of the order, or why there is none.

        `operation_id` becomes the command's id: submitting it again returns the command accepted before.
        `gather` lets an acknowledgement wait for others, to go out in one batch. `answer_for` gives the
        answer for the caller, stored in the same write as the command.

        Raises:
            LaneFull: the order has as many open commands as one order may have.
        """
        stored = self._stored(order_id)
        if isinstance(stored, OrderUnknown | PlatformAway):
            return stored
        order = stored.order
        change = build(order)
        if isinstance(change, Refusal):
            return self._accepted_before(operation_id) or change
        decision = decide(order, change, self.clock())
        if isinstance(decision, Refusal):
            return self._accepted_before(operation_id) or decision
        command = self._command(order, change, operation_id, cause)
        if stored.archived:
            self.orders.restore(order_id)
        answer = answer_for(command) if answer_for else None
        return self._accept(command, answer, gather=gather and command.kind is CommandKind.ACKNOWLEDGE)

    def _stored(self, order_id: str) -> StoredOrder | OrderUnknown | PlatformAway:
        stored = self.orders.get(order_id)
        if stored is not None:
            return stored
        match self.sync_order.sync(order_id, cause=Cause.REST):
            case Recorded(stored=stored):
                return stored
            case NotOnPlatform():
                return OrderUnknown(order_id=order_id)
            case PlatformAway() as away:
                return away

    def _accepted_before(self, operation_id: str) -> Submitted | None:
        """Return the command that this very request made before its answer was lost.

        A repeated request finds an order that its own command may have changed: a refusal would contradict
        what was accepted.
        """
        command = self.commands.get(operation_id)
        return Submitted(command=command, created=False) if command else None

    def _command(self, order: Order, change: Change, operation_id: str, cause: Cause) -> Command:
        match change:
            case Acknowledge(merchant_order_reference=None):
                shop = self.shops.get(order.shop_id)
                if shop is not None:
                    reference = order.merchant_order_reference or shop.reference_for(order.id)
                    change = Acknowledge(merchant_order_reference=reference)
            case Ship(external_shipment_id=None):
                # By this id the shipment is found after a lost answer.
                change = replace(change, external_shipment_id=f"ow_{operation_id}".replace("-", "_"))
        return Command(
            id=operation_id,
            order_id=order.id,
            shop_id=order.shop_id,
            kind=change.kind,
            change=change,
            status=CommandStatus.PENDING,
            idempotency_key=self.new_key(),
            created_at=self.clock(),
            cause=cause,
        )

    def _accept(self, command: Command, answer: IdempotentAnswer | None, *, gather: bool) -> Submission:
        entry = TimelineEntry(
            at=command.created_at,
            what="command.accepted",
            cause=command.cause,
            detail={"command_id": command.id, "kind": command.kind.value},
        )
        acceptance = self.commands.accept(
            command,
            timeline=entry,
            once=command.kind is CommandKind.ACKNOWLEDGE,
            gather=gather,
            answer=answer,
        )
        if acceptance.gathered:
            self.gather.joined(command.shop_id, acceptance.gathered)
        elif acceptance.head and acceptance.active_consumers < self.max_concurrency:
            self.enqueuer.enqueue(command_job(command.kind, acceptance.command_id, command.order_id))
        if acceptance.created:
            return Submitted(command=command, created=True)
        standing = self.commands.get(acceptance.command_id)
        if standing is None or standing.change == command.change or standing.id == command.id:
            return Submitted(command=standing or command, created=False)
        return Refusal(
            code="acknowledgement_pending",
            title="Another acknowledgement of the order is open",
            detail=f"Command {standing.id} acknowledges order {command.order_id} under another reference.",
            hint=f"GET /v1/commands/{standing.id}; the reference can be set only once.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCommand:
    """Waits until a command has left its lane, or the time is up."""

    commands: Commands
    syncs: Syncs
    sync_order: SyncOrder

    def wait(self, command_id: str, timeout_s: float) -> Command | None:
        """Return the command as it is at the end of the wait; None when there is no such command.

        If it succeeded and a read of its order is pending, that read is made first, so that the copy shows
        the change.
        """
        deadline = time.monotonic() + timeout_s
        pause_s = FIRST_PAUSE_S
        while True:
            command = self.commands.get(command_id)
            left_s = deadline - time.monotonic()
            if command is None or left_s <= 0:
                return command
            if command.status.final:
                self._read(command)
                return command
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)

    def _read(self, command: Command) -> None:
        if command.status is CommandStatus.SUCCEEDED and self.syncs.get(command.order_id) is not None:
            # When the platform is away or others write the copy, the read stays pending.
            with suppress(OrderContended):
                self.sync_order.sync(command.order_id, cause=Cause.REST, shop_id=command.shop_id)
