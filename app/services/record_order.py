"""Write down what a read of the platform gave: the copy, its timeline, and the automatic acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.domain.commands import Acknowledge, Command, CommandKind, CommandStatus
from app.domain.compare import compare
from app.domain.documents import address_text, buyer_text
from app.domain.orders import OrderState
from app.domain.timeline import TimelineEntry
from app.queues import command_wake
from app.store.orders import SealedBuyer, WriteResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.domain.orders import PlatformOrder
    from app.domain.shops import Shops
    from app.services.nudge import Nudge
    from app.store.commands import Commands
    from app.store.orders import Orders, StoredOrder
    from app.store.sealing import Sealer

# Each lost race means that another writer got through, so five in a row need six writers on one order.
MAX_WRITES = 5


class OrderContended(Exception):
    """The copy of one order kept changing under us; the sync is owed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The copy as it now stands, and what this read found new."""

    stored: StoredOrder
    news: tuple[TimelineEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOrder:
    """Keeps the true copy of every order."""

    orders: Orders
    commands: Commands
    nudge: Nudge
    sealer: Sealer
    shops: Shops
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    new_key: Callable[[], str]

    def record(self, read: PlatformOrder, *, read_at: datetime, cause: str) -> Recorded:
        """Write the order down unless the copy is newer, and acknowledge it where the policy says so.

        `read_at` is when the read began: between two copies with one update time the later read wins.

        Raises:
            OrderContended: the copy changed under every one of the tries.
        """
        recorded = self._write(read, read_at, cause)
        self._acknowledge(recorded.stored, cause)
        return recorded

    def vanished(self, order_id: str, *, read_at: datetime, cause: str) -> None:
        """Write down that the platform does not know the order any more, if its copy is still in its hold.

        Its state is then UNKNOWN: it leaves the orders in FB_PROCESSING, and every change of it is refused.
        A copy in any other state stays: there a missing permission is likelier than a missing order.
        """
        stored = self.orders.get(order_id)
        if stored is None or stored.order.state is not OrderState.FB_PROCESSING:
            return
        detail = {"from": stored.order.state.value, "to": OrderState.UNKNOWN.value}
        entry = TimelineEntry(at=self.clock(), what="order.vanished", cause=cause, detail=detail)
        # A conflict means that somebody wrote a newer copy: then it has not vanished.
        self.orders.write(
            replace(stored.order, state=OrderState.UNKNOWN),
            SealedBuyer(buyer=None, shipping_address=None),
            expected_version=stored.version,
            read_at=read_at,
            write_id=self.new_id(),
            timeline=(entry,),
        )

    def _write(self, read: PlatformOrder, read_at: datetime, cause: str) -> Recorded:
        order = read.order
        sealed = self._seal(read)
        for _ in range(MAX_WRITES):
            stored = self.orders.get(order.id)
            news = compare(stored.order if stored else None, order, at=self.clock(), cause=cause)
            result = self.orders.write(
                order,
                sealed,
                expected_version=stored.version if stored else 0,
                read_at=read_at,
                write_id=self.new_id(),
                timeline=news,
            )
            if result is WriteResult.CONFLICT:
                continue
            written = self.orders.get(order.id)
            if written is None:
                continue
            return Recorded(stored=written, news=() if result is WriteResult.OLDER else news)
        raise OrderContended(f"order {order.id} changed under {MAX_WRITES} writes; it will be read again")

    def _seal(self, read: PlatformOrder) -> SealedBuyer:
        buyer, address = read.buyer, read.shipping_address
        seal = self.sealer.seal
        return SealedBuyer(
            buyer=seal(buyer_text(buyer), record=read.order.id, field="buyer") if buyer else None,
            shipping_address=seal(address_text(address), record=read.order.id, field="shipping_address")
            if address
            else None,
        )

    def owes_acknowledgement(self, stored: StoredOrder) -> bool:
        """Return whether the policy promises this order an acknowledgement nobody has asked for yet."""
        shop = self.shops.get(stored.order.shop_id)
        return (
            shop is not None
            and shop.acknowledge == "auto"
            and stored.order.state is OrderState.CREATED
            and stored.auto_acknowledge is None
        )

    def _acknowledge(self, stored: StoredOrder, cause: str) -> None:
        order = stored.order
        shop = self.shops.get(order.shop_id)
        if shop is None or not self.owes_acknowledgement(stored):
            return
        now = self.clock()
        reference = order.merchant_order_reference or shop.reference_for(order.id)
        command = Command(
            id=self.new_id(),
            order_id=order.id,
            shop_id=shop.id,
            kind=CommandKind.ACKNOWLEDGE,
            change=Acknowledge(merchant_order_reference=reference),
            status=CommandStatus.PENDING,
            idempotency_key=self.new_key(),
            created_at=now,
            cause=cause,
        )
        promised = TimelineEntry(
            at=now,
            what="command.accepted",
            cause="policy",
            detail={"command_id": command.id, "kind": command.kind.value},
        )
        acceptance = self.commands.accept(command, timeline=promised, once=True, automatic=True, answer=None)
        if acceptance.created and acceptance.head:
            self.nudge.wake(command_wake(command.kind, command.id, order.id))
