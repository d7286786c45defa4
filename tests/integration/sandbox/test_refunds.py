"""Refunding over the Graph: to the cent, never more than was charged, never before it was."""

from __future__ import annotations

from typing import Any

from .conftest import Sandbox


def test_refunds_are_refused_before_anything_is_charged(sandbox: Sandbox) -> None:
    created, held = sandbox.place(), sandbox.place(state="FB_PROCESSING")
    for order_id in (created, held):
        assert sandbox.refused(f"{order_id}/refunds", reason_code="WRONG_ITEM") == 1818107
    cancelled = sandbox.acknowledged()
    sandbox.done(f"{cancelled}/cancellations")
    assert sandbox.refused(f"{cancelled}/refunds", reason_code="WRONG_ITEM") == 1818105


def test_a_refund_waits_for_the_capture_on_the_sandbox_clock_s16(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "settings", {"capture_delay_s": 60}, expect=200)
    order_id = sandbox.shipped()
    assert sandbox.refused(f"{order_id}/refunds", reason_code="WRONG_ITEM") == 2361076
    assert "transaction_details" not in sandbox.read(f"{order_id}/payments")["data"][0]
    sandbox.control("POST", "clock", {"advance_s": 60})
    assert sandbox.read(f"{order_id}/payments")["data"][0]["transaction_details"]["data"]
    sandbox.done(f"{order_id}/refunds", reason_code="WRONG_ITEM")


def test_refunds_by_quantity_and_amount_stop_at_what_was_charged(sandbox: Sandbox) -> None:
    order_id = sandbox.shipped(shipping="6.00", tax_rate="0.08")

    def refund(**params: Any) -> int:
        return sandbox.refused(f"{order_id}/refunds", reason_code="WRONG_ITEM", **params)

    def by_amount(amount: str) -> list[dict[str, Any]]:
        return [{"retailer_id": "A", "item_refund_amount": {"amount": amount, "currency": "USD"}}]

    assert refund(items=[{"retailer_id": "A", "item_refund_quantity": 4}]) == 2382023
    assert refund(items=by_amount("60.01")) == 2382023
    assert refund(items=by_amount("0")) == 100
    assert refund(items=[{"retailer_id": "A"}]) == 100
    assert refund(items=[{"retailer_id": "Z", "item_refund_quantity": 1}]) == 2382021
    assert refund(items=[{"item_id": "1", "item_refund_quantity": 1}]) == 100
    assert refund(items=[{"retailer_id": "A", "item_refund_amount": {"amount": 1, "currency": "EUR"}}]) == 100
    assert refund(shipping={"shipping_refund": {"amount": "6.01", "currency": "USD"}}) == 2382022
    assert refund(items=[], deductions=[]) == 2382030
    assert sandbox.refused(f"{order_id}/refunds") == 100
    assert sandbox.refused(f"{order_id}/refunds", reason_code="NONE") == 100

    for _ in range(3):
        sandbox.done(
            f"{order_id}/refunds",
            reason_code="WRONG_ITEM",
            items=[{"retailer_id": "A", "item_refund_quantity": 1}],
        )
    assert refund(items=[{"retailer_id": "A", "item_refund_quantity": 1}]) == 2382319
    assert refund() == 2382319
    shipping = {"shipping_refund": {"amount": "6.00", "currency": "USD"}}
    sandbox.done(f"{order_id}/refunds", reason_code="WRONG_ITEM", items=[], shipping=shipping)
    looked = sandbox.look(order_id)
    assert looked["money"] == {"currency": "USD", "captured": "71.28", "refunded": "71.28"}


def test_two_goodwill_refunds_under_two_keys_are_two_and_under_one_key_one_s11(sandbox: Sandbox) -> None:
    order_id = sandbox.shipped()
    five = [{"retailer_id": "A", "item_refund_amount": {"amount": "5.00", "currency": "USD"}}]
    for key in ("one", "two", "two"):
        sandbox.done(f"{order_id}/refunds", key=key, reason_code="REFUND_REASON_OTHER", items=five)
    assert [refund["total"] for refund in sandbox.look(order_id)["refunds"]] == ["5.00", "5.00"]


def test_a_deduction_lowers_the_refund_and_goodwill_raises_it(sandbox: Sandbox) -> None:
    order_id = sandbox.shipped()
    sandbox.done(
        f"{order_id}/refunds",
        reason_code="WRONG_ITEM",
        items=[{"retailer_id": "A", "item_refund_quantity": 1}],
        deductions=[
            {"deduction_type": "RETURN_SHIPPING", "deduction_amount": {"amount": "4", "currency": "USD"}}
        ],
    )
    sandbox.done(
        f"{order_id}/refunds",
        reason_code="REFUND_REASON_OTHER",
        adjustment_amount={"amount": 2.5, "currency": "USD"},
    )
    assert [refund["total"] for refund in sandbox.look(order_id)["refunds"]] == ["16.00", "2.50"]
    bad = [{"deduction_type": "LABEL", "deduction_amount": {"amount": "4", "currency": "USD"}}]
    assert sandbox.refused(f"{order_id}/refunds", reason_code="WRONG_ITEM", deductions=bad) == 100
