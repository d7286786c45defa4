"""Run a command: one attempt to keep its promise. The only code that changes anything on the platform."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.domain.commands import Attempt, Command, CommandKind, CommandStatus, WireRequest
from app.domain.decide import Allowed, AlreadyDone, Refusal, decide
from app.domain.gates import Closed
from app.domain.orders import Order
from app.domain.outcomes import Busy, Outcome, Refused, Unknown, outcome_name
from app.domain.readback import ALREADY_REFUNDED, Applied, CannotTell, Evidence, all_refunded, read_back
from app.domain.retry import Done, Failed
from app.domain.shops import Shops
from app.graph.client import GraphClient
from app.graph.requests import wire_request
from app.queues import sync_wake
from app.services.heartbeat import LEASE_S, Heartbeat
from app.services.nudge import Nudge
from app.services.record_order import Recorded
from app.services.settle_batch import NOT_CREATED
from app.services.settle_command import Ran, SettleCommand, counted_attempts, lease_lost
from app.services.sync import NotOnPlatform, PlatformAway, SyncOrder
from app.services.wake_owed import BURST
from app.store.commands import Commands, NotTaken, Taken
from app.store.connection import StoreUnavailable
from app.store.orders import Orders
from app.store.syncs import OwedSync, Syncs

log = structlog.get_logger()

# A command whose worker died this often in a row while it ran is given to a person, before it kills more.
MAX_LOST_RUNS = 3
# When Redis goes away under a run, its lease is given back if Redis returns within these pauses; they end
# before the lease does, and the sweep takes over then.
GIVE_BACK_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """Runs the head of an order's lane."""

    graph: GraphClient
    shops: Shops
    orders: Orders
    commands: Commands
    syncs: Syncs
    sync_order: SyncOrder
    settle_command: SettleCommand
    heartbeat: Heartbeat
    nudge: Nudge
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def run(self, command_id: str) -> Ran | NotTaken:
        """Make one attempt for the command if it is due and the head of its lane.

        Returns what it was settled as, or why it was not taken: it is done, waits behind another, is not
        due, or somebody else holds its lease.
        """
        token = self.new_id()
        taken = self.commands.take(command_id, token=token, now=self.clock(), lease_s=LEASE_S)
        return taken if isinstance(taken, NotTaken) else self.run_taken(taken, token)

    def run_taken(self, taken: Taken, token: str) -> Ran:
        """Make one attempt for a command whose lease `token` holds; return what it was settled as."""
        with self.heartbeat.holding(taken.command.id, token):
            try:
                return self._run(taken, token)
            except StoreUnavailable:
                self._give_back(taken.command.id, token)
                raise

    def _run(self, taken: Taken, token: str) -> Ran:
        settle, command = self.settle_command, taken.command
        if taken.lost_runs >= MAX_LOST_RUNS:
            return settle.quarantined(command, token, taken.lost_runs)
        order = self._copy(taken)
        if isinstance(order, PlatformAway):
            return self._unread(taken, token, order)
        if isinstance(order, NotOnPlatform):
            detail = f"Order {command.order_id} is not on the platform any more; nothing was sent."
            return settle.without_attempt(command, token, CommandStatus.FAILED, detail)
        return self._decided(taken, token, order)

    def _unread(self, taken: Taken, token: str, away: PlatformAway) -> Ran:
        if away.held:
            until = self.clock() + timedelta(seconds=away.retry_after_s)
            return self.settle_command.parked(taken.command, token, until=until, why=away.detail)
        # A read-back that failed counts like an attempt: it is bounded like one, and sends nothing.
        outcome = Unknown(message=f"the order could not be read: {away.detail}")
        return self._settled(taken, token, self._begun(taken.command), outcome, None)

    def _decided(self, taken: Taken, token: str, order: Order) -> Ran:
        settle, command = self.settle_command, taken.command
        evidence = read_back(order, command.change) if _uncertain(command) else None
        if isinstance(evidence, Applied):
            return settle.without_attempt(command, token, CommandStatus.SUCCEEDED, evidence.evidence)
        if isinstance(evidence, CannotTell):
            # Today's copy may show the very change: deciding on it would refuse what was applied.
            return self._attempt(taken, token, command.wire, evidence)
        match decide(order, command.change, self.clock()):
            case Refusal(code="order_processing", detail=detail) if _acknowledges_again(command):
                # The platform said so before, or a batch it was in: released, it is acknowledged after all.
                waits = Busy(code=NOT_CREATED, message=detail)
                return self._settled(taken, token, self._begun(command), waits, None)
            case Refusal() as refusal:
                detail = f"{refusal.code}: {refusal.detail} {refusal.cure}"
                return settle.without_attempt(command, token, CommandStatus.FAILED, detail)
            case AlreadyDone(detail=detail):
                return settle.without_attempt(command, token, CommandStatus.SUCCEEDED, detail)
            case Allowed(change=change):
                wire = command.wire or wire_request(command.order_id, change, command.idempotency_key)
                return self._attempt(taken, token, wire, evidence)

    def _copy(self, taken: Taken) -> Order | PlatformAway | NotOnPlatform:
        """Return today's copy: the stored one, read again when it is owed a sync or an attempt was made."""
        command = taken.command
        if not command.attempts and not taken.read_owed:
            stored = taken.copy or self.orders.get(command.order_id)
            if stored is not None:
                return stored.order
        match self.sync_order.sync(command.order_id, cause="command", shop_id=command.shop_id):
            case Recorded(stored=stored):
                return stored.order
            case other:
                return other

    def _attempt(self, taken: Taken, token: str, wire: WireRequest | None, evidence: Evidence | None) -> Ran:
        command = taken.command
        shop = self.shops.get(command.shop_id)
        if shop is None:
            detail = f"Shop {command.shop_id} is not configured any more; configure it and replay this."
            return self.settle_command.without_attempt(command, token, CommandStatus.DEAD, detail)
        admitted = self.graph.admit(shop)
        if isinstance(admitted, Closed):
            why = f"shop {command.shop_id}: {admitted.text}"
            return self.settle_command.parked(command, token, until=admitted.until, why=why)
        wire = wire or wire_request(command.order_id, command.change, command.idempotency_key)
        attempt = self._begun(command)
        if not self.commands.begin_attempt(command.id, token=token, attempt=attempt, wire=wire):
            return lease_lost(command)
        reply = self.graph.send(admitted, wire, timeout_s=attempt.timeout_s, kind=command.kind)
        log.info(
            "attempt.finished",
            command_id=command.id,
            order_id=command.order_id,
            kind=command.kind.value,
            number=attempt.number,
            outcome=outcome_name(reply.outcome),
            trace=reply.fbtrace_id,
        )
        return self._settled(taken, token, attempt, reply.outcome, evidence)

    def _begun(self, command: Command) -> Attempt:
        return Attempt(
            number=command.attempts[-1].number + 1 if command.attempts else 1,
            started_at=self.clock(),
            timeout_s=self.settle_command.policy.timeout_s(counted_attempts(command) + 1),
            idempotency_key=command.idempotency_key,
        )

    def _settled(
        self, taken: Taken, token: str, attempt: Attempt, outcome: Outcome, evidence: Evidence | None
    ) -> Ran:
        command = taken.command
        step = self.settle_command.next_step(command, outcome)
        # With many more to come, the read is owed with the settlement, and bought by list.
        by_list = isinstance(step, Done) and taken.waiting >= BURST
        if isinstance(step, Done | Failed) and not by_list:
            order = self._read_again(command)
            if isinstance(outcome, Refused) and outcome.code in ALREADY_REFUNDED and order is not None:
                evidence = all_refunded(order, command.change)
                step = Done() if isinstance(evidence, Applied) else step
        return self.settle_command.after_attempt(
            command, token, attempt, outcome=outcome, step=step, evidence=evidence, owe_read=by_list
        )

    def _read_again(self, command: Command) -> Order | None:
        """Read the order after an answer: what it says now is the copy the next command is decided on."""
        result = self.sync_order.sync(command.order_id, cause="command", shop_id=command.shop_id)
        if isinstance(result, PlatformAway):
            owed = OwedSync(order_id=command.order_id, shop_id=command.shop_id, cause="command")
            if self.syncs.owe(owed, self.clock()):
                self.nudge.wake(sync_wake(command.order_id))
        return result.stored.order if isinstance(result, Recorded) else None

    def _give_back(self, command_id: str, token: str) -> None:
        for pause_s in GIVE_BACK_PAUSES_S:
            try:
                self.commands.release(command_id, token=token, now=self.clock())
            except StoreUnavailable:
                time.sleep(pause_s)
            else:
                return
        log.warning("command.lease_left", command_id=command_id)


def _uncertain(command: Command) -> bool:
    """Return whether the last attempt may have been applied without our hearing of it."""
    return bool(command.attempts) and command.attempts[-1].outcome in (None, "unknown")


def _acknowledges_again(command: Command) -> bool:
    return command.kind is CommandKind.ACKNOWLEDGE and bool(command.attempts)
