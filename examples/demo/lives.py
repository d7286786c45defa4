"""The four lives. Each is played through Orderwire alone and then judged by the sandbox's own ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from examples.demo.shop_floor import ShopFloor

MUG = {"retailer_id": "MUG-BLUE", "quantity": 3, "price": "20.00"}
TEA = {"retailer_id": "TEA-GREEN", "quantity": 1, "price": "8.50"}


def whole_life(floor: ShopFloor) -> tuple[str, list[str]]:
    """Play a life from placement to a partial refund; returns the order and what was wrong with it."""
    order_id = floor.place(state="FB_PROCESSING", items=[MUG])
    floor.until(order_id, "seen in FB_PROCESSING", lambda order: order["state"] == "FB_PROCESSING")
    floor.platform("POST", f"/orders/{order_id}/release", {})
    floor.tell(order_id, "released by the platform, webhook sent")
    order = floor.until(order_id, "acknowledged", _in_progress)
    item_id = order["items"][0]["id"]
    for quantity, number in ((2, "1Z0001"), (1, "1Z0002")):
        floor.post(
            order_id,
            "shipments",
            {
                "items": [{"item_id": item_id, "quantity": quantity}],
                "tracking": {"carrier": "UPS", "tracking_number": number},
            },
        ).raise_for_status()
    floor.until(order_id, "completed", lambda order: order["state"] == "COMPLETED")
    refund = {"items": [{"item_id": item_id, "quantity": 1}], "reason_code": "DAMAGED_GOODS"}
    floor.post(order_id, "refunds", refund).raise_for_status()
    floor.until(order_id, "refunded", lambda order: order["items"][0]["refunded_quantity"] == 1)
    ledger = floor.platform("GET", f"/orders/{order_id}")
    units = ledger["items"][0]
    return order_id, _wrong(
        {
            "state is COMPLETED": ledger["state"] == "COMPLETED",
            "a merchant_order_reference is kept": bool(ledger["merchant_order_reference"]),
            "three units shipped, one refunded": (units["shipped"], units["refunded"]) == (3, 1),
            "effects are acknowledge, ship, ship, refund": _kinds(ledger)
            == ["acknowledge", "ship", "ship", "refund"],
        }
    )


def repeated_webhook(floor: ShopFloor) -> tuple[str, list[str]]:
    """Send one webhook 20 times, 10 of them at once; one order and one acknowledgement must come of it."""
    floor.platform("PUT", "/webhooks", {"enabled": False})
    order_id = floor.place(state="CREATED", items=[TEA])
    statuses = floor.send_webhook(order_id, one_by_one=10, at_once=10)
    floor.tell(order_id, f"the same signed webhook {len(statuses)} times, answers {sorted(set(statuses))}")
    floor.until(order_id, "acknowledged", _in_progress)
    floor.platform("PUT", "/webhooks", {"enabled": True})
    ledger = floor.platform("GET", f"/orders/{order_id}")
    return order_id, _wrong(
        {
            "all 20 were answered 200": statuses == [200] * 20,
            "one acknowledgement": _kinds(ledger) == ["acknowledge"],
        }
    )


def cancelled(floor: ShopFloor) -> tuple[str, list[str]]:
    """Cancel an acknowledged order; a shipment asked for afterwards must be refused with a clear problem."""
    order_id = floor.place(state="CREATED", items=[MUG, TEA])
    floor.until(order_id, "acknowledged", _in_progress)
    reason = {
        "reason_code": "OUT_OF_STOCK",
        "reason_description": "The last one broke",
        "restock_items": True,
    }
    floor.post(order_id, "cancellations", reason).raise_for_status()
    floor.until(order_id, "cancelled", lambda order: order["state"] == "COMPLETED")
    shipment = {"ship_all_remaining": True, "tracking": {"carrier": "UPS", "tracking_number": "1Z0003"}}
    answer = floor.post(order_id, "shipments", shipment)
    problem = answer.json()
    floor.tell(
        order_id, f"shipment refused: {answer.status_code} {problem.get('code')}: {problem.get('title')}"
    )
    ledger = floor.platform("GET", f"/orders/{order_id}")
    return order_id, _wrong(
        {
            "every unit is cancelled": all(item["open"] == item["shipped"] == 0 for item in ledger["items"]),
            "the shipment was refused with 409": (answer.status_code, problem.get("code"))
            == (409, "order_cancelled"),
            "effects are acknowledge, cancel": _kinds(ledger) == ["acknowledge", "cancel"],
        }
    )


def unannounced(floor: ShopFloor) -> tuple[str, list[str]]:
    """Place an order that no webhook announces; the poll must find it."""
    floor.platform("PUT", "/webhooks", {"enabled": False})
    order_id = floor.place(state="CREATED", items=[TEA])
    floor.tell(order_id, "no webhook is sent; waiting for the poll")
    floor.until(order_id, "found by the poll and acknowledged", _in_progress)
    floor.platform("PUT", "/webhooks", {"enabled": True})
    ledger = floor.platform("GET", f"/orders/{order_id}")
    return order_id, _wrong({"one acknowledgement": _kinds(ledger) == ["acknowledge"]})


LIVES: tuple[Callable[[ShopFloor], tuple[str, list[str]]], ...] = (
    whole_life,
    repeated_webhook,
    cancelled,
    unannounced,
)


def _in_progress(order: dict[str, Any]) -> bool:
    return order["state"] == "IN_PROGRESS" and bool(order["merchant_order_reference"])


def _kinds(ledger: dict[str, Any]) -> list[str]:
    return [effect["kind"] for effect in ledger["effects"]]


def _wrong(expectations: dict[str, bool]) -> list[str]:
    return [wish for wish, met in expectations.items() if not met]
