"""The control side: what it takes, what it refuses, and how it lists."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Sandbox

LINE = {"retailer_id": "A", "quantity": 1, "price": "2.00"}


def test_it_is_healthy(sandbox: Sandbox) -> None:
    assert sandbox.control("GET", "health", expect=200) == {"status": "ok"}


def test_prices_come_as_text_number_or_amount(sandbox: Sandbox) -> None:
    for price in ("20.00", 20, 20.0, {"amount": "20.00", "currency": "USD"}):
        order_id = sandbox.place(items=[{"retailer_id": "A", "quantity": 1, "price": price}])
        (item,) = sandbox.read(f"{order_id}/items")["data"]
        assert item["price_per_unit"] == {"amount": "20.00", "currency": "USD"}


def test_a_count_of_orders_is_placed_with_ids_beyond_2_to_the_53rd_that_rise(sandbox: Sandbox) -> None:
    ids = sandbox.control("POST", "orders", {"items": [LINE], "count": 10_000}, expect=201)["ids"]
    numbers = [int(order_id) for order_id in ids]
    assert len(set(numbers)) == 10_000
    assert numbers == sorted(numbers)
    assert numbers[0] > 2**53
    assert {len(order_id) for order_id in ids} == {17}
    assert sandbox.control("GET", "orders", count=1) == {"count": 10_000}


def test_an_order_takes_its_buyer_address_channel_and_shop(sandbox: Sandbox) -> None:
    order_id = sandbox.place(
        buyer={"name": "Ana Žižek", "email_remarketing_option": True},
        shipping_address={"name": "Ana Žižek", "street1": "Trg 1", "city": "Koper", "postal_code": "6000"},
        channel="instagram",
        currency="EUR",
        shop_id="100000000000002",
        is_test_order=True,
    )
    asked = "channel,is_test_order,buyer_details,shipping_address,estimated_payment_details{total_amount}"
    shown = sandbox.get(order_id, token="token-two", fields=asked).json()
    assert shown["channel"] == "instagram"
    assert shown["is_test_order"] is True
    assert shown["buyer_details"]["name"] == "Ana Žižek"
    assert shown["shipping_address"]["street1"] == "Trg 1"
    assert "street2" not in shown["shipping_address"]
    assert shown["estimated_payment_details"]["total_amount"] == {"amount": "60.00", "currency": "EUR"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": [{**LINE, "quantity": 0}]}, "items.0.quantity"),
        ({"items": [{**LINE, "price": "cheap"}]}, "items.0.price"),
        ({"items": [{**LINE, "price": "-1"}]}, "items.0.price"),
        ({"items": [{**LINE, "price": "NaN"}]}, "items.0.price"),
        ({"items": [{**LINE, "discount": "3.00"}]}, "items.discount"),
        ({"items": [LINE], "count": 10_001}, "count"),
        ({"items": [LINE], "state": "SHIPPED"}, "state"),
        ({"items": [LINE], "shop_id": "1"}, "shop_id"),
        ({"items": [LINE], "colour": "red"}, "colour"),
        ({"items": [LINE], "currency": "dollars"}, "currency"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_by_field(sandbox: Sandbox, body: Any, field: str) -> None:
    error = sandbox.control("POST", "orders", body, expect=422)["error"]
    assert error["field"] == field
    assert error["message"]
    assert sandbox.control("GET", "orders", count=1) == {"count": 0}


def test_bodies_that_are_no_json_are_refused_with_the_cure(sandbox: Sandbox) -> None:
    broken = sandbox.http.post("/_sandbox/orders", content=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400
    assert broken.json()["error"]["field"] == "body"
    untyped = sandbox.http.post("/_sandbox/orders", content=b'{"items":[]}')
    assert untyped.status_code == 422
    assert "Content-Type: application/json" in untyped.json()["error"]["message"]


def test_buyer_and_meta_cancel_and_refund_without_a_key(sandbox: Sandbox) -> None:
    order_id = sandbox.acknowledged()
    some = [{"retailer_id": "A", "quantity": 1}]
    sandbox.control("POST", f"orders/{order_id}/cancel", {"by": "buyer", "items": some}, expect=200)
    sandbox.done(f"{order_id}/shipments")
    item = {"retailer_id": "A", "item_refund_quantity": 1}
    looked = sandbox.control("POST", f"orders/{order_id}/refund", {"by": "meta", "items": [item]}, expect=200)
    assert looked["refunds"][0]["reason_code"] == "FACEBOOK_INITIATED"
    assert looked["items"][0]["refunded"] == 1
    by = [(effect["kind"], effect["by"], effect["idempotency_key"]) for effect in looked["effects"]]
    assert by[1] == ("cancel", "buyer", None)
    assert by[3] == ("refund", "meta", None)


def test_effects_count_the_merchants_unless_another_is_asked_for(sandbox: Sandbox) -> None:
    mine, theirs = sandbox.place(), sandbox.place()
    sandbox.done(f"{mine}/cancellations")
    sandbox.control("POST", f"orders/{theirs}/cancel", {"by": "meta"}, expect=200)
    assert sandbox.control("GET", "effects", kind="cancel", count=1) == {"count": 1}
    assert sandbox.control("GET", "effects", kind="cancel", count=1, by="meta") == {"count": 1}
    assert sandbox.control("GET", "effects", kind="cancel", count=1, by="any") == {"count": 2}
    assert sandbox.control("GET", "effects", order_id=theirs, count=1) == {"count": 0}


def test_what_can_not_be_done_to_an_order_is_a_conflict(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    released = sandbox.control("POST", f"orders/{order_id}/release", expect=409)
    assert "not in FB_PROCESSING" in released["error"]["message"]
    refund = {"by": "meta", "reason_code": "WRONG_ITEM"}
    assert (
        "charged"
        in sandbox.control("POST", f"orders/{order_id}/refund", refund, expect=409)["error"]["message"]
    )
    sandbox.control("POST", f"orders/{order_id}/refund", {"by": "meta", "items": 7}, expect=422)
    sandbox.control("POST", f"orders/{order_id}/refund", {"by": "buyer"}, expect=422)
    sandbox.control("POST", f"orders/{order_id}/cancel", {"by": "buyer"}, expect=200)
    sandbox.control("POST", f"orders/{order_id}/cancel", {"by": "buyer"}, expect=409)
    missing = sandbox.control("GET", "orders/1", expect=404)
    assert missing["error"]["field"] == "order_id"


def test_lists_are_walked_by_cursor_to_their_end(sandbox: Sandbox) -> None:
    placed = sandbox.control("POST", "orders", {"items": [LINE], "count": 7})["ids"]
    for path in ("orders", "calls", "effects"):
        for order_id in placed if path == "effects" else ():
            sandbox.done(f"{order_id}/acknowledge_order")
        seen: list[Any] = []
        query: dict[str, Any] = {"limit": 3}
        for _ in range(10):
            page = sandbox.control("GET", path, expect=200, **query)
            seen += page["data"]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert len(seen) == sandbox.control("GET", path, count=1)["count"]
        if path != "calls":
            assert [entry.get("order_id", entry.get("id")) for entry in seen] == placed


def test_a_list_refuses_a_cursor_and_a_limit_it_can_not_read(sandbox: Sandbox) -> None:
    for query in ({"cursor": "x"}, {"limit": 0}, {"limit": 1_001}):
        error = sandbox.control("GET", "effects", expect=422, **query)["error"]
        assert error["field"] in query


def test_calls_are_kept_without_tokens_and_proofs(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    sandbox.done(f"{order_id}/acknowledge_order", key="k", merchant_order_reference="R")
    sandbox.get("123456", access_token="token-one", appsecret_proof="0" * 64)
    write, read = sandbox.control("GET", "calls", expect=200)["data"]
    assert (write["order_id"], write["kind"], write["idempotency_key"]) == (
        order_id,
        "acknowledge_order",
        "k",
    )
    assert write["request"] == {"idempotency_key": "k", "merchant_order_reference": "R"}
    assert (write["status"], write["method"], write["path"]) == (
        200,
        "POST",
        f"/{order_id}/acknowledge_order",
    )
    assert (read["order_id"], read["kind"], read["request"], read["status"]) == (None, "read", {}, 400)
    assert sandbox.control("GET", "calls", kind="read", count=1) == {"count": 1}
    assert sandbox.control("GET", "calls", method="POST", order_id=order_id, count=1) == {"count": 1}


def test_whatever_was_sent_can_be_listed(sandbox: Sandbox) -> None:
    order_id = sandbox.acknowledged()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer token-one"}
    half = b'{"idempotency_key":"k","external_redemption_link":"\\ud800","note":1.5}'
    assert sandbox.http.post(f"/{order_id}/shipments", content=half, headers=headers).json() == {
        "success": True
    }
    assert sandbox.control("GET", "effects", kind="ship")["data"][0]["request"]["note"] == "1.5"
    large = {"idempotency_key": "l", "note": "x" * 100_000}
    sandbox.http.post(f"/{order_id}/shipments", json=large, headers=headers)
    kept = sandbox.control("GET", "calls", kind="shipments")["data"]
    assert kept[0]["request"]["external_redemption_link"] == "\ud800"
    assert set(kept[1]["request"]) == {"too_large_to_keep_bytes"}


def test_what_does_not_exist_is_told_in_the_same_shape(sandbox: Sandbox) -> None:
    assert sandbox.control("GET", "nothing", expect=404)["error"]["field"] == "path"
    assert sandbox.control("DELETE", "orders", expect=405)["error"]["field"] == "path"


def test_settings_change_by_name_and_refuse_unknown_ones(sandbox: Sandbox) -> None:
    changed = sandbox.control("PUT", "settings", {"capture_delay_s": 5}, expect=200)
    assert (changed["capture_delay_s"], changed["remorse_s"]) == (5, 1800)
    assert sandbox.control("GET", "settings") == changed
    assert (
        sandbox.control("PUT", "settings", {"capture_delay": 5}, expect=422)["error"]["field"]
        == "capture_delay"
    )
    error = sandbox.control("PUT", "settings", {"error_style": "loud"}, expect=422)["error"]
    assert error["field"] == "error_style"
    assert "'subcode' or 'code'" in error["message"]


def test_the_clock_only_runs_forward(sandbox: Sandbox) -> None:
    before = sandbox.control("GET", "clock")["now"]
    after = sandbox.control("POST", "clock", {"advance_s": 3600}, expect=200)["now"]
    assert after > before
    for advance in (-1, 1e12, "x"):
        assert (
            sandbox.control("POST", "clock", {"advance_s": advance}, expect=422)["error"]["field"]
            == "advance_s"
        )


def test_a_token_of_an_unknown_shop_is_refused(sandbox: Sandbox) -> None:
    assert (
        sandbox.control("POST", "token", {"state": "ok", "shop_id": "1"}, expect=422)["error"]["field"]
        == "shop_id"
    )
    assert sandbox.control("POST", "token", {"state": "ill"}, expect=422)["error"]["field"] == "state"


def test_a_reset_empties_everything_but_goes_on_with_ids(sandbox: Sandbox) -> None:
    old = sandbox.shipped()
    sandbox.control("PUT", "settings", {"retired": True})
    sandbox.control("PUT", "faults", [{"kind": "status"}])
    sandbox.control("POST", "token", {"state": "expired"})
    assert sandbox.control("POST", "reset", expect=200) == {"status": "empty"}
    for path in ("orders", "effects", "calls", "deliveries"):
        assert sandbox.control("GET", path, count=1) == {"count": 0}
    new = sandbox.place()
    assert int(new) > int(old)
    assert sandbox.read(new)["id"] == new
    assert sandbox.get(old).status_code == 400


def test_rules_are_listed_with_status_source_and_place(sandbox: Sandbox) -> None:
    rules = sandbox.control("GET", "rules", expect=200)["data"]
    assert {rule["status"] for rule in rules} == {"documented", "assumed"}
    assert all(rule["source"] and rule["where"].startswith("sandbox.") for rule in rules)
    assert len({rule["rule"] for rule in rules}) == len(rules)
