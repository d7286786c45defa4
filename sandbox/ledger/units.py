"""Finds the lines that a request means, and how many units of each."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.errors import commerce, invalid
from sandbox.rules import assumed, documented

from .model import Line, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One entry of a request's `items`: a line, named by item_id or retailer_id, and units of it."""

    item_id: str | None
    retailer_id: str | None
    quantity: int


@documented(
    "An item is named by exactly one of item_id and retailer_id", source="Fulfillment API reference, items"
)
@assumed("An item that is not in the order is code 100", why="the number is not published")
@assumed(
    "A retailer_id on two lines of one order is refused as ambiguous",
    why="the offers page demands item_id when a product is on two lines",
)
def named_line(order: Order, *, item_id: str | None, retailer_id: str | None) -> Line:
    """Return the one line that a request names.

    Raises:
        RefusedError: both names or none are given, or they fit no line, or more than one.
    """
    if (item_id is None) == (retailer_id is None):
        raise invalid("Each item needs exactly one of item_id and retailer_id")
    found = [
        line for line in order.lines if item_id in (None, line.id) and retailer_id in (None, line.retailer_id)
    ]
    name = f"item_id {item_id}" if retailer_id is None else f"retailer_id {retailer_id}"
    if not found:
        raise invalid(f"Order {order.id} has no item with {name}")
    if len(found) > 1:
        raise invalid(f"{name} is on {len(found)} items of order {order.id}; name the item by item_id")
    return found[0]


@assumed(
    "Entries that name the same item twice are added up",
    why="nothing is published; the unit ledger stays true",
)
@assumed("More units than are open on an item is code 100", why="the number is not published")
@documented(
    "Chosen items without an open unit are refused with 1818215",
    source="Error Codes page: items already processed",
)
def open_units(order: Order, picks: tuple[Pick, ...], *, done_code: dict[str, int]) -> dict[str, int]:
    """Return units to take per line id, all of them open; `done_code` overrides 1818215 for single lines.

    Raises:
        RefusedError: an item is unknown, has nothing open, or has less open than is asked for.
    """
    wanted: dict[str, int] = {}
    for pick in picks:
        line = named_line(order, item_id=pick.item_id, retailer_id=pick.retailer_id)
        if pick.quantity < 1:
            raise invalid(f"quantity of item {line.id} must be 1 or more")
        wanted[line.id] = wanted.get(line.id, 0) + pick.quantity
    for line_id, quantity in wanted.items():
        line = order.line(line_id)
        if line.open == 0:
            raise commerce(done_code.get(line_id, 1818215), f"(item {line_id})")
        if quantity > line.open:
            raise invalid(f"Item {line_id} has {line.open} open units, not {quantity}")
    return wanted
