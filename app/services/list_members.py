"""List members: read the orders of a batch back by the shop's list, after an answer that was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.commands import Command
from app.domain.gates import Closed, Purpose
from app.domain.orders import OrderState, PlatformOrder
from app.domain.shops import Shop
from app.domain.timeline import Cause
from app.graph.client import GraphClient
from app.graph.failures import GraphError, ReadHeld
from app.services.gate_keeper import GateKeeper
from app.services.record_order import OrderContended, RecordOrder

# Only what changed since the attempt is listed: an order that is not shown was not acknowledged by it. Two
# clocks may differ by this.
CLOCKS_S = 120.0
# A thousand orders changed since the attempt; what lies behind them counts as not read, and is sent again.
MAX_PAGES = 40
# A hold that does not say how long it lasts is looked at again after this.
HELD_S = 60.0
# What an acknowledged order can be in.
STATES = (OrderState.IN_PROGRESS, OrderState.COMPLETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAway:
    """The orders could not be read now."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHeldBack:
    """Nothing failed: the shop's gate is closed, or the platform asks to wait."""

    detail: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMembers:
    """Keeps the copies of a batch's orders true."""

    graph: GraphClient
    record_order: RecordOrder
    gate_keeper: GateKeeper
    clock: Callable[[], datetime]
    read_timeout_s: float

    def read(
        self, shop: Shop, members: Sequence[Command], *, since: datetime
    ) -> ReadAway | ReadHeldBack | None:
        """Write down how those of the orders stand that changed since then; None when that was done."""
        passage = self.gate_keeper.ask(shop.id, Purpose.COMMAND)
        if isinstance(passage, Closed):
            return ReadHeldBack(detail=f"shop {shop.id}: {passage.text}", until=passage.until)
        unseen = {member.order_id for member in members}
        pages = self.graph.list_orders(
            shop,
            states=STATES,
            updated_after=since - timedelta(seconds=CLOCKS_S),
            timeout_s=self.read_timeout_s,
        )
        try:
            for _ in range(MAX_PAGES):
                read_at = self.clock()
                page = next(pages, None)
                if page is None or not unseen:
                    return None
                reads = [
                    read
                    for read in page.orders
                    if isinstance(read, PlatformOrder) and read.order.id in unseen
                ]
                self.record_order.record_many(reads, read_at=read_at, cause=Cause.COMMAND)
                unseen -= {read.order.id for read in reads}
        except ReadHeld as held:
            until = self.clock() + timedelta(seconds=held.outcome.wait_s or HELD_S)
            return ReadHeldBack(detail=f"shop {shop.id}: {held}", until=until)
        except (GraphError, OrderContended) as error:
            return ReadAway(detail=f"shop {shop.id}: {error}")
        return None
