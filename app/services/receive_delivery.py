"""Receive a delivery: verify it, split it, and have it durable before anybody answers 200."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.graph.signature import SignatureVerdict, verify
from app.graph.wire import Unreadable, read_delivery
from app.store.counters import AsyncCounters
from app.store.inbox import MAX_KEPT_CHARS, AsyncInbox, KeptItem, Receipt
from app.store.sealing import Sealer


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
    """Nobody who knows the secret sent these bytes; nothing was kept of them."""

    verdict: SignatureVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveDelivery:
    """Takes deliveries in; the hot path: one round trip to the store."""

    inbox: AsyncInbox
    counters: AsyncCounters
    secrets: Sequence[str]
    sealer: Sealer
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    async def receive(self, raw: bytes, signature: str | None) -> Received | Rejected:
        """Return what became of the delivery; its entries are durable by then.

        Raises:
            StoreUnavailable: nothing was kept, and the sender must send it again.
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
        """Hand the delivery to the inbox; return what to wait for, and how much of it is kept for people.

        A function of its own, so that while deliveries wait they hold bytes and no objects: for thousands of
        entries the garbage collector alone would cost a third of all that is done for them.
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

    def _kept(self, reason: str, digest: str, text: str) -> KeptItem:
        sealed = self.sealer.seal(text[:MAX_KEPT_CHARS], record=digest, field="body")
        return KeptItem(reason=reason, digest=digest, sealed=sealed)


def _received(receipt: Receipt, kept: int) -> Received:
    return Received(
        accepted=receipt.accepted,
        duplicates=receipt.duplicates,
        reused=receipt.reused,
        kept=kept,
        was_empty=receipt.was_empty,
    )
