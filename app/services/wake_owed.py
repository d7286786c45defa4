"""Wake owed: few changed orders of a shop are read one by one, many by the shop's list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.queues import Wake, sync_burst_wake, sync_wake
from app.store.syncs import OwedSync, Syncs

# A page of the list has 25 whole orders (Using the API): from two pages on, listing is surely cheaper, also
# when orders in between did not change.
BURST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeOwed:
    """Chooses the jobs that pay what is owed."""

    syncs: Syncs

    def wakes(self, owed: Sequence[OwedSync], now: datetime) -> list[Wake]:
        """Return the wakes of these due reads: one a shop in a burst, one an order for the others."""
        shops = sorted({one.shop_id for one in owed if one.shop_id is not None})
        counts = self.syncs.counts_due(shops, now)
        bursts = {shop_id for shop_id, count in counts.items() if count >= BURST}
        wakes = [sync_wake(one.order_id) for one in owed if one.shop_id not in bursts]
        return wakes + [sync_burst_wake(shop_id) for shop_id in sorted(bursts)]
