"""Find orders that left the platform's hold without a word: they are in no listing any more."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.gates import Purpose
from app.domain.orders import OrderState
from app.domain.shops import Shop
from app.graph.client import GraphClient
from app.graph.failures import UnreadableOrder
from app.services.record_page import RecordPage
from app.store.orders import Orders

# The hold lasts half an hour: more orders than this in it at once are another kind of trouble.
MAX_HELD = 5000
HELD_PAGE = 500
# Each is read one by one; the next run, minutes later, goes on with the rest.
MAX_MISSING = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FindVanished:
    """Compares our held orders with those the platform lists."""

    graph: GraphClient
    orders: Orders
    record_page: RecordPage
    read_timeout_s: float

    def find(self, shop: Shop) -> int:
        """Owe a sync to each order that we hold as FB_PROCESSING and the platform does not; return how many.

        Raises:
            GraphError: the listing could not be read to its end.
        """
        held = self._held(shop)
        if not held:
            return 0
        listed: set[str] = set()
        for page in self.graph.list_orders(
            shop,
            states=[OrderState.FB_PROCESSING],
            updated_after=None,
            purpose=Purpose.LISTING,
            timeout_s=self.read_timeout_s,
        ):
            for read in page.orders:
                listed.add(read.order_id if isinstance(read, UnreadableOrder) else read.order.id)
        missing = [order_id for order_id in held if order_id not in listed][:MAX_MISSING]
        return sum(self.record_page.owe(shop, one, "it is in no listing any more") for one in missing)

    def _held(self, shop: Shop) -> list[str]:
        held: list[str] = []
        cursor = None
        for _ in range(MAX_HELD // HELD_PAGE):
            page = self.orders.list(state=OrderState.FB_PROCESSING, limit=HELD_PAGE, cursor=cursor)
            held += [stored.order.id for stored in page.items if stored.order.shop_id == shop.id]
            cursor = page.next_cursor
            if cursor is None:
                break
        return held[::-1]  # the longest unchanged first
