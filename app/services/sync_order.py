"""Sync: read one order from the platform and write down what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.graph.failures import GraphError, OrderNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from app.domain.orders import PlatformOrder
    from app.domain.shops import Shop, Shops
    from app.domain.timeline import TimelineEntry
    from app.graph.client import GraphClient
    from app.services.record_order import RecordOrder
    from app.store.orders import Orders, StoredOrder
    from app.store.syncs import Syncs

# An order whose shop nobody knows is asked for at each shop in turn; a merchant with more than this many
# shops has hints that name them.
MAX_SHOPS_ASKED = 20


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
    """The platform could not be read now; `detail` says why, in plain words."""

    detail: str
    retry_after_s: float


SyncResult = Synced | NotOnPlatform | PlatformAway


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOrder:
    """Reads one order, with all its edges, and keeps the copy true."""

    graph: GraphClient
    shops: Shops
    orders: Orders
    syncs: Syncs
    record_order: RecordOrder
    clock: Callable[[], datetime]
    read_timeout_s: float

    def sync(self, order_id: str, *, cause: str, shop_id: str | None = None) -> SyncResult:
        """Read the order and write it down; clears what was owed for it when the read began."""
        owed = self.syncs.get(order_id)
        read_at = self.clock()
        read = self._read(order_id, shop_id)
        if isinstance(read, PlatformAway):
            return read
        if isinstance(read, NotOnPlatform):
            result: SyncResult = read
        else:
            recorded = self.record_order.record(read, read_at=read_at, cause=cause)
            result = Synced(stored=recorded.stored, news=recorded.news)
        if owed is not None:
            self.syncs.done(order_id, owed.seq)
        return result

    def _read(self, order_id: str, shop_id: str | None) -> PlatformOrder | NotOnPlatform | PlatformAway:
        away: PlatformAway | None = None
        for shop in self._candidates(order_id, shop_id):
            try:
                return self.graph.read_order(shop, order_id, timeout_s=self.read_timeout_s)
            except OrderNotFound:
                continue
            except GraphError as error:
                away = PlatformAway(detail=f"shop {shop.id}: {error}", retry_after_s=self.read_timeout_s)
        return away or NotOnPlatform(order_id=order_id)

    def _candidates(self, order_id: str, shop_id: str | None) -> Iterator[Shop]:
        stored = self.orders.get(order_id)
        known = self.shops.get(stored.order.shop_id if stored else shop_id or "")
        if known is not None:
            yield known
        # A copy knows its shop for certain; a hint may be wrong, so the other shops are asked after it.
        if stored is None:
            others = [shop for shop in self.shops if shop is not known]
            yield from others[:MAX_SHOPS_ASKED]
