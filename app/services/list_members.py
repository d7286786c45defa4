"""List members: read the orders of a batch back by the shop's list, after an answer that was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.commands import Command
from app.domain.gates import Purpose
from app.domain.orders import OrderState, PlatformOrder
from app.domain.shops import Shop
from app.graph.client import GraphClient
from app.services.record_order import RecordOrder

# Only what changed since the attempt is listed: an order that is not shown was not acknowledged by it. Two
# clocks may differ by this.
CLOCKS_S = 120.0
# A thousand orders changed since the attempt; what lies behind them counts as not read, and is sent again.
MAX_PAGES = 40
# What an acknowledged order can be in.
STATES = (OrderState.IN_PROGRESS, OrderState.COMPLETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMembers:
    """Keeps the copies of a batch's orders true."""

    graph: GraphClient
    record_order: RecordOrder
    clock: Callable[[], datetime]
    read_timeout_s: float

    def read(self, shop: Shop, members: Sequence[Command], *, since: datetime) -> None:
        """Record the members' orders that changed since then.

        Raises:
            ReadPaused, GraphError: the shop is paused, or the orders cannot be read now.
            OrderContended: others kept writing the copy of one of the orders.
        """
        unseen = {member.order_id for member in members}
        pages = self.graph.list_orders(
            shop,
            states=STATES,
            updated_after=since - timedelta(seconds=CLOCKS_S),
            purpose=Purpose.COMMAND,
            timeout_s=self.read_timeout_s,
        )
        for _ in range(MAX_PAGES):
            if not unseen:
                return
            read_at = self.clock()
            page = next(pages, None)
            if page is None:
                return
            reads = [
                read for read in page.orders if isinstance(read, PlatformOrder) and read.order.id in unseen
            ]
            self.record_order.record_many(reads, read_at=read_at, cause="command")
            unseen -= {read.order.id for read in reads}
