"""Sync: read one order from the platform and write down what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from app.domain.gates import Closed, Purpose
from app.domain.orders import PlatformOrder
from app.domain.shops import Shop, Shops
from app.domain.timeline import Cause, TimelineEntry
from app.graph.client import GraphClient
from app.graph.failures import GraphError, OrderNotFound, ReadHeld
from app.services.gate_keeper import GateKeeper
from app.services.record_order import RecordOrder
from app.store.orders import Orders, StoredOrder
from app.store.syncs import Syncs

# An order whose shop nobody knows is asked for at each shop in turn; a merchant with more than this many
# shops has hints that name them.
MAX_SHOPS_ASKED = 20
# A hold that does not say how long it lasts is looked at again after this.
HELD_S = 60.0
# Causes behind which somebody waits: a command in its lane, or a caller of the REST routes.
_WAITED_FOR = frozenset({"command", "rest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """The copy now says what the platform said; `news` is what that changed."""

    stored: StoredOrder
    news: tuple[TimelineEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOnPlatform:
    """No shop's token sees an order of that id."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAway:
    """The platform could not be read now; `detail` says why, in plain words.

    `held`: nothing failed, the shop's gate is closed or the platform asks to wait.
    """

    detail: str
    retry_after_s: float
    held: bool = False


SyncResult = Synced | NotOnPlatform | PlatformAway


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOrder:
    """Reads one order, with all its edges, and keeps the copy true."""

    graph: GraphClient
    shops: Shops
    orders: Orders
    syncs: Syncs
    record_order: RecordOrder
    gate_keeper: GateKeeper
    clock: Callable[[], datetime]
    read_timeout_s: float

    def sync(self, order_id: str, *, cause: Cause, shop_id: str | None = None) -> SyncResult:
        """Read the order and write it down; clears what was owed for it when the read began.

        An order that its shop's platform does not know any more, in the middle of its hold, is written down
        as gone.
        """
        owed = self.syncs.get(order_id)
        read_at = self.clock()
        stored = self.orders.get(order_id)
        # An order nobody has read yet waits for its acknowledgement: its read goes with the commands.
        first = stored is None or cause in _WAITED_FOR
        read = self._read(stored, order_id, shop_id, Purpose.COMMAND if first else Purpose.READ)
        if isinstance(read, PlatformAway):
            return read
        if isinstance(read, NotOnPlatform):
            self.record_order.vanished(order_id, read_at=read_at, cause=cause)
            result: SyncResult = read
        else:
            recorded = self.record_order.record(read, read_at=read_at, cause=cause, known=stored)
            result = Synced(stored=recorded.stored, news=recorded.news)
        if owed is not None:
            self.syncs.done(order_id, owed.seq)
        return result

    def _read(
        self, stored: StoredOrder | None, order_id: str, shop_id: str | None, purpose: Purpose
    ) -> PlatformOrder | NotOnPlatform | PlatformAway:
        away: PlatformAway | None = None
        for shop in self._candidates(stored, shop_id):
            passage = self.gate_keeper.ask(shop.id, purpose)
            if isinstance(passage, Closed):
                wait_s = max((passage.until - self.clock()).total_seconds(), 1.0)
                detail = f"shop {shop.id}: {passage.text}"
                away = PlatformAway(detail=detail, retry_after_s=wait_s, held=True)
                continue
            try:
                # The shop anew: its token may have changed while the gate was asked.
                asked = self.shops.get(shop.id) or shop
                return self.graph.read_order(asked, order_id, timeout_s=self.read_timeout_s)
            except OrderNotFound:
                continue
            except ReadHeld as held:
                wait_s = held.outcome.wait_s or HELD_S
                away = PlatformAway(detail=f"shop {shop.id}: {held}", retry_after_s=wait_s, held=True)
            except GraphError as error:
                away = PlatformAway(detail=f"shop {shop.id}: {error}", retry_after_s=self.read_timeout_s)
        return away or NotOnPlatform(order_id=order_id)

    def _candidates(self, stored: StoredOrder | None, shop_id: str | None) -> Iterator[Shop]:
        known = self.shops.get(stored.order.shop_id if stored else shop_id or "")
        if known is not None:
            yield known
        # A copy knows its shop for certain; a hint may be wrong, so the other shops are asked after it.
        if stored is None:
            others = [shop for shop in self.shops if shop is not known]
            yield from others[:MAX_SHOPS_ASKED]
