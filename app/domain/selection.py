"""Selection: which items of an order a request means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.decisions import Refusal
from app.domain.orders import ItemQuantity, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedItem:
    """Some units of one item, named by exactly one of the platform's item id and the seller's product id."""

    item_id: str | None
    retailer_id: str | None
    quantity: int


def resolve_items(order: Order, requested: Sequence[RequestedItem]) -> tuple[ItemQuantity, ...] | Refusal:
    """Return the requested units by item id, or why the request does not name items of this order.

    Item ids go out on the wire whatever came in: a retailer_id is ambiguous when one product stands on two
    lines (Build Offers Integration: Buy-X-Get-Y).
    """
    chosen: list[ItemQuantity] = []
    for wanted in requested:
        item_id = _item_id(order, wanted)
        if isinstance(item_id, Refusal):
            return item_id
        if any(item_id == earlier.item_id for earlier in chosen):
            return Refusal(
                code="item_repeated",
                title="An item is named twice",
                detail=f"The request names item {item_id} of order {order.id} more than once.",
                hint="Name each item once, with the sum of its units.",
            )
        chosen.append(ItemQuantity(item_id=item_id, quantity=wanted.quantity))
    return tuple(chosen)


def unknown_item(order: Order, named: str) -> Refusal:
    """Return the refusal of a request that names an item the order does not have."""
    known = ", ".join(f"{item.id} ({item.retailer_id})" for item in order.items[:10])
    return Refusal(
        code="unknown_item",
        title="The order has no such item",
        detail=f"Order {order.id} has no item {named}.",
        hint=f"Its items are: {known}." if known else "Read the order again with POST …/sync.",
    )


def _item_id(order: Order, wanted: RequestedItem) -> str | Refusal:
    if wanted.item_id is not None:
        return wanted.item_id if order.item(wanted.item_id) else unknown_item(order, wanted.item_id)
    lines = [item.id for item in order.items if item.retailer_id == wanted.retailer_id]
    if not lines:
        return unknown_item(order, str(wanted.retailer_id))
    if len(lines) > 1:
        return Refusal(
            code="retailer_id_ambiguous",
            title="That product stands on several lines",
            detail=f"retailer_id {wanted.retailer_id} stands on {len(lines)} lines of order {order.id}.",
            hint=f"Name the line by item_id: {', '.join(lines[:10])}.",
        )
    return lines[0]
