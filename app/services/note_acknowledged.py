"""Note acknowledged: what the platform said it took over shows in the copies, without reading each again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from app.domain.commands import Acknowledge, Command
from app.domain.compare import compare
from app.domain.orders import Order, OrderState
from app.domain.timeline import Cause
from app.store.orders import NewCopy, Orders, SealedBuyer, StoredOrder, WriteResult

# A copy that is written by others meanwhile is looked at again this often; after that its own news is newer.
MAX_TRIES = 5
_UNTOUCHED = SealedBuyer(buyer=None, shipping_address=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAcknowledged:
    """Moves copies from CREATED to IN_PROGRESS on the platform's word.

    The copy keeps its update time, so that the platform's own next version of the order wins over it.
    """

    orders: Orders
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def note(self, commands: Sequence[Command], *, answered_at: datetime) -> None:
        """Write down that these acknowledgements were accepted in an answer that came at `answered_at`."""
        wanted = {command.order_id: command for command in commands}
        for _ in range(MAX_TRIES):
            if not wanted:
                return
            copies = self.orders.get_many(list(wanted))
            writes = [
                self._moved(copy, wanted[copy.order.id], answered_at)
                for copy in copies
                if copy is not None and copy.order.state is OrderState.CREATED
            ]
            results = self.orders.write_many(writes)
            lost = {
                write.order.id
                for write, result in zip(writes, results, strict=True)
                if result is WriteResult.CONFLICT
            }
            wanted = {order_id: wanted[order_id] for order_id in lost}

    def _moved(self, copy: StoredOrder, command: Command, answered_at: datetime) -> NewCopy:
        order = _acknowledged(copy.order, command)
        return NewCopy(
            order=order,
            sealed=_UNTOUCHED,
            expected_version=copy.version,
            read_at=answered_at,
            write_id=self.new_id(),
            timeline=compare(copy.order, order, at=self.clock(), cause=Cause.COMMAND),
        )


def _acknowledged(order: Order, command: Command) -> Order:
    given = command.change.merchant_order_reference if isinstance(command.change, Acknowledge) else None
    reference = order.merchant_order_reference or given
    return replace(order, state=OrderState.IN_PROGRESS, merchant_order_reference=reference)
