"""Presenters: the responses that are more than a copy of a record's attributes."""

from __future__ import annotations

from typing import TypeVar

import structlog

from app.domain.codec import Record, decode
from app.domain.orders import Address, Buyer
from app.http.responses.orders import OrderResponse
from app.store.failures import SealBroken
from app.store.orders import StoredOrder
from app.store.sealing import Sealer

log = structlog.get_logger()

T = TypeVar("T", bound=Record)


def order_response(stored: StoredOrder, sealer: Sealer | None) -> OrderResponse:
    """Return the order as REST shows it; its buyer data is opened only when a sealer is given.

    Buyer data that no key at hand opens is shown as null and named in `unreadable`: one bad record must not
    hide the orders beside it.
    """
    unreadable: list[str] = []
    buyer = _opened(stored, "buyer", Buyer, sealer, unreadable)
    address = _opened(stored, "shipping_address", Address, sealer, unreadable)
    order = stored.order
    copied = {name: getattr(order, name) for name in OrderResponse.model_fields if hasattr(order, name)}
    return OrderResponse(
        **copied,
        buyer=buyer,
        shipping_address=address,
        unreadable=unreadable,
        synced_at=stored.synced_at,
        archived=stored.archived,
    )


def _opened(
    stored: StoredOrder, field: str, kind: type[T], sealer: Sealer | None, unreadable: list[str]
) -> T | None:
    sealed: str | None = getattr(stored.sealed, field)
    if sealer is None or sealed is None:
        return None
    try:
        return decode(sealer.open(sealed, record=stored.order.id, field=field), kind)
    except SealBroken:
        log.error(  # noqa: TRY400 - a traceback says nothing that the order and the field do not
            "order.seal_broken",
            order_id=stored.order.id,
            field=field,
            hint="put the key that sealed it back into ORDERWIRE_SEALING_KEYS, behind the current one",
        )
        unreadable.append(field)
        return None
