"""Idempotency keys, encodings, tokens: what makes two requests one, and who may send them."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from .conftest import Sandbox

CMS = "100000000000001"
UPS = {"carrier": "UPS", "tracking_number": "1Z1"}


def test_the_same_key_and_request_is_executed_once_and_answered_with_the_same_bytes(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    answers = [
        sandbox.post(f"{order_id}/acknowledge_order", key="k", merchant_order_reference="R") for _ in range(3)
    ]
    assert {answer.content for answer in answers} == {answers[0].content}
    assert {answer.status_code for answer in answers} == {200}
    assert len(sandbox.effects()) == 1


def test_a_stored_failure_is_replayed_even_when_its_cause_is_gone_s13(sandbox: Sandbox) -> None:
    order_id = sandbox.acknowledged()
    sandbox.control("PUT", "faults", [{"path": "*/shipments", "kind": "busy", "times": 1}], expect=200)
    first = sandbox.post(f"{order_id}/shipments", key="k", tracking_info=UPS)
    assert first.json()["error"]["error_subcode"] == 2361081
    assert first.json()["error"]["is_transient"] is True
    again = sandbox.post(f"{order_id}/shipments", key="k", tracking_info=UPS)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    sandbox.done(f"{order_id}/shipments", key="k2", tracking_info=UPS)
    assert len(sandbox.effects(kind="ship")) == 1


def test_the_same_key_with_another_request_is_an_error_that_says_so(sandbox: Sandbox) -> None:
    first, second = sandbox.place(), sandbox.place()
    sandbox.done(f"{first}/acknowledge_order", key="k")
    for path, params in (
        (f"{first}/acknowledge_order", {"merchant_order_reference": "R"}),
        (f"{second}/acknowledge_order", {}),
        (f"{first}/cancellations", {}),
    ):
        answer = sandbox.post(path, key="k", **params)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == 100
        assert "already used with a different request" in answer.json()["error"]["message"]
    assert len(sandbox.effects()) == 1


def test_keys_are_required_and_bounded_on_keyed_edges_only(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    for key in ("", "x" * 101, "with space"):
        path = f"/{order_id}/acknowledge_order"
        answer = sandbox.http.post(path, data={"idempotency_key": key}, params={"access_token": "token-one"})
        assert answer.json()["error"]["code"] == 100
    missing = sandbox.http.post(f"/{order_id}/acknowledge_order", params={"access_token": "token-one"})
    assert missing.json()["error"]["message"] == "(#100) The parameter idempotency_key is required"
    apps = sandbox.http.post(f"/{CMS}/order_management_apps", params={"access_token": "token-one"})
    assert apps.json() == {"success": True}
    assert sandbox.effects() == []


def test_throttling_and_outages_are_not_stored_under_the_key(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    faults = [
        {"path": "acknowledge_order", "kind": "throttle", "times": 1},
        {"path": "acknowledge_order", "kind": "status", "times": 1},
        {"path": "acknowledge_order", "kind": "html", "times": 1},
        {"path": "acknowledge_order", "kind": "error", "code": 2, "http_status": 500, "times": 1},
        {"path": "acknowledge_order", "kind": "error", "code": 4, "times": 1},
    ]
    sandbox.control("PUT", "faults", faults, expect=200)
    statuses = [sandbox.post(f"{order_id}/acknowledge_order", key="k").status_code for _ in range(6)]
    assert statuses == [400, 503, 502, 500, 400, 200]


def test_a_lost_answer_is_replayed_under_the_same_key_with_one_effect_s12(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    sandbox.control(
        "PUT", "faults", [{"path": "*/acknowledge_order", "kind": "drop_after", "times": 1}], expect=200
    )
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.post(f"{order_id}/acknowledge_order", key="k")
    assert sandbox.look(order_id)["state"] == "IN_PROGRESS"
    assert sandbox.done(f"{order_id}/acknowledge_order", key="k") == {"id": order_id, "state": "IN_PROGRESS"}
    assert len(sandbox.effects()) == 1


def _encodings(key: str, item_id: str) -> dict[str, dict[str, Any]]:
    flat = {
        "idempotency_key": key,
        "external_shipment_id": "wh_1",
        "should_use_default_fulfillment_location": "true",
    }
    items, tracking = [{"item_id": item_id, "quantity": 2}], {"carrier": "UPS", "tracking_number": "1Z1"}
    text = {**flat, "items": json.dumps(items), "tracking_info": json.dumps(tracking)}
    nested = {
        **flat,
        "items": items,
        "tracking_info": tracking,
        "should_use_default_fulfillment_location": True,
    }
    brackets = {
        **flat,
        "items[0][item_id]": item_id,
        "items[0][quantity]": "2",
        "tracking_info[carrier]": "UPS",
        "tracking_info[tracking_number]": "1Z1",
    }
    mixed = {
        **flat,
        "items": text["items"],
        "tracking_info[carrier]": "UPS",
        "tracking_info[tracking_number]": "1Z1",
    }
    return {
        "form": {"data": text},
        "multipart": {"files": {name: (None, value) for name, value in text.items()}},
        "brackets": {"data": brackets},
        "brackets and JSON text": {"data": mixed},
        "JSON body": {"json": nested},
        "JSON body with JSON text": {"json": text},
        "query": {"params": text},
        "quoted scalars": {"data": {**text, "external_shipment_id": '"wh_1"'}},
    }


@pytest.mark.parametrize("encoding", _encodings("", ""))
def test_every_encoding_of_a_request_means_the_same(sandbox: Sandbox, encoding: str) -> None:
    order_id = sandbox.acknowledged()
    (item_id,) = sandbox.items(order_id)
    sent = _encodings("k", item_id)
    headers = {"Authorization": "Bearer token-one"}
    for name in (encoding, "form"):
        answer = sandbox.http.post(f"/v25.0/{order_id}/shipments", headers=headers, **sent[name])
        assert answer.json() == {"success": True}, answer.text
    (shipment,) = sandbox.look(order_id)["shipments"]
    assert shipment["external_shipment_id"] == "wh_1"
    assert shipment["items"] == [{"id": item_id, "quantity": 2}]


def test_numbers_and_booleans_are_coerced_as_php_and_the_sdk_send_them(sandbox: Sandbox) -> None:
    order_id = sandbox.acknowledged()
    items = [{"retailer_id": "A", "quantity": "1"}]
    sandbox.done(f"{order_id}/cancellations", items=items, restock_items="1")
    sandbox.done(f"{order_id}/cancellations", items=items, restock_items="0")
    sandbox.done(f"{order_id}/cancellations", items=[{"retailer_id": "A", "quantity": 1.0}], restock_items="")
    restocked = [entry["restock_items"] for entry in sandbox.look(order_id)["cancellations"]]
    assert restocked == [True, False, False]


def test_unreadable_bodies_are_code_100_and_change_nothing(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    url, headers = f"/{order_id}/acknowledge_order", {"Authorization": "Bearer token-one"}
    for kind, body in (
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"[" * 100_000),
        ("multipart/form-data", b"x"),
        ("application/x-www-form-urlencoded", b"a=\xff"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(3_000))),
        ("application/x-www-form-urlencoded", b"idempotency_key=k&a" + b"[b]" * 20 + b"=1"),
    ):
        answer = sandbox.http.post(url, content=body, headers={**headers, "Content-Type": kind})
        assert answer.json()["error"]["code"] == 100, (kind, body[:20])
    assert sandbox.effects() == []


def test_a_body_beyond_the_limit_is_refused(sandbox: Sandbox) -> None:
    answer = sandbox.http.post("/me", content=b"a" * (4 * 1024 * 1024 + 1))
    assert answer.json()["error"]["message"] == "(#100) The request body is too large"


def test_a_token_is_taken_from_query_body_and_bearer_and_is_required(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    assert sandbox.http.get(f"/{order_id}", params={"access_token": "token-one"}).status_code == 200
    assert sandbox.http.get(f"/{order_id}", headers={"Authorization": "Bearer token-one"}).status_code == 200
    data = {"access_token": "token-one", "idempotency_key": "k"}
    assert sandbox.http.post(f"/{order_id}/acknowledge_order", data=data).status_code == 200
    for wrong in (None, "token-x"):
        params = {} if wrong is None else {"access_token": wrong}
        answer = sandbox.http.get(f"/{order_id}", params=params)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)


def test_a_token_dies_and_a_new_one_lives_s19(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    for state, subcode in (("expired", 463), ("revoked", 460)):
        sandbox.control("POST", "token", {"state": state, "shop_id": CMS}, expect=200)
        error = sandbox.get(order_id).json()["error"]
        assert (error["code"], error["error_subcode"]) == (190, subcode)
        assert sandbox.get("100000000000002", token="token-two").status_code == 200
    sandbox.control("POST", "token", {"state": "ok", "access_token": "token-new"}, expect=200)
    assert sandbox.get(order_id).status_code == 401
    assert sandbox.get(order_id, token="token-new").status_code == 200
    sandbox.control("POST", "token", {"state": "ok"}, expect=200)
    assert sandbox.get(order_id).status_code == 200


def test_a_dead_token_is_not_stored_under_the_key(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    sandbox.control("POST", "token", {"state": "expired"}, expect=200)
    assert sandbox.post(f"{order_id}/acknowledge_order", key="k").status_code == 401
    sandbox.control("POST", "token", {"state": "ok"}, expect=200)
    assert sandbox.post(f"{order_id}/acknowledge_order", key="k").status_code == 200


def test_a_right_appsecret_proof_passes_and_a_wrong_one_is_code_100(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    right = hmac.new(b"emulator-app-secret-0001", b"token-one", hashlib.sha256).hexdigest()
    assert sandbox.get(order_id, appsecret_proof=right).status_code == 200
    for wrong in (right.upper(), "0" * 64, "ü"):
        assert sandbox.get(order_id, appsecret_proof=wrong).json()["error"]["code"] == 100
