"""Answers that never came: the change is made once, and the ledger knows it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.fault.conftest import Trouble


def test_s12_an_acknowledgement_whose_answer_was_lost_is_made_once(trouble: Trouble) -> None:
    trouble.faults({"path": "*/acknowledge_order", "method": "POST", "kind": "drop_after", "times": 1})
    [order_id] = trouble.acknowledged()
    assert len(trouble.effects(order_id, "acknowledge")) == 1
    [command] = trouble.commands(order_id)
    trouble.finished(command["id"])
    assert trouble.command(command["id"])["status"] == "succeeded"
    words = [entry["what"] for entry in trouble.timeline(order_id)]
    assert "attempt.finished" in words
    keys = {call["idempotency_key"] for call in trouble.calls(order_id, "acknowledge_order")}
    assert len(keys) == 1


def test_s12_a_lost_answer_before_the_effect_is_sent_again_with_the_same_bytes(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    trouble.faults({"path": f"/{order_id}/shipments", "method": "POST", "kind": "drop_before", "times": 2})
    done = trouble.finished(trouble.ship(order_id))
    assert done["status"] == "succeeded"
    assert [attempt["outcome"] for attempt in done["attempts"]] == ["unknown", "unknown", "accepted"]
    calls = trouble.calls(order_id, "shipments")
    assert len(calls) == 3
    assert len({str(call["request"]) for call in calls}) == 1
    assert len(trouble.effects(order_id, "ship")) == 1


def test_s13_a_busy_order_is_asked_again_under_a_new_key(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    trouble.faults({"path": f"/{order_id}/shipments", "kind": "busy", "times": 1})
    done = trouble.finished(trouble.ship(order_id))
    assert [attempt["outcome"] for attempt in done["attempts"]] == ["busy", "accepted"]
    first, second = (attempt["idempotency_key"] for attempt in done["attempts"])
    assert first != second
    assert len(trouble.effects(order_id, "ship")) == 1


def test_s14_a_shipment_and_a_cancellation_at_once_are_both_answered_in_order(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    mug = [{"retailer_id": "MUG", "quantity": 1}]
    with ThreadPoolExecutor(2) as threads:
        shipping = threads.submit(
            trouble.post,
            order_id,
            "shipments",
            {"items": mug, "tracking": {"carrier": "UPS", "tracking_number": "1ZA"}},
        )
        cancelling = threads.submit(
            trouble.post, order_id, "cancellations", {"items": mug, "reason_code": "OUT_OF_STOCK"}
        )
    for command_id in (shipping.result(), cancelling.result()):
        assert trouble.finished(command_id)["status"] == "succeeded"
    assert trouble.finished(trouble.refund(order_id))["status"] == "succeeded"
    kinds = [trouble.effects(order_id, kind) for kind in ("ship", "cancel", "refund")]
    assert [len(found) for found in kinds] == [1, 1, 1]


def test_s15_a_refund_whose_answer_was_lost_gives_the_money_once(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    trouble.finished(trouble.ship(order_id))
    trouble.faults({"path": f"/{order_id}/refunds", "method": "POST", "kind": "drop_after", "times": 1})
    done = trouble.finished(trouble.refund(order_id))
    assert done["status"] == "succeeded"
    assert len({attempt["idempotency_key"] for attempt in done["attempts"]}) == 1
    assert len(trouble.effects(order_id, "refund")) == 1
    trouble.until(lambda: len(trouble.order(order_id)["refunds"]) == 1)
    assert trouble.order(order_id)["items"][0]["refunded_quantity"] == 1


def test_s16_a_refund_before_the_capture_waits_and_says_why(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    trouble.finished(trouble.ship(order_id))
    trouble.faults({"path": f"/{order_id}/refunds", "method": "POST", "kind": "busy", "code": 2361076})
    command_id = trouble.refund(order_id)
    trouble.until(lambda: trouble.command(command_id)["status"] == "waiting")
    command = trouble.command(command_id)
    assert len(command["attempts"]) == 1
    assert command["next_attempt_at"] > command["attempts"][0]["finished_at"]
    assert "charged" in str(command["error"]) or "captur" in str(command["error"])


def test_s18_an_order_that_always_fails_stops_visibly_and_holds_up_nobody(trouble: Trouble) -> None:
    bad, *others = trouble.acknowledged(6)
    trouble.faults({"path": f"/{bad}/shipments", "method": "POST", "kind": "status", "status": 500})
    stuck = trouble.ship(bad)
    shipped = [trouble.ship(order_id) for order_id in others]
    for command_id in shipped:
        assert trouble.finished(command_id)["status"] == "succeeded"
    # The shop's breaker must not have opened for one bad order among good ones.
    assert trouble.alerts("breaker_open") == []
    dead = trouble.finished(stuck, within_s=60)
    assert dead["status"] == "dead"
    assert len(dead["attempts"]) == 4
    trouble.until(lambda: stuck in {alert["subject"] for alert in trouble.alerts("dead_letter")})
    # S23: told to operators, and a person can replay it once the cause is gone.
    trouble.faults()
    answer = trouble.stack.api("POST", f"/v1/commands/{stuck}/replay")
    assert answer.status_code in (200, 202), answer.text
    assert trouble.finished(stuck)["status"] == "succeeded"
    assert len(trouble.effects(bad, "ship")) == 1
    trouble.until(lambda: stuck not in {alert["subject"] for alert in trouble.alerts("dead_letter")})


def test_s23_a_failed_acknowledgement_is_retried_until_it_is_made(trouble: Trouble) -> None:
    trouble.faults(
        {"path": "*/acknowledge_order", "method": "POST", "kind": "status", "status": 503, "times": 2}
    )
    [order_id] = trouble.acknowledged()
    assert len(trouble.effects(order_id, "acknowledge")) == 1


def test_a_code_nobody_knows_refuses_the_command_and_is_told(trouble: Trouble) -> None:
    [order_id] = trouble.acknowledged()
    trouble.faults(
        {"path": f"/{order_id}/shipments", "method": "POST", "kind": "error", "code": 987654, "times": 1}
    )
    done = trouble.finished(trouble.ship(order_id))
    assert done["status"] == "failed"
    trouble.until(lambda: "987654" in {alert["subject"] for alert in trouble.alerts("unknown_code")})
