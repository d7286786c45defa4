"""What buyers and Meta do by themselves, and nobody announces: it is found, and enters copy and timeline."""

from __future__ import annotations

import time

from tests.fault.conftest import Trouble

UNANNOUNCED_S = 40.0


def test_s24_a_buyer_who_cancels_during_the_hold_is_known_and_nothing_is_sent(trouble: Trouble) -> None:
    [order_id] = trouble.place(state="FB_PROCESSING")
    trouble.until(lambda: trouble.order(order_id).get("state") == "FB_PROCESSING")
    trouble.control("PUT", "/webhooks", {"enabled": False})
    try:
        trouble.control("POST", f"/orders/{order_id}/cancel", {"by": "buyer"})
        trouble.until(lambda: trouble.order(order_id)["state"] != "FB_PROCESSING", within_s=30)
    finally:
        trouble.control("PUT", "/webhooks", {"enabled": True})
    causes = {entry["cause"] for entry in trouble.timeline(order_id) if entry["what"] == "cancellation.added"}
    assert causes == {"reconciliation"}
    assert trouble.commands(order_id) == []


def test_s25_partial_cancellations_and_refunds_of_a_gap_are_found(trouble: Trouble) -> None:
    cancelled, refunded = trouble.acknowledged(2)
    trouble.finished(trouble.ship(refunded))
    item = trouble.order(cancelled)["items"][0]["id"]
    # The platform counts whole seconds: what happens in the second of the last webhook was announced by it.
    time.sleep(1.1)
    trouble.control("PUT", "/webhooks", {"enabled": False})
    try:
        part = {"by": "buyer", "items": [{"item_id": item, "quantity": 1}]}
        trouble.control("POST", f"/orders/{cancelled}/cancel", part)
        line = {"item_id": trouble.order(refunded)["items"][0]["id"], "item_refund_quantity": 1}
        trouble.control("POST", f"/orders/{refunded}/refund", {"by": "meta", "items": [line]})
        trouble.until(lambda: trouble.order(cancelled)["items"][0]["status"]["cancelled"] == 1, within_s=30)
        trouble.until(lambda: trouble.order(refunded)["items"][0]["refunded_quantity"] == 1, within_s=30)
        # Found by nobody but us: drift, counted and listed.
        trouble.until(lambda: {cancelled, refunded} <= _drifted(trouble), within_s=UNANNOUNCED_S)
    finally:
        trouble.control("PUT", "/webhooks", {"enabled": True})


def _drifted(trouble: Trouble) -> set[str]:
    found = trouble.stack.api("GET", "/v1/drift", params={"limit": 100}).json()["data"]
    return {entry["order_id"] for entry in found}


def test_a_change_that_a_webhook_announced_is_no_drift(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    trouble.control("POST", f"/orders/{order_id}/cancel", {"by": "buyer"})
    trouble.announce(order_id)
    trouble.until(lambda: trouble.order(order_id)["state"] == "COMPLETED")
    assert order_id not in _drifted(trouble)


def test_a_shipment_that_the_buyers_cancellation_overtook_is_refused_with_that_reason(
    trouble: Trouble,
) -> None:
    [order_id] = trouble.acknowledged()
    trouble.faults({"path": f"/{order_id}/shipments", "kind": "busy", "times": 1})
    command_id = trouble.ship(order_id)
    trouble.until(lambda: trouble.command(command_id)["status"] == "waiting")
    trouble.control("POST", f"/orders/{order_id}/cancel", {"by": "buyer"})
    done = trouble.finished(command_id)
    assert done["status"] == "failed"
    assert "cancelled" in done["error"]
    assert trouble.effects(order_id, "ship") == []


def test_s24_an_order_that_the_platform_denies_after_its_hold_is_closed_and_untouchable(
    trouble: Trouble,
) -> None:
    [order_id] = trouble.place(state="FB_PROCESSING")
    trouble.until(lambda: trouble.order(order_id).get("state") == "FB_PROCESSING")
    trouble.faults({"path": f"/{order_id}", "method": "GET", "kind": "error", "code": 100, "subcode": 33})
    trouble.control("PUT", "/webhooks", {"enabled": False})
    try:
        trouble.control("POST", f"/orders/{order_id}/cancel", {"by": "buyer"})
        trouble.until(lambda: trouble.order(order_id)["state"] == "UNKNOWN", within_s=30)
    finally:
        trouble.control("PUT", "/webhooks", {"enabled": True})
    assert "order.vanished" in [entry["what"] for entry in trouble.timeline(order_id)]
    body = {"merchant_order_reference": "A-1"}
    answer = trouble.stack.api("POST", f"/v1/orders/{order_id}/acknowledgement", json=body)
    assert answer.status_code == 409


def test_a_refund_that_meta_had_made_already_converges_after_a_read(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    trouble.finished(trouble.ship(order_id))
    item = trouble.order(order_id)["items"][0]["id"]
    trouble.faults(
        # Polls would find Meta's refund first, and then there is nothing to converge.
        {"path": "/commerce_orders", "method": "GET", "kind": "html"},
        {"path": f"/{order_id}/refunds", "method": "POST", "kind": "error", "code": 2382319, "times": 1},
    )
    trouble.control("PUT", "/webhooks", {"enabled": False})
    try:
        line = {"item_id": item, "item_refund_quantity": 3}
        trouble.control("POST", f"/orders/{order_id}/refund", {"by": "meta", "items": [line]})
        done = trouble.finished(trouble.refund(order_id, 3))
    finally:
        trouble.control("PUT", "/webhooks", {"enabled": True})
    assert done["status"] == "succeeded"
    assert [attempt["outcome"] for attempt in done["attempts"]] == ["refused"]
    # The money went back once, by Meta's act; ours changed nothing.
    assert trouble.effects(order_id, "refund") == []
    assert trouble.order(order_id)["items"][0]["refunded_quantity"] == 3
