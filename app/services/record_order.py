"""Record what a read of the platform gave: the copy, its timeline, and the automatic acknowledgement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from msgspec.structs import replace

from app.domain.codec import encode
from app.domain.commands import Acknowledge, Command, CommandKind, CommandStatus
from app.domain.compare import attributed, compare
from app.domain.orders import Order, OrderState, PlatformOrder
from app.domain.shops import Shop, Shops
from app.domain.timeline import Cause, TimelineEntry
from app.queue.specs import command_job
from app.services.enqueue import Enqueuer
from app.services.gather import Gather
from app.store.commands import Commands, NewCommand
from app.store.failures import LaneFull
from app.store.orders import NewCopy, Orders, SealedBuyer, StoredOrder, WriteResult
from app.store.sealing import Sealer

log = structlog.get_logger()

# Each lost race means that another writer got through, so five in a row need six writers on one order.
MAX_WRITES = 5


class OrderContended(Exception):
    """Others kept writing the copy of one order; its sync stays pending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The copy as it is now, what this read found new, and when the copy before it was read."""

    stored: StoredOrder
    news: tuple[TimelineEntry, ...]
    read_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOrder:
    """Keeps the copy of every order correct."""

    orders: Orders
    commands: Commands
    enqueuer: Enqueuer
    gather: Gather
    sealer: Sealer
    shops: Shops
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    new_key: Callable[[], str]

    def record(
        self, read: PlatformOrder, *, read_at: datetime, cause: Cause, known: StoredOrder | None = None
    ) -> Recorded:
        """Record the order unless the copy is newer, and acknowledge it where the policy says so.

        `read_at` is when the read began: of two reads with one update time the later wins. `known` is the
        copy as the caller found it, which saves a look-up. News that an attempt of our own command explains
        has the cause COMMAND; all other news has `cause`.

        Raises:
            OrderContended: the copy changed under each of MAX_WRITES writes.
        """
        copy = known or self.orders.get(read.order.id)
        recorded = self._record([(read, copy)], read_at, cause)[read.order.id]
        if isinstance(recorded, OrderContended):
            raise recorded
        return recorded

    def record_many(
        self, reads: Sequence[PlatformOrder], *, read_at: datetime, cause: Cause
    ) -> list[Recorded | None]:
        """Record these orders as `record_each` does.

        Raises:
            OrderContended: the copy of one order changed under each of MAX_WRITES writes; the others are
                recorded.
        """
        recorded: list[Recorded | None] = []
        for one in self.record_each(reads, read_at=read_at, cause=cause):
            if isinstance(one, OrderContended):
                raise one
            recorded.append(one)
        return recorded

    def record_each(
        self, reads: Sequence[PlatformOrder], *, read_at: datetime, cause: Cause
    ) -> list[Recorded | OrderContended | None]:
        """Record these orders as `record` does, in few round trips for all.

        Returns for each what was recorded, None where the copy shows all of it already, or the failure.
        """
        copies = self.orders.get_many([read.order.id for read in reads])
        pairs = zip(reads, copies, strict=True)
        changed = [(read, copy) for read, copy in pairs if self._differs(read, copy)]
        done = self._record(changed, read_at, cause)
        return [done.get(read.order.id) for read in reads]

    def vanished(self, order_id: str, *, read_at: datetime, cause: Cause) -> None:
        """Record that the platform does not know the order any more, if its copy is in FB_PROCESSING.

        Its state becomes UNKNOWN, and every change of it is refused. A copy in any other state stays as it
        is: there a missing permission is likelier than a missing order.
        """
        stored = self.orders.get(order_id)
        if stored is None or stored.order.state is not OrderState.FB_PROCESSING:
            return
        detail = {"from": stored.order.state.value, "to": OrderState.UNKNOWN.value}
        entry = TimelineEntry(at=self.clock(), what="order.vanished", cause=cause, detail=detail)
        # On a conflict somebody wrote a newer copy: then the order has not vanished.
        self.orders.write(
            replace(stored.order, state=OrderState.UNKNOWN),
            SealedBuyer(buyer=None, shipping_address=None),
            expected_version=stored.version,
            read_at=read_at,
            write_id=self.new_id(),
            timeline=(entry,),
        )

    def _record(
        self, pairs: Sequence[tuple[PlatformOrder, StoredOrder | None]], read_at: datetime, cause: Cause
    ) -> dict[str, Recorded | OrderContended]:
        done: dict[str, Recorded | OrderContended] = {}
        waiting = list(pairs)
        for _ in range(MAX_WRITES):
            writes = self._new_copies(waiting, read_at, cause)
            results = self.orders.write_many(writes)
            lost: list[tuple[PlatformOrder, WriteResult]] = []
            for (read, copy), write, result in zip(waiting, writes, results, strict=True):
                if result in (WriteResult.CREATED, WriteResult.UPDATED):
                    done[read.order.id] = Recorded(
                        stored=_written(write, copy),
                        news=write.timeline,
                        read_before=copy.synced_at if copy else None,
                    )
                else:
                    lost.append((read, result))
            waiting = []
            copies = self.orders.get_many([read.order.id for read, _ in lost]) if lost else []
            for (read, result), copy in zip(lost, copies, strict=True):
                if result is WriteResult.OLDER and copy is not None:
                    done[read.order.id] = Recorded(stored=copy, news=())
                else:
                    waiting.append((read, copy))
            if not waiting:
                break
        for read, _ in waiting:
            detail = f"order {read.order.id} changed under {MAX_WRITES} writes; it will be read again"
            done[read.order.id] = OrderContended(detail)
        recorded = [one.stored for one in done.values() if isinstance(one, Recorded)]
        self._acknowledge(recorded, cause)
        return done

    def _new_copies(
        self, pairs: Sequence[tuple[PlatformOrder, StoredOrder | None]], read_at: datetime, cause: Cause
    ) -> list[NewCopy]:
        now = self.clock()
        news = {
            read.order.id: compare(copy.order if copy else None, read.order, at=now, cause=cause)
            for read, copy in pairs
        }
        if cause is not Cause.COMMAND:
            known = [(read.order, copy) for read, copy in pairs if copy is not None and news[read.order.id]]
            attempted = self.commands.attempted([order.id for order, _ in known])
            for order, copy in known:
                # What finished before the copy was read, the copy shows already.
                recent = [
                    command
                    for command in attempted[order.id]
                    if command.finished_at is None or command.finished_at >= copy.synced_at
                ]
                news[order.id] = attributed(news[order.id], order, recent)
        return [
            NewCopy(
                order=read.order,
                sealed=self._seal(read),
                expected_version=copy.version if copy else 0,
                read_at=read_at,
                write_id=self.new_id(),
                timeline=news[read.order.id],
            )
            for read, copy in pairs
        ]

    def _differs(self, read: PlatformOrder, copy: StoredOrder | None) -> bool:
        """Return whether the copy lacks something that the read has, or an acknowledgement."""
        if copy is None or copy.order != read.order:
            return True
        # The two things a crash between two writes can leave behind on an otherwise equal copy.
        lacks_buyer = read.buyer is not None and copy.sealed.buyer is None
        return lacks_buyer or self._owes_acknowledgement(copy)

    def _owes_acknowledgement(self, stored: StoredOrder) -> bool:
        """Return whether the policy acknowledges this order and nothing has asked for that yet."""
        shop = self.shops.get(stored.order.shop_id)
        return (
            shop is not None
            and shop.acknowledge == "auto"
            and stored.order.state is OrderState.CREATED
            and stored.auto_acknowledge is None
        )

    def _seal(self, read: PlatformOrder) -> SealedBuyer:
        buyer, address = read.buyer, read.shipping_address
        seal = self.sealer.seal
        return SealedBuyer(
            buyer=seal(encode(buyer), record=read.order.id, field="buyer") if buyer else None,
            shipping_address=seal(encode(address), record=read.order.id, field="shipping_address")
            if address
            else None,
        )

    def _acknowledge(self, copies: Sequence[StoredOrder], cause: Cause) -> None:
        pending = [copy.order for copy in copies if self._owes_acknowledgement(copy)]
        promised = [self._promise(order, shop, cause) for order in pending if (shop := self._shop(order))]
        gathered: dict[str, int] = {}
        for new, acceptance in zip(promised, self.commands.accept_many(promised), strict=True):
            command = new.command
            if isinstance(acceptance, LaneFull):
                # The order still lacks its acknowledgement: the next read of it tries again.
                log.warning("acknowledgement.not_promised", order_id=command.order_id, reason=str(acceptance))
            elif acceptance.gathered:
                gathered[command.shop_id] = max(gathered.get(command.shop_id, 0), acceptance.gathered)
            elif acceptance.created and acceptance.head:
                self.enqueuer.enqueue(command_job(command.kind, command.id, command.order_id))
        for shop_id, count in gathered.items():
            self.gather.joined(shop_id, count)

    def _shop(self, order: Order) -> Shop | None:
        return self.shops.get(order.shop_id)

    def _promise(self, order: Order, shop: Shop, cause: Cause) -> NewCommand:
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
            cause=Cause.POLICY,
            detail={"command_id": command.id, "kind": command.kind.value},
        )
        return NewCommand(command=command, timeline=promised, once=True, automatic=True, gather=True)


def _written(write: NewCopy, before: StoredOrder | None) -> StoredOrder:
    sealed = write.sealed
    if before is not None:  # what the platform does not show any more stays as it was
        sealed = SealedBuyer(
            buyer=sealed.buyer or before.sealed.buyer,
            shipping_address=sealed.shipping_address or before.sealed.shipping_address,
        )
    return StoredOrder(
        order=write.order,
        sealed=sealed,
        version=write.expected_version + 1,
        synced_at=write.read_at,
        auto_acknowledge=before.auto_acknowledge if before else None,
    )
