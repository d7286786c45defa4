"""The four scenarios: each uses Orderwire's API only, and is then checked against the sandbox's ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from examples.demo.client import DemoClient

MUG = {"retailer_id": "MUG-BLUE", "quantity": 3, "price": "20.00"}
TEA = {"retailer_id": "TEA-GREEN", "quantity": 1, "price": "8.50"}


def full_lifecycle(client: DemoClient) -> tuple[str, list[str]]:
    """Run an order from placement to a partial refund; return its id and the checks that failed."""
    order_id = client.place(state="FB_PROCESSING", items=[MUG])
    client.until(order_id, "seen in FB_PROCESSING", lambda order: order["state"] == "FB_PROCESSING")
    client.platform("POST", f"/orders/{order_id}/release", {})
    client.log(order_id, "released by the platform, webhook sent")
    order = client.until(order_id, "acknowledged", _in_progress)
    item_id = order["items"][0]["id"]
    for quantity, number in ((2, "1Z0001"), (1, "1Z0002")):
        client.post(
            order_id,
            "shipments",
            {
                "items": [{"item_id": item_id, "quantity": quantity}],
                "tracking": {"carrier": "UPS", "tracking_number": number},
            },
        ).raise_for_status()
    client.until(order_id, "completed", lambda order: order["state"] == "COMPLETED")
    refund = {"items": [{"item_id": item_id, "quantity": 1}], "reason_code": "DAMAGED_GOODS"}
    client.post(order_id, "refunds", refund).raise_for_status()
    client.until(order_id, "refunded", lambda order: order["items"][0]["refunded_quantity"] == 1)
    ledger = client.platform("GET", f"/orders/{order_id}")
    units = ledger["items"][0]
    return order_id, _failed(
        {
            "state is COMPLETED": ledger["state"] == "COMPLETED",
            "the merchant_order_reference is stored": bool(ledger["merchant_order_reference"]),
            "three units shipped, one refunded": (units["shipped"], units["refunded"]) == (3, 1),
            "effects are acknowledge, ship, ship, refund": _kinds(ledger)
            == ["acknowledge", "ship", "ship", "refund"],
        }
    )


def repeated_webhook(client: DemoClient) -> tuple[str, list[str]]:
    """Send one webhook 20 times, 10 of them at once; it must result in one order and one acknowledgement."""
    client.platform("PUT", "/webhooks", {"enabled": False})
    order_id = client.place(state="CREATED", items=[TEA])
    statuses = client.send_webhook(order_id, one_by_one=10, at_once=10)
    client.log(order_id, f"the same signed webhook {len(statuses)} times, answers {sorted(set(statuses))}")
    client.until(order_id, "acknowledged", _in_progress)
    client.platform("PUT", "/webhooks", {"enabled": True})
    ledger = client.platform("GET", f"/orders/{order_id}")
    return order_id, _failed(
        {
            "all 20 were answered 200": statuses == [200] * 20,
            "one acknowledgement": _kinds(ledger) == ["acknowledge"],
        }
    )


def cancelled(client: DemoClient) -> tuple[str, list[str]]:
    """Cancel an acknowledged order; a later request to ship it must be refused with a clear problem."""
    order_id = client.place(state="CREATED", items=[MUG, TEA])
    client.until(order_id, "acknowledged", _in_progress)
    reason = {
        "reason_code": "OUT_OF_STOCK",
        "reason_description": "The last one broke",
        "restock_items": True,
    }
    client.post(order_id, "cancellations", reason).raise_for_status()
    client.until(order_id, "cancelled", lambda order: order["state"] == "COMPLETED")
    shipment = {"ship_all_remaining": True, "tracking": {"carrier": "UPS", "tracking_number": "1Z0003"}}
    answer = client.post(order_id, "shipments", shipment)
    problem = answer.json()
    client.log(
        order_id, f"shipment refused: {answer.status_code} {problem.get('code')}: {problem.get('title')}"
    )
    ledger = client.platform("GET", f"/orders/{order_id}")
    return order_id, _failed(
        {
            "every unit is cancelled": all(item["open"] == item["shipped"] == 0 for item in ledger["items"]),
            "the shipment was refused with 409": (answer.status_code, problem.get("code"))
            == (409, "order_cancelled"),
            "effects are acknowledge, cancel": _kinds(ledger) == ["acknowledge", "cancel"],
        }
    )


def unannounced(client: DemoClient) -> tuple[str, list[str]]:
    """Place an order that no webhook announces; reconciliation must find it."""
    client.platform("PUT", "/webhooks", {"enabled": False})
    order_id = client.place(state="CREATED", items=[TEA])
    client.log(order_id, "no webhook is sent; waiting for reconciliation")
    client.until(order_id, "found by reconciliation and acknowledged", _in_progress)
    client.platform("PUT", "/webhooks", {"enabled": True})
    ledger = client.platform("GET", f"/orders/{order_id}")
    return order_id, _failed({"one acknowledgement": _kinds(ledger) == ["acknowledge"]})


SCENARIOS: tuple[Callable[[DemoClient], tuple[str, list[str]]], ...] = (
    full_lifecycle,
    repeated_webhook,
    cancelled,
    unannounced,
)


def _in_progress(order: dict[str, Any]) -> bool:
    return order["state"] == "IN_PROGRESS" and bool(order["merchant_order_reference"])


def _kinds(ledger: dict[str, Any]) -> list[str]:
    return [effect["kind"] for effect in ledger["effects"]]


def _failed(checks: dict[str, bool]) -> list[str]:
    return [check for check, holds in checks.items() if not holds]
