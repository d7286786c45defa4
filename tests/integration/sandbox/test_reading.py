"""Reading orders over the Graph: lists, fields, pages, visibility."""

from __future__ import annotations

from typing import Any

import httpx

from .conftest import Sandbox

CMS, PAGE = "100000000000001", "200000000000001"


def ids(page: dict[str, Any]) -> list[str]:
    return [order["id"] for order in page["data"]]


def test_the_list_shows_created_orders_by_default_newest_first_on_cms_and_page(sandbox: Sandbox) -> None:
    old, new = sandbox.place(), sandbox.place()
    sandbox.place(state="FB_PROCESSING")
    assert ids(sandbox.read(f"{CMS}/commerce_orders")) == [new, old]
    assert ids(sandbox.read(f"{PAGE}/commerce_orders")) == [new, old]


def test_states_are_or_ed_and_come_as_comma_text_json_list_or_quoted_text(sandbox: Sandbox) -> None:
    held, created = sandbox.place(state="FB_PROCESSING"), sandbox.place()
    for text in (
        "FB_PROCESSING,CREATED",
        '["FB_PROCESSING","CREATED"]',
        '"FB_PROCESSING,CREATED"',
        "fb_processing,created",
    ):
        assert ids(sandbox.read(f"{CMS}/commerce_orders", state=text)) == [created, held]


def test_filters_are_and_ed_in_either_case_and_still_obey_the_state(sandbox: Sandbox) -> None:
    whole = sandbox.shipped()
    refunded = sandbox.shipped()
    sandbox.done(f"{refunded}/refunds", reason_code="WRONG_ITEM")
    partly = sandbox.acknowledged()
    sandbox.done(f"{partly}/cancellations", items=[{"retailer_id": "A", "quantity": 1}])

    def listed(filters: str, state: str = "IN_PROGRESS,COMPLETED") -> set[str]:
        return set(ids(sandbox.read(f"{CMS}/commerce_orders", state=state, filters=filters)))

    assert listed("has_refunds") == {refunded}
    assert listed("NO_REFUNDS,NO_CANCELLATIONS") == {whole}
    assert listed("has_cancellations") == {partly}
    assert listed("has_cancellations", state="COMPLETED") == set()
    assert listed("no_shipments") == {partly}
    assert listed("HAS_FULFILLMENTS") == {whole, refunded}


def test_updated_after_and_before_bound_the_list_by_last_change_inclusively(sandbox: Sandbox) -> None:
    first = sandbox.place()
    sandbox.control("POST", "clock", {"advance_s": 100})
    second = sandbox.place()
    changed_s = int(httpx_time(sandbox, second))
    assert ids(sandbox.read(f"{CMS}/commerce_orders", updated_after=changed_s)) == [second]
    assert ids(sandbox.read(f"{CMS}/commerce_orders", updated_before=changed_s - 1)) == [first]
    assert ids(sandbox.read(f"{CMS}/commerce_orders", updated_after=changed_s + 1)) == []
    sandbox.control("POST", "clock", {"advance_s": 100})
    sandbox.done(f"{first}/cancellations", items=[{"retailer_id": "A", "quantity": 1}])
    assert ids(sandbox.read(f"{CMS}/commerce_orders", updated_after=changed_s + 1)) == [first]


def httpx_time(sandbox: Sandbox, order_id: str) -> float:
    from datetime import datetime  # noqa: PLC0415 - one conversion

    return datetime.fromisoformat(sandbox.read(order_id)["last_updated"]).timestamp()


def test_pages_of_at_most_25_lead_through_every_order_once_forwards_and_back(sandbox: Sandbox) -> None:
    placed = sandbox.control("POST", "orders", order(count=60))["ids"]
    page = sandbox.read(f"{CMS}/commerce_orders", limit=100)
    assert len(page["data"]) == 25
    assert "previous" not in page["paging"]
    walked, pages = ids(page), [page]
    while "next" in page["paging"]:
        page = httpx.get(page["paging"]["next"]).json()
        walked += ids(page)
        pages.append(page)
    assert walked == placed[::-1]
    assert len(pages) == 3
    assert ids(httpx.get(page["paging"]["previous"]).json()) == ids(pages[1])
    assert ids(httpx.get(pages[1]["paging"]["previous"]).json()) == ids(pages[0])


def order(**more: Any) -> dict[str, Any]:
    return {"items": [{"retailer_id": "A", "quantity": 3, "price": "20.00"}], **more}


def test_acknowledging_while_paging_skips_nothing(sandbox: Sandbox) -> None:
    placed = sandbox.control("POST", "orders", order(count=30))["ids"]
    page = sandbox.read(f"{CMS}/commerce_orders", limit=10)
    walked = ids(page)
    while "next" in page["paging"]:
        for order_id in ids(page):
            sandbox.done(f"{order_id}/acknowledge_order")
        page = httpx.get(page["paging"]["next"]).json()
        walked += ids(page)
    assert sorted(walked) == sorted(placed)


def test_a_page_can_be_empty_and_still_have_next(sandbox: Sandbox) -> None:
    placed = sandbox.control("POST", "orders", order(count=3))["ids"]
    sandbox.control("PUT", "settings", {"empty_first_page": True}, expect=200)
    page = sandbox.read(f"{CMS}/commerce_orders", limit=2)
    assert page["data"] == []
    second = httpx.get(page["paging"]["next"]).json()
    assert ids(second) == placed[:0:-1]
    assert ids(httpx.get(second["paging"]["next"]).json()) == placed[:1]


def test_a_cursor_of_another_list_and_a_broken_one_are_refused(sandbox: Sandbox) -> None:
    sandbox.control("POST", "orders", order(count=2))
    after = sandbox.read(f"{CMS}/commerce_orders", limit=1)["paging"]["cursors"]["after"]
    for cursor, path in ((after, f"{PAGE}/commerce_orders"), ("nonsense", f"{CMS}/commerce_orders")):
        error = sandbox.get(path, after=cursor)
        assert error.status_code == 400
        assert error.json()["error"]["code"] == 100


def test_limits_and_states_that_make_no_sense_are_code_100(sandbox: Sandbox) -> None:
    for params in (
        {"limit": "0"},
        {"limit": "x"},
        {"state": "SHIPPED"},
        {"filters": "nice"},
        {"updated_after": "x"},
    ):
        assert sandbox.get(f"{CMS}/commerce_orders", **params).json()["error"]["code"] == 100


def test_default_fields_come_alone_and_selected_ones_replace_them_but_id(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    assert set(sandbox.read(order_id)) == {"id", "order_status", "created", "last_updated"}
    assert sandbox.read(order_id, fields="channel") == {"channel": "facebook", "id": order_id}
    assert sandbox.read(order_id, fields='"order_status"') == {
        "order_status": {"state": "CREATED"},
        "id": order_id,
    }


def test_nested_fields_with_spaces_limits_and_inner_nodes_are_selected(sandbox: Sandbox) -> None:
    order_id = sandbox.place(items=[{"retailer_id": name, "quantity": 1, "price": 2} for name in "ABC"])
    shown = sandbox.read(
        order_id, fields="items.limit(2){retailer_id, price_per_unit{amount}}, buyer_details{name}"
    )
    assert [item["retailer_id"] for item in shown["items"]["data"]] == ["A", "B"]
    assert shown["items"]["data"][0]["price_per_unit"] == {"amount": "2.00"}
    assert set(shown["buyer_details"]) == {"name"}
    rest = httpx.get(shown["items"]["paging"]["next"]).json()
    assert [item["retailer_id"] for item in rest["data"]] == ["C"]
    assert rest["data"][0]["price_per_unit"] == {"amount": "2.00"}
    assert "next" not in rest["paging"]


def test_a_field_without_value_is_left_out_and_an_unknown_one_is_refused(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    assert sandbox.read(order_id, fields="merchant_order_id,shipments,refunds,pre_order_details") == {
        "id": order_id
    }
    error = sandbox.get(order_id, fields="id,colour").json()["error"]
    assert error["code"] == 100
    assert (
        error["message"] == "(#100) Tried accessing nonexisting field (colour) on node type (CommerceOrder)"
    )
    inner = sandbox.get(order_id, fields="items{colour}").json()["error"]["message"]
    assert "on node type (CommerceOrderItem)" in inner
    assert sandbox.get(order_id, fields="items{id").json()["error"]["code"] == 2500


def test_during_the_hold_the_buyer_is_withheld_and_the_products_are_there(sandbox: Sandbox) -> None:
    order_id = sandbox.place(state="FB_PROCESSING")
    asked = "buyer_details,shipping_address,payments,items{retailer_id,quantity}"
    held = sandbox.read(order_id, fields=asked)
    assert set(held) == {"id", "items"}
    sandbox.control("POST", f"orders/{order_id}/release", expect=200)
    released = sandbox.read(order_id, fields=asked)
    assert released["buyer_details"]["name"]
    assert released["shipping_address"]["street1"]


def test_each_edge_of_a_lived_order_tells_what_the_reference_shows(sandbox: Sandbox) -> None:
    item = {"retailer_id": "A", "quantity": 3, "price": "20.00", "discount": "1.00", "coupon_code": "TEN"}
    order_id = sandbox.acknowledged(items=[item], shipping="6.00", tax_rate="0.08")
    sandbox.done(
        f"{order_id}/shipments",
        items=[{"retailer_id": "A", "quantity": 2}],
        tracking_info={"carrier": "FEDEX", "tracking_number": "1Z", "shipping_method_name": "Ground"},
        external_shipment_id="wh_1",
    )
    sandbox.done(f"{order_id}/cancellations", cancel_reason={"reason_code": "OUT_OF_STOCK"})
    sandbox.done(
        f"{order_id}/refunds",
        reason_code="WRONG_ITEM",
        items=[{"retailer_id": "A", "item_refund_quantity": 1}],
    )

    (shipment,) = sandbox.read(f"{order_id}/shipments")["data"]
    assert shipment["tracking_info"] == {
        "carrier": "fedex",
        "tracking_number": "1Z",
        "shipping_method_name": "Ground",
    }
    assert shipment["items"]["data"][0]["tax"] == {"final_tax": {"amount": "3.04", "currency": "USD"}}
    assert "external_shipment_id" not in shipment
    (payment,) = sandbox.read(f"{order_id}/payments")["data"]
    assert payment["total_amount"] == {"amount": "47.52", "currency": "USD"}
    assert payment["shipments"] == {"data": [{"id": shipment["id"], "external_shipment_id": "wh_1"}]}
    sale, back = payment["transaction_details"]["data"]
    assert (sale["transaction_type"], back["transaction_type"]) == ("SALE", "REFUND")
    assert sale["processing_fee"]["amount"].startswith("-")
    (cancellation,) = sandbox.read(f"{order_id}/cancellations")["data"]
    assert cancellation["cancel_reason"] == {"reason_code": "OUT_OF_STOCK"}
    assert cancellation["items"]["data"][0]["quantity"] == 1
    (refund,) = sandbox.read(f"{order_id}/refunds", fields="refund_amount{amount,tax,subtotal,shipping}")[
        "data"
    ]
    assert refund["refund_amount"] == {
        "amount": "20.52",
        "tax": "-1.52",
        "subtotal": "19.00",
        "shipping": "0.00",
    }
    (offer,) = sandbox.read(f"{order_id}/promotion_details")["data"]
    assert (offer["coupon_code"], offer["applied_amount"]["amount"]) == ("TEN", "3.00")
    (line,) = sandbox.read(f"{order_id}/items", fields="status,amount_available_for_refund,tax_details")[
        "data"
    ]
    assert line["status"] == {"in_progress": 0, "fulfilled": 2, "cancelled": 1}
    assert line["amount_available_for_refund"]["amount"] == "19.00"
    assert line["tax_details"]["captured_tax"]["total_tax"]["amount"] == "3.04"


def test_the_item_status_can_come_as_json_text(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    sandbox.control("PUT", "settings", {"item_status": "text"}, expect=200)
    (line,) = sandbox.read(f"{order_id}/items", fields="status")["data"]
    assert line["status"] == '{"in_progress": 3, "fulfilled": 0, "cancelled": 0}'


def test_an_edge_read_by_itself_is_paged_by_its_own_cursors(sandbox: Sandbox) -> None:
    order_id = sandbox.place(items=[{"retailer_id": str(n), "quantity": 1, "price": 1} for n in range(30)])
    page = sandbox.read(f"{order_id}/items")
    assert len(page["data"]) == 25
    rest = httpx.get(page["paging"]["next"]).json()
    assert [item["retailer_id"] for item in rest["data"]] == [str(n) for n in range(25, 30)]
    assert len(httpx.get(rest["paging"]["previous"]).json()["data"]) == 25


def test_shop_page_and_me_answer_a_probing_token(sandbox: Sandbox) -> None:
    shop = sandbox.read(CMS, fields="id,display_name,merchant_page,merchant_status,cta")
    assert shop == {
        "id": CMS,
        "display_name": "Shop one",
        "merchant_page": {"id": PAGE, "name": "Shop one"},
        "merchant_status": "ENABLED",
        "cta": "ONSITE_CHECKOUT",
    }
    assert sandbox.read(PAGE) == {"id": PAGE, "name": "Shop one"}
    assert sandbox.read("me") == {"id": PAGE, "name": "Shop one"}
    assert sandbox.read(PAGE, fields="commerce_merchant_settings{id}")["commerce_merchant_settings"] == {
        "data": [{"id": CMS}]
    }


def test_unknown_ids_foreign_orders_and_wrong_node_types_are_code_100(sandbox: Sandbox) -> None:
    foreign = sandbox.place(shop_id="100000000000002")
    own = sandbox.place()
    for path in ("123", foreign, "100000000000002", f"{foreign}/items"):
        error = sandbox.get(path).json()["error"]
        assert (error["code"], error["error_subcode"]) == (100, 33)
    for path in (f"{CMS}/shipments", f"{own}/commerce_orders", f"{own}/nothing", f"{own}/items/more", ""):
        assert sandbox.get(path).json()["error"]["code"] == 100
    assert sandbox.refused(f"{CMS}/shipments") == 100


def test_every_version_and_none_lead_to_the_same_order(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    for prefix in ("/v25.0", "/v3.2", ""):
        answer = sandbox.http.get(f"{prefix}/{order_id}", params={"access_token": "token-one"})
        assert answer.json()["id"] == order_id


def test_an_order_cancelled_in_its_hold_vanishes_from_the_listing_s24(sandbox: Sandbox) -> None:
    order_id = sandbox.place(state="FB_PROCESSING")
    every = "FB_PROCESSING,CREATED,IN_PROGRESS,COMPLETED"
    assert ids(sandbox.read(f"{CMS}/commerce_orders", state=every)) == [order_id]
    sandbox.control("POST", f"orders/{order_id}/cancel", {"by": "buyer"}, expect=200)
    assert sandbox.read(f"{CMS}/commerce_orders", state=every) == {"data": []}
    shown = sandbox.read(order_id, fields="order_status,cancellations{items{quantity}}")
    assert shown["order_status"] == {"state": "COMPLETED"}
    assert shown["cancellations"]["data"][0]["items"]["data"] == [
        {"quantity": 3, "id": sandbox.items(order_id)[0]}
    ]
