"""Run a command: lease, prepare, decide, attempt, settle. Only this code changes orders on the platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from app.domain.admission import Paused
from app.domain.alerts import AlertKind
from app.domain.commands import Attempt, Command, CommandKind, CommandStatus
from app.domain.decide import Allowed, AlreadyDone, Refusal, decide
from app.domain.orders import Order
from app.domain.outcomes import Busy, Outcome, Refused, Unknown, outcome_name
from app.domain.readback import Applied, CannotTell, Evidence, all_refunded, read_back
from app.domain.retry import Done, Failed
from app.domain.shops import Shops
from app.domain.timeline import Cause
from app.graph.client import GraphClient
from app.graph.requests import wire_request
from app.queue.specs import sync_job
from app.services.batching import Batching, Ready
from app.services.enqueue import BURST, Enqueuer
from app.services.lease import LEASE_S, MAX_LOST_RUNS, Heartbeat
from app.services.record_order import Recorded
from app.services.settle import (
    Ending,
    EndsEarly,
    LeaseLost,
    RunResult,
    Settle,
    lease_lost,
    without_attempt,
)
from app.services.sync import NotOnPlatform, PlatformAway, SyncOrder
from app.store.commands import Commands, Lease, LeaseDenied
from app.store.orders import Orders
from app.store.syncs import PendingSync, Syncs

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """Runs the head of an order's lane, or a batch; what only a batch does is in `Batching`."""

    graph: GraphClient
    shops: Shops
    orders: Orders
    commands: Commands
    syncs: Syncs
    sync_order: SyncOrder
    batching: Batching
    settle: Settle
    heartbeat: Heartbeat
    enqueuer: Enqueuer
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def run(self, command_id: str) -> RunResult | LeaseDenied:
        """Lease the command and make one attempt, if it is due and the head of its lane.

        Returns how it was settled, or why it was not leased: it is done, waits behind another, is not due, or
        another worker holds its lease.
        """
        token = self.new_id()
        taken = self.commands.lease(command_id, token=token, now=self.clock(), lease_s=LEASE_S)
        return taken if isinstance(taken, LeaseDenied) else self.run_leased(taken, token)

    def run_leased(self, taken: Lease, token: str) -> RunResult:
        """Make one attempt for a command whose lease `token` holds; return how it was settled.

        Raises:
            StoreUnavailable: Redis failed during the run; the lease was given back if it returned in time.
        """
        command = taken.command
        with self.heartbeat.holding(command.id, token):
            try:
                if command.kind is CommandKind.ACKNOWLEDGE_BATCH:
                    ready = self.batching.decide(command, self.batching.prepare(taken))
                else:
                    ready = self._decide(command, self._prepare(taken))
                attempt, outcome = self._attempt(command, token, ready)
                if ready.members:
                    ending = self.batching.conclude(command, ready.members, attempt, outcome)
                else:
                    ending = self._conclude(taken, attempt, outcome, ready.evidence)
            except EndsEarly as early:
                ending = early.ending
            except LeaseLost:
                return lease_lost(command)
            return self.settle.settle(command, token, ending)

    def _prepare(self, taken: Lease) -> Order:
        """Return the order: the stored copy, or a new read if one is pending or a call was made."""
        command = taken.command
        if taken.lost_runs >= MAX_LOST_RUNS:
            raise EndsEarly(_quarantined(command, taken.lost_runs))
        if not command.attempts and not taken.read_pending:
            stored = taken.copy or self.orders.get(command.order_id)
            if stored is not None:
                return stored.order
        match self.sync_order.sync(command.order_id, cause=Cause.COMMAND, shop_id=command.shop_id):
            case Recorded(stored=stored):
                return stored.order
            case NotOnPlatform():
                detail = f"Order {command.order_id} is not on the platform any more; nothing was sent."
                raise EndsEarly(without_attempt(CommandStatus.FAILED, detail))
            case PlatformAway(held=True, detail=detail, retry_after_s=retry_after_s):
                until = self.clock() + timedelta(seconds=retry_after_s)
                raise EndsEarly(self.settle.paused(until=until, why=detail))
            case PlatformAway(detail=detail):
                # A failed read counts as an attempt, so that it is bounded like one; it sends nothing.
                outcome = Unknown(message=f"the order could not be read: {detail}")
                raise EndsEarly(self._conclude(taken, self.settle.new_attempt(command), outcome, None))

    def _decide(self, command: Command, order: Order) -> Ready:
        """Return the request to send, unless the order shows that nothing is to be sent."""
        evidence = read_back(order, command.change) if _uncertain(command) else None
        if isinstance(evidence, Applied):
            raise EndsEarly(without_attempt(CommandStatus.SUCCEEDED, evidence.evidence))
        change = command.change
        # If it cannot be told, the copy may show this very change: a decision would refuse what was applied.
        decision = decide(order, change, self.clock()) if not isinstance(evidence, CannotTell) else None
        match decision:
            case Refusal(code="order_processing", detail=detail) if _acknowledges_again(command):
                # The platform said so before, or a batch did: when released, it is acknowledged after all.
                outcome = Busy(message=detail)
                step = self.settle.next_step(command, outcome)
                raise EndsEarly(
                    self.settle.after_attempt(command, self.settle.new_attempt(command), outcome, step)
                )
            case Refusal() as refusal:
                detail = f"{refusal.code}: {refusal.detail} {refusal.hint}"
                raise EndsEarly(without_attempt(CommandStatus.FAILED, detail))
            case AlreadyDone(detail=detail):
                raise EndsEarly(without_attempt(CommandStatus.SUCCEEDED, detail))
            case Allowed():
                change = decision.change
        wire = command.wire or wire_request(command.order_id, change, command.idempotency_key)
        return Ready(wire=wire, evidence=evidence)

    def _attempt(self, command: Command, token: str, ready: Ready) -> tuple[Attempt, Outcome]:
        """Ask for admission, record the attempt with its exact bytes, and send it."""
        shop = self.shops.get(command.shop_id)
        if shop is None:
            detail = f"Shop {command.shop_id} is not configured any more; configure it and replay this."
            raise EndsEarly(without_attempt(CommandStatus.DEAD, detail))
        admitted = self.graph.admit(shop)
        if isinstance(admitted, Paused):
            why = f"shop {command.shop_id}: {admitted.text}"
            paused = self.settle.paused(until=admitted.until, why=why)
            raise EndsEarly(replace(paused, staying=ready.members))
        attempt = self.settle.new_attempt(command)
        if not self.commands.begin_attempt(command.id, token=token, attempt=attempt, wire=ready.wire):
            raise LeaseLost
        kind = CommandKind.ACKNOWLEDGE if ready.members else command.kind
        reply = self.graph.send(admitted, ready.wire, timeout_s=attempt.timeout_s, kind=kind)
        log.info(
            "attempt.finished",
            command_id=command.id,
            order_id=command.order_id,
            kind=command.kind.value,
            orders=len(ready.members) or 1,
            number=attempt.number,
            outcome=outcome_name(reply.outcome),
            trace=reply.fbtrace_id,
        )
        return attempt, reply.outcome

    def _conclude(
        self, taken: Lease, attempt: Attempt, outcome: Outcome, evidence: Evidence | None
    ) -> Ending:
        """Return what the outcome ends in; reads the order again, unless many more commands wait."""
        command = taken.command
        step = self.settle.next_step(command, outcome)
        # With many more to come the read becomes pending with the settlement, and one listing reads them all.
        by_list = isinstance(step, Done) and taken.waiting >= BURST
        if isinstance(step, Done | Failed) and not by_list:
            order = self._read_again(command)
            if isinstance(outcome, Refused) and outcome.already_refunded and order is not None:
                evidence = all_refunded(order, command.change)
                step = Done() if isinstance(evidence, Applied) else step
        ending = self.settle.after_attempt(command, attempt, outcome, step, evidence=evidence)
        return replace(ending, settlement=replace(ending.settlement, read_pending=by_list))

    def _read_again(self, command: Command) -> Order | None:
        """Read the order after an answer: the next command is decided on what it says now."""
        result = self.sync_order.sync(command.order_id, cause=Cause.COMMAND, shop_id=command.shop_id)
        if isinstance(result, PlatformAway):
            pending = PendingSync(order_id=command.order_id, shop_id=command.shop_id, cause=Cause.COMMAND)
            if self.syncs.add(pending, self.clock()):
                self.enqueuer.enqueue(sync_job(command.order_id))
        return result.stored.order if isinstance(result, Recorded) else None


def _quarantined(command: Command, lost_runs: int) -> Ending:
    detail = (
        f"Its worker died {lost_runs} times in a row while running it; it is not run again by itself. "
        f"Whether the last attempt was applied cannot be told: look at order {command.order_id} and at "
        "the workers' log. Dismiss it if the change is there; else replay it (it goes out under the "
        "same key, so the platform makes it once)."
    )
    return without_attempt(CommandStatus.DEAD, detail, AlertKind.QUARANTINE)


def _uncertain(command: Command) -> bool:
    """Return whether the last attempt may have been applied although its answer was lost."""
    return bool(command.attempts) and command.attempts[-1].outcome in (None, "unknown")


def _acknowledges_again(command: Command) -> bool:
    return command.kind is CommandKind.ACKNOWLEDGE and bool(command.attempts)
