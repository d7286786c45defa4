"""Acknowledge a batch: one call for up to a hundred orders, and each order settled by its own entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from app.domain.commands import Acknowledge, Attempt, Command, CommandKind, WireRequest
from app.domain.decide import Allowed, decide
from app.domain.gates import Closed
from app.domain.outcomes import Accepted, Outcome, Unknown, outcome_name
from app.domain.readback import Applied, read_back
from app.domain.shops import Shop, Shops
from app.graph.client import GraphClient
from app.graph.errors import outcome_of_entry
from app.graph.failures import GraphError, ReadPaused
from app.graph.requests import wire_batch
from app.services.heartbeat import LEASE_S, Heartbeat
from app.services.list_members import ListMembers
from app.services.note_acknowledged import NoteAcknowledged
from app.services.record_order import OrderContended
from app.services.settle_batch import BatchRan, SettleBatch
from app.services.settle_command import counted_attempts
from app.store.batches import Batches
from app.store.commands import Commands, NotTaken, Taken
from app.store.connection import StoreUnavailable
from app.store.orders import Orders

log = structlog.get_logger()

# A batch whose worker died this often in a row while it ran is given to people, before it kills more.
MAX_LOST_RUNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeBatch:
    """Runs batches. Its phases are those of `RunCommand`; what differs is that a batch has many orders."""

    graph: GraphClient
    shops: Shops
    orders: Orders
    commands: Commands
    batches: Batches
    list_members: ListMembers
    note_acknowledged: NoteAcknowledged
    settle_batch: SettleBatch
    heartbeat: Heartbeat
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def run(self, batch_id: str) -> BatchRan | NotTaken:
        """Make one attempt for the batch if it is due.

        Whatever moment a run dies in, the next one goes on: who is in the batch and what it sends are
        written down before the call, and a member that was settled is not in it any more.
        """
        token = self.new_id()
        taken = self.commands.take(batch_id, token=token, now=self.clock(), lease_s=LEASE_S)
        if isinstance(taken, NotTaken):
            return taken
        with self.heartbeat.holding(batch_id, token):
            try:
                return self._run(taken, token)
            except StoreUnavailable:
                log.warning("batch.lease_left", batch_id=batch_id)
                raise

    def _run(self, taken: Taken, token: str) -> BatchRan:
        batch, settle = taken.command, self.settle_batch
        members = self.batches.members(batch.id)
        shop = self.shops.get(batch.shop_id)
        if not members:
            return settle.done(batch, token)
        if taken.lost_runs >= MAX_LOST_RUNS:
            detail = f"The batch's worker died {taken.lost_runs} times in a row while running it."
            return settle.given_up(batch, token, members, detail)
        if shop is None:
            detail = f"Shop {batch.shop_id} is not configured any more; configure it and replay this."
            return settle.given_up(batch, token, members, detail)
        if batch.attempts:
            try:
                members = self._read_back(batch, members, shop)
            except ReadPaused as paused:
                return settle.parked(batch, token, members, until=paused.until, why=str(paused))
            except (GraphError, OrderContended) as error:
                return self._unread(batch, token, members, error)
        if batch.wire is None:
            members = self._decided(batch, members)
        if not members:
            return settle.done(batch, token)
        return self._attempt(batch, token, members, shop)

    def _unread(self, batch: Command, token: str, members: Sequence[Command], error: Exception) -> BatchRan:
        # A read-back that failed counts like an attempt: it is bounded like one, and sends nothing.
        outcome = Unknown(message=f"the orders could not be read: {error}")
        return self.settle_batch.unanswered(batch, token, members, self._begun(batch), outcome)

    def _read_back(self, batch: Command, members: Sequence[Command], shop: Shop) -> list[Command]:
        """Settle what was applied by an attempt whose answer was lost; return the rest."""
        self.list_members.read(shop, members, since=batch.attempts[0].started_at)
        copies = self.orders.get_many([member.order_id for member in members])
        left: list[Command] = []
        applied: dict[str, str] = {}
        for member, copy in zip(members, copies, strict=True):
            evidence = read_back(copy.order, member.change) if copy is not None else None
            if isinstance(evidence, Applied):
                applied[member.id] = evidence.evidence
            else:
                left.append(member)
        shown = [member for member in members if member.id in applied]
        self.settle_batch.converged(batch, shown, applied, attempt=batch.attempts[-1])
        return left

    def _decided(self, batch: Command, members: Sequence[Command]) -> list[Command]:
        """Let go on alone those that today's copy does not allow; return the rest. Nothing was sent yet."""
        copies = self.orders.get_many([member.order_id for member in members])
        now = self.clock()
        allowed = [
            copy is None or isinstance(decide(copy.order, member.change, now), Allowed)
            for member, copy in zip(members, copies, strict=True)
        ]
        leaving = [member for member, stays in zip(members, allowed, strict=True) if not stays]
        self.settle_batch.released(batch, leaving)
        return [member for member, stays in zip(members, allowed, strict=True) if stays]

    def _attempt(self, batch: Command, token: str, members: Sequence[Command], shop: Shop) -> BatchRan:
        settle = self.settle_batch
        admitted = self.graph.admit(shop)
        if isinstance(admitted, Closed):
            why = f"shop {shop.id}: {admitted.text}"
            return settle.parked(batch, token, members, until=admitted.until, why=why)
        wire = batch.wire or _wire(batch, members)
        attempt = self._begun(batch)
        if not self.commands.begin_attempt(batch.id, token=token, attempt=attempt, wire=wire):
            return settle.lease_lost(batch)
        reply = self.graph.send(admitted, wire, timeout_s=attempt.timeout_s, kind=CommandKind.ACKNOWLEDGE)
        log.info(
            "batch.attempted",
            batch_id=batch.id,
            orders=len(members),
            number=attempt.number,
            outcome=outcome_name(reply.outcome),
            trace=reply.fbtrace_id,
        )
        if not isinstance(reply.outcome, Accepted):
            return settle.unanswered(batch, token, members, attempt, reply.outcome)
        outcomes = _outcomes(reply.outcome, members)
        done = [member for member in members if isinstance(outcomes[member.id], Accepted)]
        # First the copies: what waits behind a member in its lane is decided on them.
        self.note_acknowledged.note(done, answered_at=self.clock())
        return settle.answered(batch, token, members, attempt, outcomes)

    def _begun(self, batch: Command) -> Attempt:
        return Attempt(
            number=batch.attempts[-1].number + 1 if batch.attempts else 1,
            started_at=self.clock(),
            timeout_s=self.settle_batch.policy.timeout_s(counted_attempts(batch) + 1),
            idempotency_key=batch.idempotency_key,
        )


def _wire(batch: Command, members: Sequence[Command]) -> WireRequest:
    orders = [(member.order_id, _reference(member)) for member in members]
    return wire_batch(batch.shop_id, orders, batch.idempotency_key)


def _reference(member: Command) -> str | None:
    return member.change.merchant_order_reference if isinstance(member.change, Acknowledge) else None


def _outcomes(accepted: Accepted, members: Sequence[Command]) -> dict[str, Outcome]:
    listed = accepted.answer.get("orders")
    entries = {
        str(entry.get("id")): entry
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict)
    }
    # An entry that is not there says as little as one that cannot be read.
    return {member.id: outcome_of_entry(entries.get(member.order_id, {})) for member in members}
