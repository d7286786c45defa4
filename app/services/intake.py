"""Intake: make webhook deliveries durable, then turn their entries into pending syncs."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime

from app.domain.entries import EntryEvent, EntryHint
from app.domain.orders import OrderState
from app.domain.shops import Shop, Shops
from app.domain.timeline import Cause
from app.graph.signature import SignatureVerdict, verify
from app.graph.wire import Unreadable, read_delivery
from app.queue.specs import DRAIN_INBOX, reconcile_job
from app.services.enqueue import Enqueuer, sync_jobs
from app.store.counters import AsyncCounters, Counters
from app.store.drift import Drift
from app.store.inbox import MAX_UNRECOGNIZED_CHARS, AsyncInbox, Inbox, Receipt, UnrecognizedEntry
from app.store.monitor import Watch
from app.store.orders import Freshness, Orders
from app.store.sealing import Sealer
from app.store.syncs import PendingSync, Syncs


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The delivery is durable: how many entries were new, seen before, or new under a known id."""

    accepted: int
    duplicates: int
    reused: int
    kept: int
    was_empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """No app secret signed these bytes; nothing of them was stored."""

    verdict: SignatureVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveDelivery:
    """Stores deliveries; the hot path, so it makes one round trip to the store."""

    inbox: AsyncInbox
    counters: AsyncCounters
    secrets: Sequence[str]
    sealer: Sealer
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    async def receive(self, raw: bytes, signature: str | None) -> Received | Rejected:
        """Return what became of the delivery; its entries are durable when this returns.

        Raises:
            StoreUnavailable: nothing was stored, and the sender must send it again.
        """
        verdict = verify(raw, signature, self.secrets)
        if verdict is not SignatureVerdict.VALID:
            return Rejected(verdict=verdict)
        receipt, kept = self._taken(raw)
        return _received(await receipt, kept)

    async def count_rejection(self, verdict: SignatureVerdict) -> None:
        """Count a rejected delivery by its reason."""
        await self.counters.count(f"rejected_{verdict.value}")

    def _taken(self, raw: bytes) -> tuple[Awaitable[Receipt], int]:
        """Give the delivery to the inbox; return what to wait for, and how many entries are unrecognized.

        This is a function of its own, so that waiting deliveries hold bytes and no objects: for thousands of
        entries the garbage collector alone would cost a third of the work.
        """
        now, delivery_id = self.clock(), self.new_id()
        delivery = read_delivery(raw)
        if isinstance(delivery, Unreadable):
            digest = hashlib.sha256(raw).hexdigest()
            kept = [self._kept(delivery.reason, digest, raw.decode("utf-8", "replace"))]
            return self.inbox.accept(delivery_id, [], kept, now), len(kept)
        kept = [
            self._kept(entry.unknown, entry.digest, entry.content)
            for entry in delivery.entries
            if entry.unknown
        ]
        return self.inbox.accept(delivery_id, delivery.entries, kept, now), len(kept)

    def _kept(self, reason: str, digest: str, text: str) -> UnrecognizedEntry:
        sealed = self.sealer.seal(text[:MAX_UNRECOGNIZED_CHARS], record=digest, field="body")
        return UnrecognizedEntry(reason=reason, digest=digest, sealed=sealed)


def _received(receipt: Receipt, kept: int) -> Received:
    return Received(
        accepted=receipt.accepted,
        duplicates=receipt.duplicates,
        reused=receipt.reused,
        kept=kept,
        was_empty=receipt.was_empty,
    )


# One round trip reads, and one settles, this many entries, or more when the last delivery has more.
BATCH = 500
# The platform's update times are whole seconds: a copy read in the same second may lack a later change of it.
# The rest is room for two clocks that differ.
SAME_SECOND_S = 3
# After this many batches a job gives the worker to other jobs; the next job continues.
MAX_BATCHES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainInbox:
    """Empties the inbox: the syncs its entries need are pending, durably, before the entries are removed."""

    inbox: Inbox
    watch: Watch
    shops: Shops
    enqueuer: Enqueuer
    drift: Drift
    orders: Orders
    counters: Counters
    syncs: Syncs
    clock: Callable[[], datetime]

    def drain(self) -> int:
        """Return how many entries were removed from the inbox.

        Entries that name an order add one pending sync of it, however many they are, unless our copy is as
        new as all of them say the order is. An entry that names no order adds a reconciliation of its shop,
        or of every shop when it names no shop either.
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
            pending = self._news(named, hints)
            # The note comes before the sync: a change found in between must not look unannounced.
            self._note(named, pending, hints)
            drained = self.inbox.drained(
                deliveries,
                pending=pending,
                shops=sorted(self._accounts(hints)),
                now=self.clock(),
            )
            added = set(drained.orders)
            self.enqueuer.enqueue(
                *sync_jobs(self.syncs, [one for one in pending if one.order_id in added], self.clock()),
                *(reconcile_job(shop_id) for shop_id in drained.shops),
            )
            taken += len(entries)
        self.enqueuer.enqueue(DRAIN_INBOX)
        return taken

    def _orders(self, hints: Iterable[EntryHint]) -> list[PendingSync]:
        named: dict[str, PendingSync] = {}
        for hint in hints:
            if hint.order_id is not None:
                shop = self.shops.by_account(hint.account_id)
                named[hint.order_id] = PendingSync(
                    order_id=hint.order_id, shop_id=shop.id if shop else None, cause=Cause.WEBHOOK
                )
        return list(named.values())

    def _news(self, pending: Sequence[PendingSync], hints: Iterable[EntryHint]) -> list[PendingSync]:
        told: dict[str, list[EntryHint]] = {}
        for hint in hints:
            if hint.order_id is not None:
                told.setdefault(hint.order_id, []).append(hint)
        copies = self.orders.freshness([one.order_id for one in pending])
        known = {
            one.order_id
            for one, copy in zip(pending, copies, strict=True)
            if copy is not None and all(_is_known(hint, copy) for hint in told[one.order_id])
        }
        if known:
            self.counters.count("entries_already_known", sum(len(told[order_id]) for order_id in known))
        return [one for one in pending if one.order_id not in known]

    def _note(
        self, named: Sequence[PendingSync], pending: Sequence[PendingSync], hints: Iterable[EntryHint]
    ) -> None:
        """Note what was announced: now for orders that will be read, at its own time for known changes.

        An old notification must not hide drift caused by a later change.
        """
        now = self.clock()
        announced = {one.order_id: now for one in pending}
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
    if hint.event is EntryEvent.ACKNOWLEDGED:
        # An order is acknowledged once, and our own acknowledgements are told to us as well.
        return copy.state.reached(OrderState.IN_PROGRESS)
    updated_s = hint.updated_s
    if updated_s is None or copy.updated_at.timestamp() < updated_s:
        return False
    if copy.synced_at.timestamp() < updated_s + SAME_SECOND_S:
        return False
    # Our own acknowledgement moves its copy ahead of old news.
    return hint.state is None or copy.state.reached(OrderState(hint.state))


# Writing a job costs some round trips and 2 ms of CPU. If workers empty the inbox between deliveries,
# each delivery asks for a job; one job per this time is enough, because it drains all that waits.
REST_S = 0.05


class DrainRequests:
    """Enqueues one drain for all requests made within `REST_S`; belongs to one event loop."""

    def __init__(self, enqueuer: Enqueuer) -> None:
        self._enqueuer = enqueuer
        self._asked = False
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Have the inbox drained after this moment; the first request enqueues the job at once.

        When the process ends before it has enqueued the job, the sweep does it.
        """
        self._asked = True
        if self._task is None:
            self._task = asyncio.create_task(self._run(), context=Context())

    async def _run(self) -> None:
        try:
            while self._asked:
                self._asked = False
                # Not the threads of the routes: those may all be waiting for commands to finish.
                await asyncio.to_thread(self._enqueuer.enqueue, DRAIN_INBOX)
                await asyncio.sleep(REST_S)
        finally:
            self._task = None
