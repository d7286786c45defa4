"""Drain the inbox: turn what webhooks hinted at into syncs and reconciliations that are owed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.domain.hints import EntryHint
from app.domain.orders import OrderState
from app.domain.shops import Shop, Shops
from app.domain.timeline import Cause
from app.queues import DRAIN_INBOX, reconcile_wake
from app.services.nudge import Nudge
from app.services.wake_owed import WakeOwed
from app.store.counters import Counters
from app.store.drift import Drift
from app.store.inbox import Inbox
from app.store.orders import Freshness, Orders
from app.store.syncs import OwedSync
from app.store.watch import Watch

# One round trip reads and one settles so many entries, or more by what the last delivery holds over.
BATCH = 500
# The event of an entry that tells of an acknowledgement, in the word of the sandbox; Meta's is not public.
ACKNOWLEDGED = "ORDER_ACKNOWLEDGED"
# The platform tells its changes by the second: a copy read in the same second may lack a later one of it. The
# rest is room for two clocks that differ.
SAME_SECOND_S = 3
# A job that drains longer than this many batches gives the worker to others; the next one goes on.
MAX_BATCHES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainInbox:
    """Empties the inbox: what it held is owed, durably, before it is taken out."""

    inbox: Inbox
    watch: Watch
    shops: Shops
    nudge: Nudge
    drift: Drift
    orders: Orders
    counters: Counters
    wake_owed: WakeOwed
    clock: Callable[[], datetime]

    def drain(self) -> int:
        """Return how many entries were taken out of the inbox.

        An entry that names an order makes one sync of it owed, however many entries name it, unless our copy
        is as new as all of them say the order is; one that names none makes a reconciliation of its shop
        owed, or of every shop when it names no shop either.
        """
        taken = 0
        for _ in range(MAX_BATCHES):
            deliveries = self.inbox.pending(BATCH)
            if not deliveries:
                return taken
            entries = [hints for delivery in deliveries for hints in delivery.entries]
            hints = [hint for entry in entries for hint in entry]
            self.watch.heard(self._heard(hints), self.clock())
            named = self._orders(hints)
            owed = self._news(named, hints)
            # First the note, then the promise: a change found meanwhile must not look unannounced.
            self._note(named, owed, hints)
            drained = self.inbox.drained(
                deliveries,
                owed=owed,
                shops=sorted(self._accounts(hints)),
                now=self.clock(),
            )
            woken = set(drained.orders)
            self.nudge.wake(
                *self.wake_owed.wakes([one for one in owed if one.order_id in woken], self.clock()),
                *(reconcile_wake(shop_id) for shop_id in drained.shops),
            )
            taken += len(entries)
        self.nudge.wake(DRAIN_INBOX)
        return taken

    def _orders(self, hints: Iterable[EntryHint]) -> list[OwedSync]:
        named: dict[str, OwedSync] = {}
        for hint in hints:
            if hint.order_id is not None:
                shop = self.shops.by_account(hint.account_id)
                named[hint.order_id] = OwedSync(
                    order_id=hint.order_id, shop_id=shop.id if shop else None, cause=Cause.WEBHOOK
                )
        return list(named.values())

    def _news(self, owed: Sequence[OwedSync], hints: Iterable[EntryHint]) -> list[OwedSync]:
        told: dict[str, list[EntryHint]] = {}
        for hint in hints:
            if hint.order_id is not None:
                told.setdefault(hint.order_id, []).append(hint)
        copies = self.orders.freshness([one.order_id for one in owed])
        known = {
            one.order_id
            for one, copy in zip(owed, copies, strict=True)
            if copy is not None and all(_is_known(hint, copy) for hint in told[one.order_id])
        }
        if known:
            self.counters.count("entries_already_known", sum(len(told[order_id]) for order_id in known))
        return [one for one in owed if one.order_id not in known]

    def _note(self, named: Sequence[OwedSync], owed: Sequence[OwedSync], hints: Iterable[EntryHint]) -> None:
        """Note what was announced: now for what will be read, as of its own time for what we knew already.

        News of a change that the copy shows must not pass for the announcement of a later one.
        """
        now = self.clock()
        announced = {one.order_id: now for one in owed}
        times = {hint.order_id: hint.updated_s for hint in hints if hint.updated_s is not None}
        for one in named:
            told_s = times.get(one.order_id, now.timestamp())
            # A hint may say any number: only one between the epoch and now is a time of a change.
            at = datetime.fromtimestamp(min(max(told_s, 0), now.timestamp()), UTC)
            announced.setdefault(one.order_id, at)
        self.drift.note_hints(announced, now)

    def _accounts(self, hints: Iterable[EntryHint]) -> set[str]:
        shops: set[str] = set()
        for hint in hints:
            if hint.order_id is None:
                shop = self.shops.by_account(hint.account_id)
                shops.update(each.id for each in self._one_or_all(shop))
        return shops

    def _heard(self, hints: Iterable[EntryHint]) -> set[str]:
        # An account that names no shop of ours may be any shop's: a false silence is worse than a missed one.
        accounts = {hint.account_id for hint in hints}
        return {shop.id for account in accounts for shop in self._one_or_all(self.shops.by_account(account))}

    def _one_or_all(self, shop: Shop | None) -> Iterable[Shop]:
        return self.shops if shop is None else (shop,)


def _is_known(hint: EntryHint, copy: Freshness) -> bool:
    """Return whether the copy was read after the change that the hint tells of, and shows it."""
    if hint.event == ACKNOWLEDGED:
        # An order is acknowledged once, and our own acknowledgements are told to us as well.
        return _PLACE.get(copy.state, -1) >= _PLACE[OrderState.IN_PROGRESS]
    updated_s = hint.updated_s
    if updated_s is None or copy.updated_at.timestamp() < updated_s:
        return False
    if copy.synced_at.timestamp() < updated_s + SAME_SECOND_S:
        return False
    # An order only ever moves forward, and our own acknowledgement moves its copy ahead of old news.
    return hint.state is None or _PLACE.get(copy.state, -1) >= _PLACE.get(hint.state, len(_PLACE))


_PLACE: dict[str, int] = {
    state.value: place
    for place, state in enumerate(
        (OrderState.FB_PROCESSING, OrderState.CREATED, OrderState.IN_PROGRESS, OrderState.COMPLETED)
    )
}
