"""Changes, attempts and timeline entries as JSON documents and back, exactly: nothing lost, nothing guessed.

The store keeps these documents, and REST shows `change_document` as a command's request; orders have
`order_documents`. A document is made of dict, list, str, int, float, bool and None; money and times are
text. Reading back a document this module did not write raises KeyError, TypeError or ValueError.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.domain.commands import (
    Acknowledge,
    Attempt,
    Cancel,
    Change,
    CommandKind,
    Deduction,
    Refund,
    RefundLine,
    Ship,
    UpdateTracking,
)
from app.domain.money import Money
from app.domain.orders import Address, Buyer, ItemQuantity, Tracking
from app.domain.timeline import TimelineEntry

Document = dict[str, Any]


def change_document(change: Change) -> Document:
    """Return the change a command makes, in the words of the REST routes."""
    match change:
        case Acknowledge():
            return {"merchant_order_reference": change.merchant_order_reference}
        case Ship():
            return {
                "items": None if change.items is None else quantities_document(change.items),
                "ship_all_remaining": change.ship_all_remaining,
                "tracking": tracking_document(change.tracking),
                "external_shipment_id": change.external_shipment_id,
                "merchant_order_reference": change.merchant_order_reference,
            }
        case UpdateTracking():
            return {"shipment": change.shipment, "tracking": tracking_document(change.tracking)}
        case Cancel():
            return {
                "items": None if change.items is None else quantities_document(change.items),
                "reason_code": change.reason_code,
                "reason_description": change.reason_description,
                "restock_items": change.restock_items,
            }
        case Refund():
            return {
                "items": [
                    {
                        "item_id": line.item_id,
                        "quantity": line.quantity,
                        "amount": money_document(line.amount),
                    }
                    for line in change.items
                ],
                "full": change.full,
                "reason_code": change.reason_code,
                "reason_text": change.reason_text,
                "shipping": money_document(change.shipping),
                "deductions": [
                    {"deduction_type": part.deduction_type, "amount": part.amount.document()}
                    for part in change.deductions
                ],
            }


def change_from_document(kind: CommandKind, document: Document) -> Change:
    """Return the change of that kind that `change_document` wrote."""
    match kind:
        case CommandKind.ACKNOWLEDGE | CommandKind.ACKNOWLEDGE_BATCH:
            return Acknowledge(merchant_order_reference=document["merchant_order_reference"])
        case CommandKind.SHIP:
            return Ship(
                items=_quantities_or_none(document["items"]),
                ship_all_remaining=document["ship_all_remaining"],
                tracking=tracking_from_document(document["tracking"]),
                external_shipment_id=document["external_shipment_id"],
                merchant_order_reference=document["merchant_order_reference"],
            )
        case CommandKind.UPDATE_TRACKING:
            return UpdateTracking(
                shipment=document["shipment"], tracking=tracking_from_document(document["tracking"])
            )
        case CommandKind.CANCEL:
            return Cancel(
                items=_quantities_or_none(document["items"]),
                reason_code=document["reason_code"],
                reason_description=document["reason_description"],
                restock_items=document["restock_items"],
            )
        case CommandKind.REFUND:
            return _refund_back(document)


def attempt_document(attempt: Attempt) -> Document:
    """Return one attempt as a document."""
    return {
        "number": attempt.number,
        "started_at": time_text(attempt.started_at),
        "timeout_s": attempt.timeout_s,
        "idempotency_key": attempt.idempotency_key,
        "finished_at": time_text(attempt.finished_at) if attempt.finished_at else None,
        "outcome": attempt.outcome,
        "error": attempt.error,
    }


def attempt_from_document(document: Document) -> Attempt:
    """Return the attempt that `attempt_document` wrote."""
    finished_at = document["finished_at"]
    return Attempt(
        number=document["number"],
        started_at=time_from_text(document["started_at"]),
        timeout_s=document["timeout_s"],
        idempotency_key=document["idempotency_key"],
        finished_at=time_from_text(finished_at) if finished_at else None,
        outcome=document["outcome"],
        error=document["error"],
    )


def timeline_document(entry: TimelineEntry) -> Document:
    """Return one timeline entry as a document."""
    return {
        "at": time_text(entry.at),
        "what": entry.what,
        "cause": entry.cause,
        "detail": dict(entry.detail),
    }


def timeline_from_document(document: Document) -> TimelineEntry:
    """Return the timeline entry that `timeline_document` wrote."""
    return TimelineEntry(
        at=time_from_text(document["at"]),
        what=document["what"],
        cause=document["cause"],
        detail=document["detail"],
    )


def buyer_text(buyer: Buyer) -> str:
    """Return the buyer as JSON text, to be sealed."""
    return document_text(
        {
            "name": buyer.name,
            "email": buyer.email,
            "email_remarketing_option": buyer.email_remarketing_option,
        }
    )


def buyer_from_text(text: str) -> Buyer:
    """Return the buyer that `buyer_text` wrote."""
    return Buyer(**json.loads(text))


def address_text(address: Address) -> str:
    """Return the address as JSON text, to be sealed."""
    return document_text({name: getattr(address, name) for name in _ADDRESS_FIELDS})


def address_from_text(text: str) -> Address:
    """Return the address that `address_text` wrote."""
    return Address(**json.loads(text))


def document_text(document: Document) -> str:
    """Return the document as compact JSON text, the same text for equal documents."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def time_text(time: datetime) -> str:
    """Return an aware time as ISO 8601 in UTC, to the microsecond."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def time_from_text(text: str) -> datetime:
    """Return the aware UTC time that `time_text` wrote."""
    return datetime.fromisoformat(text).astimezone(UTC)


def money_document(money: Money | None) -> Document | None:
    """Return the money as a document, or None for none."""
    return money.document() if money else None


def money_or_none(document: Document | None) -> Money | None:
    """Return the money that `money_document` wrote, or None."""
    return money_from_document(document) if document else None


def money_from_document(document: Document) -> Money:
    """Return the money that `Money.document` wrote."""
    return Money(amount=Decimal(document["amount"]), currency=document["currency"])


def quantities_document(items: Sequence[ItemQuantity]) -> list[Document]:
    """Return units of items as a list of documents."""
    return [{"item_id": item.item_id, "quantity": item.quantity} for item in items]


def quantities_from_document(document: list[Document]) -> tuple[ItemQuantity, ...]:
    """Return the units that `quantities_document` wrote."""
    return tuple(ItemQuantity(item_id=item["item_id"], quantity=item["quantity"]) for item in document)


def tracking_document(tracking: Tracking) -> Document:
    """Return how a parcel is followed as a document."""
    return {
        "carrier": tracking.carrier,
        "tracking_number": tracking.tracking_number,
        "shipping_method_name": tracking.shipping_method_name,
    }


def tracking_from_document(document: Document) -> Tracking:
    """Return the tracking that `tracking_document` wrote."""
    return Tracking(**document)


_ADDRESS_FIELDS = ("name", "street1", "street2", "city", "state", "postal_code", "country")


def _quantities_or_none(document: list[Document] | None) -> tuple[ItemQuantity, ...] | None:
    return None if document is None else quantities_from_document(document)


def _refund_back(document: Document) -> Refund:
    return Refund(
        items=tuple(
            RefundLine(
                item_id=line["item_id"], quantity=line["quantity"], amount=money_or_none(line["amount"])
            )
            for line in document["items"]
        ),
        full=document["full"],
        reason_code=document["reason_code"],
        reason_text=document["reason_text"],
        shipping=money_or_none(document["shipping"]),
        deductions=tuple(
            Deduction(deduction_type=part["deduction_type"], amount=money_from_document(part["amount"]))
            for part in document["deductions"]
        ),
    )
