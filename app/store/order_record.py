"""A copy of an order as its hash of texts, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.domain.codec import decode
from app.domain.orders import Order
from app.store.times import time_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBuyer:
    """Buyer data as sealed texts; None where the platform has not shown it yet."""

    buyer: str | None
    shipping_address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """The copy of one order. `synced_at` is when the read began that gave it.

    `version` counts its writes from 1; `auto_acknowledge` is the id of the one automatic acknowledgement
    this order ever got, or None; `archived` says that it stands in the archive until it is written again.
    """

    order: Order
    sealed: SealedBuyer
    version: int
    synced_at: datetime
    auto_acknowledge: str | None
    archived: bool = False


def stored_order(fields: Mapping[str, str], *, archived: bool = False) -> StoredOrder | None:
    """Return the copy of a hash; None where there is none. Raises RecordError."""
    # A record may hold only the mark of an acknowledgement or a timeline count, before the first write.
    if "document" not in fields:
        return None
    return StoredOrder(
        order=decode(fields["document"], Order),
        sealed=SealedBuyer(buyer=fields.get("buyer"), shipping_address=fields.get("shipping_address")),
        version=int(fields["version"]),
        synced_at=time_of(fields["read_at"]),
        auto_acknowledge=fields.get("auto_acknowledge"),
        archived=archived,
    )
