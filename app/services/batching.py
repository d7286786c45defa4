"""Batching: what only a batch of acknowledgements does when it runs; its orders are settled one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from msgspec import structs

from app.domain.admission import Purpose
from app.domain.commands import Acknowledge, Attempt, Command, CommandStatus, WireRequest
from app.domain.compare import compare
from app.domain.decide import Allowed, decide
from app.domain.orders import Order, OrderState, PlatformOrder
from app.domain.outcomes import Accepted, Busy, Outcome, Refused, Unknown
from app.domain.readback import Applied, Evidence, read_back
from app.domain.retry import Again, Done, Failed, NextStep
from app.domain.shops import Shop, Shops
from app.domain.timeline import Cause
from app.graph.client import GraphClient
from app.graph.errors import outcome_of_entry
from app.graph.failures import GraphError, ReadPaused
from app.graph.requests import wire_batch
from app.services.lease import MAX_LOST_RUNS
from app.services.record_order import OrderContended, RecordOrder
from app.services.settle import Ending, EndsEarly, Settle
from app.store.batches import Batches
from app.store.commands import Lease, Settlement
from app.store.orders import NewCopy, Orders, SealedBuyer, StoredOrder, WriteResult

# A read-back lists what changed since the attempt: an order that is not listed was not acknowledged by it.
# The clocks of the platform and of this process may differ by this.
CLOCKS_S = 120.0
# A thousand orders changed since the attempt; an order behind them counts as not read, and is sent again.
MAX_PAGES = 40
# An acknowledged order is in one of these states.
ACKNOWLEDGED_STATES = (OrderState.IN_PROGRESS, OrderState.COMPLETED)
# A copy that others write meanwhile is tried again this often; after that what they wrote is newer.
MAX_WRITES = 5
_UNTOUCHED = SealedBuyer(buyer=None, shipping_address=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The request that a run sends, with the `members` of a batch and the `evidence` of a read-back."""

    wire: WireRequest
    members: Sequence[Command] = ()
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """Prepares and concludes runs of batches.

    Whenever a run dies, the next one can continue: the members of a batch and what it sends are recorded
    before the call, and a member that was settled is not in it any more.
    """

    graph: GraphClient
    shops: Shops
    orders: Orders
    batches: Batches
    record_order: RecordOrder
    settle: Settle
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    new_key: Callable[[], str]
    read_timeout_s: float

    def prepare(self, taken: Lease) -> list[Command]:
        """Return the members; after a lost answer, those that the platform does not show as acknowledged.

        Raises:
            EndsEarly: the batch is not tried again, its shop is paused, or its orders cannot be read now.
        """
        batch = taken.command
        members, shop = self.batches.members(batch.id), self.shops.get(batch.shop_id)
        if not members:
            return members
        if taken.lost_runs >= MAX_LOST_RUNS:
            detail = f"The batch's worker died {taken.lost_runs} times in a row while running it."
            raise EndsEarly(self._given_up(batch, members, detail))
        if shop is None:
            detail = f"Shop {batch.shop_id} is not configured any more; configure it and replay this."
            raise EndsEarly(self._given_up(batch, members, detail))
        if not batch.attempts:
            return members
        try:
            self._list(shop, members, since=batch.attempts[0].started_at)
        except ReadPaused as paused:
            ending = self.settle.paused(until=paused.until, why=str(paused))
            raise EndsEarly(replace(ending, staying=members)) from paused
        except (GraphError, OrderContended) as error:
            # A failed read counts as an attempt, so that it is bounded like one; it sends nothing.
            outcome = Unknown(message=f"the orders could not be read: {error}")
            ending = self.conclude(batch, members, self.settle.new_attempt(batch), outcome)
            raise EndsEarly(ending) from error
        return self._settle_some(batch, members, _applied)

    def decide(self, batch: Command, members: Sequence[Command]) -> Ready:
        """Return the one request for the members that their copies allow; release the others to run alone.

        Raises:
            EndsEarly: no member is left.
        """
        if batch.wire is None:
            members = self._settle_some(batch, members, self._refused)
        if not members:
            raise EndsEarly(Ending(settlement=Settlement(status=CommandStatus.SUCCEEDED)))
        return Ready(wire=batch.wire or _wire(batch, members), members=members)

    def conclude(
        self, batch: Command, members: Sequence[Command], attempt: Attempt, outcome: Outcome
    ) -> Ending:
        """Return the ending of the batch, and of each member by its own entry of the answer.

        A coded error for the whole batch says nothing about any one order: each runs again alone, under a
        new key, so that one of them cannot delay the others.
        """
        outcomes: dict[str, Outcome]
        step: NextStep
        match outcome:
            case Accepted():
                step, outcomes = Done(), _outcomes(outcome, members)
                accepted = [member for member in members if isinstance(outcomes[member.id], Accepted)]
                # First the copies: the command behind a member in its lane is decided on them.
                self.note_acknowledged(accepted, answered_at=self.clock())
            case Refused(code=code, message=message) | Busy(code=code, message=message):
                outcomes = {member.id: Busy(code=code, message=message) for member in members}
                step = Failed()
            case _:
                step = self.settle.next_step(batch, outcome)
                if isinstance(step, Again):
                    return replace(self.settle.after_attempt(batch, attempt, outcome, step), staying=members)
                step, outcomes = Failed(), dict.fromkeys((member.id for member in members), outcome)
        leaving = [
            (member, self._member_ending(batch, member, attempt, outcomes[member.id])) for member in members
        ]
        return replace(self.settle.after_attempt(batch, attempt, outcome, step), leaving=leaving)

    def note_acknowledged(self, commands: Sequence[Command], *, answered_at: datetime) -> None:
        """Move the copies of these accepted acknowledgements to IN_PROGRESS without reading each again.

        A copy keeps its update time, so that the platform's own next version of the order replaces it.
        """
        wanted = {command.order_id: command for command in commands}
        for _ in range(MAX_WRITES):
            if not wanted:
                return
            writes = [
                self._moved(copy, wanted[copy.order.id], answered_at)
                for copy in self.orders.get_many(list(wanted))
                if copy is not None and copy.order.state is OrderState.CREATED
            ]
            results = self.orders.write_many(writes)
            wanted = {
                write.order.id: wanted[write.order.id]
                for write, result in zip(writes, results, strict=True)
                if result is WriteResult.CONFLICT
            }

    def _moved(self, copy: StoredOrder, command: Command, answered_at: datetime) -> NewCopy:
        reference = copy.order.merchant_order_reference or _reference(command)
        order = structs.replace(copy.order, state=OrderState.IN_PROGRESS, merchant_order_reference=reference)
        return NewCopy(
            order=order,
            sealed=_UNTOUCHED,
            expected_version=copy.version,
            read_at=answered_at,
            write_id=self.new_id(),
            timeline=compare(copy.order, order, at=self.clock(), cause=Cause.COMMAND),
        )

    def _list(self, shop: Shop, members: Sequence[Command], *, since: datetime) -> None:
        """Record the members' orders that changed since then, by the shop's list."""
        unseen = {member.order_id for member in members}
        pages = self.graph.list_orders(
            shop,
            states=ACKNOWLEDGED_STATES,
            updated_after=since - timedelta(seconds=CLOCKS_S),
            purpose=Purpose.COMMAND,
            timeout_s=self.read_timeout_s,
        )
        for _ in range(MAX_PAGES):
            read_at = self.clock()
            page = next(pages, None) if unseen else None
            if page is None:
                return
            reads = [
                read for read in page.orders if isinstance(read, PlatformOrder) and read.order.id in unseen
            ]
            self.record_order.record_many(reads, read_at=read_at, cause=Cause.COMMAND)
            unseen -= {read.order.id for read in reads}

    def _settle_some(
        self,
        batch: Command,
        members: Sequence[Command],
        ending_of: Callable[[Command, Command, Order], Ending | None],
    ) -> list[Command]:
        """Settle the members to whose copies `ending_of` gives an ending; return the others."""
        copies = self.orders.get_many([member.order_id for member in members])
        endings = [
            (member, ending_of(batch, member, copy.order) if copy is not None else None)
            for member, copy in zip(members, copies, strict=True)
        ]
        self.settle.settle_many([(one, ending) for one, ending in endings if ending], token=batch.id)
        return [one for one, ending in endings if ending is None]

    def _refused(self, _batch: Command, member: Command, order: Order) -> Ending | None:
        """Return the ending of a member that is released to run alone; nothing was sent for it yet."""
        now = self.clock()
        if isinstance(decide(order, member.change, now), Allowed):
            return None
        return Ending(
            settlement=Settlement(
                status=CommandStatus.WAITING,
                next_attempt_at=now,
                idempotency_key=self.new_key(),
                keep_wire=False,
            )
        )

    def _member_ending(self, batch: Command, member: Command, attempt: Attempt, outcome: Outcome) -> Ending:
        if isinstance(outcome, Refused) and outcome.not_created:
            # Acknowledged already, or not released yet: the order shows which when its command runs alone.
            step: NextStep = Again(after_s=0.0, new_key=True)
        else:
            step = self.settle.next_step(batch, outcome)
        ending = self.settle.after_attempt(member, attempt, outcome, step, member=True)
        failed = ending.settlement.status is CommandStatus.FAILED
        return replace(ending, settlement=replace(ending.settlement, read_pending=failed))

    def _given_up(self, batch: Command, members: Sequence[Command], detail: str) -> Ending:
        """Return the ending of a batch that is not tried again: one dead letter per order."""
        text = f"{detail} Replay this when the cause is gone, or dismiss it; it then goes out alone."
        last = batch.attempts[-1] if batch.attempts else None
        dead = Settlement(status=CommandStatus.DEAD, attempt=last, keep_wire=False, error=text)
        leaving = [(one, Ending(settlement=replace(dead, idempotency_key=self.new_key()))) for one in members]
        return Ending(settlement=Settlement(status=CommandStatus.FAILED, error=detail), leaving=leaving)


def _applied(batch: Command, member: Command, order: Order) -> Ending | None:
    """Return the ending of a member whose order shows that the lost attempt was applied."""
    evidence = read_back(order, member.change)
    if not isinstance(evidence, Applied):
        return None
    done = Settlement(
        status=CommandStatus.SUCCEEDED,
        attempt=batch.attempts[-1],
        idempotency_key=batch.idempotency_key,
        keep_wire=False,
    )
    return Ending(settlement=done, entry=("command.converged", {"detail": evidence.evidence}))


def _wire(batch: Command, members: Sequence[Command]) -> WireRequest:
    orders = [(member.order_id, _reference(member)) for member in members]
    return wire_batch(batch.shop_id, orders, batch.idempotency_key)


def _reference(member: Command) -> str | None:
    return member.change.merchant_order_reference if isinstance(member.change, Acknowledge) else None


def _outcomes(accepted: Accepted, members: Sequence[Command]) -> dict[str, Outcome]:
    listed = accepted.answer.get("orders")
    entries: Mapping[str, Mapping[str, object]] = {
        str(entry.get("id")): entry
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict)
    }
    # A missing entry says as little as one that cannot be read.
    return {member.id: outcome_of_entry(entries.get(member.order_id, {})) for member in members}
