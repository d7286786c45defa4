"""From our own values to answers: nothing is computed here that the domain does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from app.domain.codec import decode, document
from app.domain.commands import Command
from app.domain.money import Money
from app.domain.orders import (
    Address,
    Buyer,
    Cancellation,
    ItemQuantity,
    OrderItem,
    RefundRecord,
    Shipment,
    Totals,
    Tracking,
)
from app.domain.timeline import TimelineEntry
from app.http.models.answers import (
    AddressAnswer,
    AttemptAnswer,
    BuyerAnswer,
    CancellationAnswer,
    CommandAnswer,
    ItemAnswer,
    MoneyAnswer,
    OrderAnswer,
    QuantityAnswer,
    RefundAnswer,
    RefundedItemAnswer,
    ShipmentAnswer,
    TimelineEntryAnswer,
    TotalsAnswer,
    TrackingAnswer,
    UnitsAnswer,
)
from app.store.failures import SealBroken
from app.store.orders import StoredOrder
from app.store.sealing import Sealer

log = structlog.get_logger()


def order_answer(stored: StoredOrder, sealer: Sealer | None) -> OrderAnswer:
    """Return the order as REST shows it; its buyer data is opened only when a sealer is given.

    Buyer data that no key at hand opens is shown as null and named in `unreadable`: one bad record must
    not hide the orders beside it.
    """
    order = stored.order
    buyer, address, unreadable = _opened(stored, sealer) if sealer else (None, None, [])
    return OrderAnswer(
        id=order.id,
        shop_id=order.shop_id,
        state=order.state.value,
        channel=order.channel,
        created_at=order.created_at,
        updated_at=order.updated_at,
        ship_by=order.ship_by,
        merchant_order_reference=order.merchant_order_reference,
        buyer=buyer,
        shipping_address=address,
        unreadable=unreadable,
        items=[_item(item) for item in order.items],
        totals=_totals(order.totals) if order.totals else None,
        shipments=[_shipment(shipment) for shipment in order.shipments],
        cancellations=[_cancellation(cancellation) for cancellation in order.cancellations],
        refunds=[_refund(refund) for refund in order.refunds],
        synced_at=stored.synced_at,
        archived=stored.archived,
    )


def command_answer(command: Command) -> CommandAnswer:
    """Return the command as REST shows it, with every attempt."""
    return CommandAnswer(
        id=command.id,
        order_id=command.order_id,
        shop_id=command.shop_id,
        kind=command.kind.value,
        status=command.status.value,
        idempotency_key=command.idempotency_key,
        request=command.change.document(),
        attempts=[
            AttemptAnswer.model_validate(
                {
                    "number": attempt.number,
                    "started_at": attempt.started_at,
                    "finished_at": attempt.finished_at,
                    "outcome": attempt.outcome,
                    "error": attempt.error,
                    "idempotency_key": attempt.idempotency_key,
                }
            )
            for attempt in command.attempts
        ],
        next_attempt_at=command.next_attempt_at,
        created_at=command.created_at,
        finished_at=command.finished_at,
        error=command.error,
    )


def timeline_answer(entries: Sequence[TimelineEntry]) -> list[TimelineEntryAnswer]:
    """Return timeline entries as REST shows them."""
    return [
        TimelineEntryAnswer(at=entry.at, what=entry.what, cause=entry.cause, detail=dict(entry.detail))
        for entry in entries
    ]


def _opened(
    stored: StoredOrder, sealer: Sealer
) -> tuple[BuyerAnswer | None, AddressAnswer | None, list[Any]]:
    unreadable: list[str] = []

    def read(sealed: str | None, field: str, kind: type[Buyer | Address]) -> dict[str, Any] | None:
        if sealed is None:
            return None
        try:
            value = decode(sealer.open(sealed, record=stored.order.id, field=field), kind)
        except SealBroken:
            log.error(  # noqa: TRY400 - a traceback says nothing that the order and the field do not
                "order.seal_broken",
                order_id=stored.order.id,
                field=field,
                cure="put the key that sealed it back into ORDERWIRE_SEALING_KEYS, behind the current one",
            )
            unreadable.append(field)
            return None
        shown: dict[str, Any] = document(value)
        return shown

    buyer = read(stored.sealed.buyer, "buyer", Buyer)
    address = read(stored.sealed.shipping_address, "shipping_address", Address)
    return (
        BuyerAnswer(**buyer) if buyer else None,
        AddressAnswer(**address) if address else None,
        unreadable,
    )


def _item(item: OrderItem) -> ItemAnswer:
    units = item.units
    return ItemAnswer(
        id=item.id,
        retailer_id=item.retailer_id,
        name=item.name,
        quantity=units.quantity,
        unit_price=_sum(item.unit_price),
        status=UnitsAnswer(in_progress=units.open, fulfilled=units.shipped, cancelled=units.cancelled),
        refunded_quantity=units.refunded,
    )


def _totals(totals: Totals) -> TotalsAnswer:
    return TotalsAnswer(
        items=_sum(totals.items),
        shipping=_sum(totals.shipping),
        tax=_sum(totals.tax),
        total=_sum(totals.total),
    )


def _shipment(shipment: Shipment) -> ShipmentAnswer:
    return ShipmentAnswer(
        id=shipment.id,
        external_shipment_id=shipment.external_shipment_id,
        tracking=_tracking(shipment.tracking) if shipment.tracking else None,
        items=_quantities(shipment.items),
    )


def _tracking(tracking: Tracking) -> TrackingAnswer:
    return TrackingAnswer(
        carrier=tracking.carrier,
        tracking_number=tracking.tracking_number,
        shipping_method_name=tracking.shipping_method_name,
    )


def _cancellation(cancellation: Cancellation) -> CancellationAnswer:
    return CancellationAnswer(
        id=cancellation.id,
        items=_quantities(cancellation.items),
        reason_code=cancellation.reason_code,
        reason_description=cancellation.reason_description,
    )


def _refund(refund: RefundRecord) -> RefundAnswer:
    return RefundAnswer(
        id=refund.id,
        items=[
            RefundedItemAnswer(item_id=item.item_id, quantity=item.quantity, amount=_money(item.amount))
            for item in refund.items
        ],
        reason_code=refund.reason_code,
        amount=_money(refund.amount),
        shipping=_money(refund.shipping),
    )


def _quantities(items: Sequence[ItemQuantity]) -> list[QuantityAnswer]:
    return [QuantityAnswer(item_id=item.item_id, quantity=item.quantity) for item in items]


def _sum(money: Money) -> MoneyAnswer:
    return MoneyAnswer(**document(money))


def _money(money: Money | None) -> MoneyAnswer | None:
    return _sum(money) if money else None
