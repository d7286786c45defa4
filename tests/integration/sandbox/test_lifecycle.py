"""Changing orders over the Graph: every edge, every refusal of the reference in its place."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Sandbox

CMS, PAGE = "100000000000001", "200000000000001"
UPS = {"carrier": "UPS", "tracking_number": "1Z1"}


def units(sandbox: Sandbox, order_id: str) -> tuple[int, int, int, int]:
    (item,) = sandbox.look(order_id)["items"]
    return item["open"], item["shipped"], item["cancelled"], item["refunded"]


def test_an_order_lives_from_acknowledgement_to_refund(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    answer = sandbox.done(f"{order_id}/acknowledge_order", merchant_order_reference="A-100")
    assert answer == {"id": order_id, "state": "IN_PROGRESS"}
    ship = {"items": [{"retailer_id": "A", "quantity": 1}], "tracking_info": UPS}
    assert sandbox.done(f"{order_id}/shipments", **ship) == {"success": True}
    assert sandbox.look(order_id)["state"] == "IN_PROGRESS"
    assert sandbox.done(f"{order_id}/shipments") == {"success": True}
    assert sandbox.done(f"{order_id}/refunds", reason_code="WRONG_ITEM") == {"success": True}
    looked = sandbox.look(order_id)
    assert looked["state"] == "COMPLETED"
    assert looked["money"] == {"currency": "USD", "captured": "60.00", "refunded": "60.00"}
    assert [effect["kind"] for effect in looked["effects"]] == ["acknowledge", "ship", "ship", "refund"]
    assert sandbox.read(order_id, fields="merchant_order_id")["merchant_order_id"] == "A-100"


def test_two_boxes_make_two_shipments_and_complete_the_order_s05(sandbox: Sandbox) -> None:
    order_id = sandbox.acknowledged()
    for number, quantity in (("1Z1", 2), ("1Z2", 1)):
        sandbox.done(
            f"{order_id}/shipments",
            items=[{"item_id": sandbox.items(order_id)[0], "quantity": quantity}],
            tracking_info={"carrier": "UPS", "tracking_number": number},
        )
    assert len(sandbox.read(f"{order_id}/shipments")["data"]) == 2
    assert sandbox.look(order_id)["state"] == "COMPLETED"
    assert units(sandbox, order_id) == (0, 3, 0, 0)


def test_only_a_created_order_can_be_acknowledged(sandbox: Sandbox) -> None:
    held = sandbox.place(state="FB_PROCESSING")
    done = sandbox.shipped()
    running = sandbox.acknowledged()
    for order_id in (held, done, running):
        assert sandbox.refused(f"{order_id}/acknowledge_order") == 2361009


def test_acknowledging_again_can_be_set_to_answer_the_state_and_changes_nothing(sandbox: Sandbox) -> None:
    order_id = sandbox.acknowledged()
    sandbox.control("PUT", "settings", {"acknowledge_again": "state"}, expect=200)
    assert sandbox.done(f"{order_id}/acknowledge_order") == {"id": order_id, "state": "IN_PROGRESS"}
    assert len(sandbox.effects(order_id=order_id)) == 1


def test_a_reference_is_unique_immutable_and_may_come_with_the_first_shipment(sandbox: Sandbox) -> None:
    first, second = sandbox.place(), sandbox.place()
    sandbox.done(f"{first}/acknowledge_order", merchant_order_reference="A-100")
    assert sandbox.refused(f"{second}/acknowledge_order", merchant_order_reference="A-100") == 100
    assert sandbox.refused(f"{first}/shipments", merchant_order_reference="A-100-B") == 100
    sandbox.done(f"{first}/shipments", merchant_order_reference="A-100")
    sandbox.done(f"{second}/acknowledge_order")
    sandbox.done(f"{second}/shipments", merchant_order_reference="A-101")
    assert sandbox.look(second)["merchant_order_reference"] == "A-101"


def test_a_batch_of_100_is_partly_refused_entry_by_entry_s17(sandbox: Sandbox) -> None:
    body = {"items": [{"retailer_id": "A", "quantity": 1, "price": 1}]}
    created = sandbox.control("POST", "orders", {**body, "count": 95})["ids"]
    held = sandbox.control("POST", "orders", {**body, "count": 2, "state": "FB_PROCESSING"})["ids"]
    unknown = ["11", "12", sandbox.place(shop_id="100000000000002")]
    ids = [*held, *created, *unknown]
    answer = sandbox.done(
        f"{CMS}/acknowledge_orders", orders=[{"id": order_id} for order_id in ids], key="batch"
    )
    assert [entry["id"] for entry in answer["orders"]] == ids
    codes = [entry.get("error", {}).get("error_code", entry.get("state")) for entry in answer["orders"]]
    assert codes == [2361009] * 2 + ["IN_PROGRESS"] * 95 + [2361003] * 3
    effects = sandbox.effects(kind="acknowledge", limit=200)
    assert len(effects) == 95
    assert {effect["idempotency_key"] for effect in effects} == {"batch"}
    for order_id in held:
        sandbox.control("POST", f"orders/{order_id}/release")
    later = sandbox.done(f"{PAGE}/acknowledge_orders", orders=[{"id": order_id} for order_id in held])
    assert {entry["state"] for entry in later["orders"]} == {"IN_PROGRESS"}


def test_a_batch_refuses_101_orders_none_and_repeats_within(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    assert sandbox.refused(f"{CMS}/acknowledge_orders", orders=[{"id": order_id}] * 101) == 100
    assert sandbox.refused(f"{CMS}/acknowledge_orders", orders=[]) == 100
    assert sandbox.refused(f"{CMS}/acknowledge_orders", orders=[{"merchant_order_reference": "x"}]) == 100
    assert sandbox.look(order_id)["state"] == "CREATED"
    twice = sandbox.done(f"{CMS}/acknowledge_orders", orders=[{"id": order_id}] * 2)["orders"]
    assert twice[0] == {"id": order_id, "state": "IN_PROGRESS"}
    assert twice[1]["error"]["error_code"] == 2361009


def test_shipping_is_refused_with_the_code_of_what_happened_before(sandbox: Sandbox) -> None:
    held, created = sandbox.place(state="FB_PROCESSING"), sandbox.place()
    assert sandbox.refused(f"{held}/shipments") == 100
    assert sandbox.refused(f"{created}/shipments") == 100
    shipped = sandbox.shipped()
    assert sandbox.refused(f"{shipped}/shipments") == 1818015
    cancelled = sandbox.acknowledged()
    sandbox.done(f"{cancelled}/cancellations")
    assert sandbox.refused(f"{cancelled}/shipments") == 1818111
    mixed = sandbox.acknowledged()
    sandbox.done(f"{mixed}/cancellations", items=[{"retailer_id": "A", "quantity": 1}])
    sandbox.done(f"{mixed}/shipments")
    assert sandbox.refused(f"{mixed}/shipments") == 1818214


def test_shipping_refuses_wrong_items_and_quantities(sandbox: Sandbox) -> None:
    two = [{"retailer_id": "A", "quantity": 1, "price": 1}, {"retailer_id": "B", "quantity": 2, "price": 1}]
    order_id = sandbox.acknowledged(items=two)
    first = sandbox.items(order_id)[0]
    wrong: list[Any] = [
        [{"retailer_id": "C", "quantity": 1}],
        [{"item_id": first, "retailer_id": "A", "quantity": 1}],
        [{"quantity": 1}],
        [{"item_id": first, "quantity": 0}],
        [{"item_id": first, "quantity": 2}],
        [{"item_id": first}],
        [{"retailer_id": "B", "quantity": 1}, {"retailer_id": "B", "quantity": 2}],
        {"item_id": first},
    ]
    for items in wrong:
        assert sandbox.refused(f"{order_id}/shipments", items=items) == 100, items
    assert sandbox.refused(f"{order_id}/shipments", items=[]) == 2361357
    sandbox.done(f"{order_id}/shipments", items=[{"item_id": first, "quantity": 1}])
    assert sandbox.refused(f"{order_id}/shipments", items=[{"item_id": first, "quantity": 1}]) == 1818215
    assert len(sandbox.effects(kind="ship")) == 1


def test_a_retailer_id_on_two_lines_is_ambiguous(sandbox: Sandbox) -> None:
    line = {"retailer_id": "A", "quantity": 1, "price": 1}
    order_id = sandbox.acknowledged(items=[line, line])
    assert sandbox.refused(f"{order_id}/shipments", items=[{"retailer_id": "A", "quantity": 1}]) == 100
    sandbox.done(f"{order_id}/shipments", items=[{"item_id": sandbox.items(order_id)[1], "quantity": 1}])
    assert [item["shipped"] for item in sandbox.look(order_id)["items"]] == [0, 1]


def test_tracking_and_external_ids_are_checked(sandbox: Sandbox) -> None:
    order_id = sandbox.acknowledged(items=[{"retailer_id": "A", "quantity": 5, "price": 1}])
    one = {"items": [{"retailer_id": "A", "quantity": 1}]}
    sandbox.done(f"{order_id}/shipments", **one, tracking_info=UPS, external_shipment_id="wh_1")
    assert sandbox.refused(f"{order_id}/shipments", **one, tracking_info=UPS) == 2382045
    other_carrier = {"carrier": "DHL", "tracking_number": "1Z1"}
    assert sandbox.refused(f"{order_id}/shipments", **one, tracking_info=other_carrier) == 2382045
    assert sandbox.refused(f"{order_id}/shipments", **one, external_shipment_id="wh_1") == 100
    assert sandbox.refused(f"{order_id}/shipments", **one, external_shipment_id="wh-2") == 100
    assert sandbox.refused(f"{order_id}/shipments", **one, tracking_info={"carrier": "UPS"}) == 100
    assert sandbox.refused(f"{order_id}/shipments", **one, tracking_info={"tracking_number": "2"}) == 100
    assert (
        sandbox.refused(
            f"{order_id}/shipments", **one, tracking_info={"carrier": "U P S", "tracking_number": "2"}
        )
        == 100
    )
    sandbox.done(f"{order_id}/shipments", **one, tracking_info={"carrier": "OTHER", "tracking_number": ""})
    assert sandbox.refused(f"{order_id}/shipments", **one, shipment_origin_postal_code="ABC") == 2361084
    sandbox.done(f"{order_id}/shipments", **one, shipment_origin_postal_code="94025-1234")


def test_a_fulfillment_needs_a_location_or_a_whole_address(sandbox: Sandbox) -> None:
    order_id = sandbox.acknowledged()
    address = {
        "street_1": "1 Way",
        "city": "Town",
        "state": "California",
        "country": "US",
        "postal_code": "94025",
    }
    assert sandbox.refused(f"{order_id}/shipments", fulfillment={}) == 100
    assert (
        sandbox.refused(f"{order_id}/shipments", fulfillment={"fulfillment_address": {"city": "Town"}}) == 100
    )
    both = {"fulfillment_address": address, "fulfillment_location_id": "1"}
    assert sandbox.refused(f"{order_id}/shipments", fulfillment=both) == 100
    sandbox.done(f"{order_id}/shipments", fulfillment={"fulfillment_address": address})


def test_a_wrong_number_is_changed_once_and_the_same_again_is_refused_s07(sandbox: Sandbox) -> None:
    order_id = sandbox.acknowledged()
    sandbox.done(f"{order_id}/shipments", tracking_info=UPS, external_shipment_id="wh_1")
    right = {"carrier": "UPS", "tracking_number": "1Z2"}
    assert (
        sandbox.refused(f"{order_id}/update_shipment", external_shipment_id="wh_1", tracking_info=UPS)
        == 2382045
    )
    sandbox.done(f"{order_id}/update_shipment", external_shipment_id="wh_1", tracking_info=right)
    assert (
        sandbox.refused(f"{order_id}/update_shipment", external_shipment_id="wh_1", tracking_info=right)
        == 2382045
    )
    (shipment,) = sandbox.look(order_id)["shipments"]
    assert shipment["tracking_number"] == "1Z2"
    renamed = {"carrier": "FEDEX", "tracking_number": "1Z2"}
    sandbox.done(f"{order_id}/update_shipment", shipment_id=shipment["id"], tracking_info=renamed)
    assert len(sandbox.effects(kind="update_tracking")) == 2


def test_update_shipment_needs_a_known_shipment_and_tracking(sandbox: Sandbox) -> None:
    order_id, created = sandbox.shipped(), sandbox.place()
    for params in (
        {"tracking_info": UPS},
        {"shipment_id": "1", "tracking_info": UPS},
        {"external_shipment_id": "none", "tracking_info": UPS},
        {"shipment_id": sandbox.look(order_id)["shipments"][0]["id"]},
    ):
        assert sandbox.refused(f"{order_id}/update_shipment", **params) == 100, params
    assert sandbox.refused(f"{created}/update_shipment", shipment_id="1", tracking_info=UPS) == 100


@pytest.mark.parametrize("items", [None, [], "null"], ids=["missing", "empty", "null"])
def test_a_cancellation_without_items_cancels_everything_open(sandbox: Sandbox, items: Any) -> None:
    order_id = sandbox.place()
    params = {} if items is None else {"items": items}
    sandbox.done(
        f"{order_id}/cancellations",
        cancel_reason={"reason_code": "OUT_OF_STOCK", "reason_description": "gone"},
        restock_items="true",
        **params,
    )
    looked = sandbox.look(order_id)
    assert looked["state"] == "COMPLETED"
    assert units(sandbox, order_id) == (0, 0, 3, 0)
    (cancellation,) = looked["cancellations"]
    assert (cancellation["reason_code"], cancellation["restock_items"]) == ("OUT_OF_STOCK", True)


def test_cancelling_is_refused_with_the_code_of_what_happened_before_s09(sandbox: Sandbox) -> None:
    shipped = sandbox.shipped()
    assert sandbox.refused(f"{shipped}/cancellations") == 1818050
    cancelled = sandbox.acknowledged()
    sandbox.done(f"{cancelled}/cancellations")
    assert sandbox.refused(f"{cancelled}/cancellations") == 1818048
    two = [{"retailer_id": "A", "quantity": 1, "price": 1}, {"retailer_id": "B", "quantity": 1, "price": 1}]
    mixed = sandbox.acknowledged(items=two)
    sandbox.done(f"{mixed}/shipments", items=[{"retailer_id": "A", "quantity": 1}])
    assert sandbox.refused(f"{mixed}/cancellations", items=[{"retailer_id": "A", "quantity": 1}]) == 1818050
    sandbox.done(f"{mixed}/cancellations")
    assert sandbox.refused(f"{mixed}/cancellations") == 1818214
    other = sandbox.acknowledged(items=two)
    sandbox.done(f"{other}/cancellations", items=[{"retailer_id": "A", "quantity": 1}])
    assert sandbox.refused(f"{other}/cancellations", items=[{"retailer_id": "A", "quantity": 1}]) == 1818215
    assert sandbox.refused(f"{other}/cancellations", cancel_reason={"reason_code": "BORED"}) == 100


def test_a_held_order_can_be_cancelled_only_after_24_hours(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "settings", {"remorse_s": 7 * 86_400}, expect=200)
    order_id = sandbox.place(state="FB_PROCESSING")
    assert sandbox.refused(f"{order_id}/cancellations") == 100
    sandbox.control("POST", "clock", {"advance_s": 24 * 3600 + 1})
    sandbox.done(f"{order_id}/cancellations")
    assert sandbox.look(order_id)["state"] == "COMPLETED"


def test_without_an_app_a_released_order_is_acknowledged_by_meta(sandbox: Sandbox) -> None:
    assert sandbox.read(f"{CMS}/order_management_apps")["data"][0]["id"]
    gone = sandbox.http.delete(f"/v25.0/{CMS}/order_management_apps", params={"access_token": "token-one"})
    assert gone.json() == {"success": True}
    assert sandbox.read(f"{CMS}/order_management_apps") == {"data": []}
    assert sandbox.look(sandbox.place())["state"] == "IN_PROGRESS"
    assert sandbox.done(f"{CMS}/order_management_apps") == {"success": True}
    assert sandbox.look(sandbox.place())["state"] == "CREATED"


def test_a_second_app_is_refused_under_code_minus_one(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "settings", {"managing_app": "other"}, expect=200)
    error = sandbox.post(f"{CMS}/order_management_apps").json()["error"]
    assert (error["code"], error["error_subcode"], error["message"]) == (-1, 2361126, "Fatal")


def test_the_hold_ends_by_itself_after_half_an_hour_of_sandbox_time(sandbox: Sandbox) -> None:
    order_id = sandbox.place(state="FB_PROCESSING")
    sandbox.control("POST", "clock", {"advance_s": 1_790})
    assert sandbox.look(order_id)["state"] == "FB_PROCESSING"
    sandbox.control("POST", "clock", {"advance_s": 10})
    assert sandbox.look(order_id)["state"] == "CREATED"


def test_commerce_codes_come_as_subcode_or_as_code(sandbox: Sandbox) -> None:
    order_id = sandbox.shipped()
    error = sandbox.post(f"{order_id}/shipments").json()["error"]
    assert (error["code"], error["error_subcode"], error["type"]) == (100, 1818015, "OAuthException")
    assert error["fbtrace_id"]
    assert order_id in error["error_user_msg"]
    sandbox.control("PUT", "settings", {"error_style": "code"}, expect=200)
    error = sandbox.post(f"{order_id}/shipments").json()["error"]
    assert error["code"] == 1818015
    assert "error_subcode" not in error
