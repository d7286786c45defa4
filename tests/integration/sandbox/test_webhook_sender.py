"""The webhook sender: signed as Meta signs, and as ill-mannered as Meta can be."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Endpoint, Sandbox

SECRET = b"emulator-app-secret-0001"
CMS = "100000000000001"


def policy(sandbox: Sandbox, endpoint: Endpoint, **changes: Any) -> None:
    quick = {"enabled": True, "url": endpoint.url, "retry_schedule_s": [0.05, 0.05, 0.05]}
    sandbox.control("PUT", "webhooks", {**quick, **changes}, expect=200)


def send(sandbox: Sandbox, *order_ids: str, **override: Any) -> Any:
    return sandbox.control("POST", "webhooks", {"order_ids": order_ids, "wait": True, **override}, expect=200)


def test_every_change_of_an_order_is_told_with_a_thin_value(sandbox: Sandbox, endpoint: Endpoint) -> None:
    policy(sandbox, endpoint)
    order_id = sandbox.place(state="FB_PROCESSING")
    sandbox.control("POST", f"orders/{order_id}/release", expect=200)
    sandbox.done(f"{order_id}/acknowledge_order")
    endpoint.wait_for(3)
    values = [entry["changes"][0]["value"] for entry in endpoint.entries()]
    told = {(value["event"], value["state"]) for value in values}
    assert told == {
        ("ORDER_CREATED", "FB_PROCESSING"),
        ("ORDER_RELEASED", "CREATED"),
        ("ORDER_ACKNOWLEDGED", "IN_PROGRESS"),
    }
    assert {value["order_id"] for value in values} == {order_id}
    assert {value["commerce_account_id"] for value in values} == {CMS}
    assert {body["object"] for body in endpoint.bodies()} == {"commerce_account"}
    assert len({entry["id"] for entry in endpoint.entries()}) == 3


def test_a_delivery_is_signed_over_its_exact_bytes_in_both_ways(sandbox: Sandbox, endpoint: Endpoint) -> None:
    policy(sandbox, endpoint, field_name="bestellungen-ü")
    send(sandbox, sandbox.place())
    headers, body = endpoint.received[0]
    assert headers["X-Hub-Signature-256"] == "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature"] == "sha1=" + hmac.new(SECRET, body, hashlib.sha1).hexdigest()
    assert headers["User-Agent"] == "facebookexternalua"
    assert headers["Content-Type"] == "application/json"
    assert body.isascii()
    assert b"bestellungen-\\u00fc" in body


def test_what_is_not_answered_200_is_retried_with_identical_bytes(
    sandbox: Sandbox, endpoint: Endpoint, soon: Callable[..., None]
) -> None:
    policy(sandbox, endpoint)
    endpoint.answers += [503, 204, 200]
    order_id = sandbox.place()
    endpoint.wait_for(3)
    assert len({body for _, body in endpoint.received}) == 1
    soon(lambda: sandbox.control("GET", "deliveries", count=1) == {"count": 3})
    deliveries = sandbox.control("GET", "deliveries", order_id=order_id)["data"]
    assert [(delivery["attempt"], delivery["status"]) for delivery in deliveries] == [
        (1, 503),
        (2, 204),
        (3, 200),
    ]
    assert len({delivery["entry_ids"][0] for delivery in deliveries}) == 1


def test_a_delivery_is_given_up_after_its_schedule(
    sandbox: Sandbox, endpoint: Endpoint, soon: Callable[..., None]
) -> None:
    policy(sandbox, endpoint)
    endpoint.answers += [500] * 50
    sandbox.place()
    endpoint.wait_for(4)
    soon(lambda: sandbox.control("GET", "deliveries", count=1) == {"count": 4})
    sandbox.place()
    endpoint.wait_for(8)
    assert len(endpoint.received) == 8


def test_an_endpoint_that_is_away_is_noted_as_an_error(sandbox: Sandbox, soon: Callable[..., None]) -> None:
    gone = {"enabled": True, "url": "http://127.0.0.1:9/", "retry_schedule_s": []}
    sandbox.control("PUT", "webhooks", gone, expect=200)
    sandbox.place()
    soon(lambda: sandbox.control("GET", "deliveries", count=1) == {"count": 1})
    (delivery,) = sandbox.control("GET", "deliveries")["data"]
    assert delivery["status"] is None
    assert "ConnectError" in delivery["error"]


@pytest.mark.parametrize("concurrent", [True, False])
def test_copies_carry_identical_bytes_at_once_or_one_by_one_s01(
    sandbox: Sandbox, endpoint: Endpoint, concurrent: bool
) -> None:
    policy(sandbox, endpoint, enabled=False, copies=20, concurrent=concurrent)
    order_id = sandbox.place()
    assert send(sandbox, order_id) == {"queued": 20, "answered": True}
    assert len(endpoint.received) == 20
    assert len({body for _, body in endpoint.received}) == 1


def test_entries_are_gathered_in_batches_of_up_to_a_thousand(sandbox: Sandbox, endpoint: Endpoint) -> None:
    policy(sandbox, endpoint, enabled=False, batch=1_000)
    body = {"items": [{"retailer_id": "A", "quantity": 1, "price": 1}], "count": 1_200}
    ids = sandbox.control("POST", "orders", body)["ids"]
    send(sandbox, *ids)
    assert sorted(len(body["entry"]) for body in endpoint.bodies()) == [200, 1_000]
    told = {entry["changes"][0]["value"]["order_id"] for entry in endpoint.entries()}
    assert told == set(ids)


def test_a_standing_batch_gathers_what_happens_close_together(sandbox: Sandbox, endpoint: Endpoint) -> None:
    policy(sandbox, endpoint, batch=10)
    body = {"items": [{"retailer_id": "A", "quantity": 1, "price": 1}], "count": 25}
    sandbox.control("POST", "orders", body, expect=201)
    endpoint.wait_for(3)
    assert sorted(len(body["entry"]) for body in endpoint.bodies()) == [5, 10, 10]


@pytest.mark.parametrize(
    ("reading", "expected"), [("account", CMS), ("zero", "0"), ("order", None), ("notification", None)]
)
def test_the_entry_id_follows_its_reading(
    sandbox: Sandbox, endpoint: Endpoint, reading: str, expected: str | None
) -> None:
    policy(sandbox, endpoint, enabled=False, entry_id=reading)
    order_id = sandbox.place()
    for _ in range(2):
        send(sandbox, order_id)
    first, second = (entry["id"] for entry in endpoint.entries())
    if reading == "notification":
        assert first != second
        assert re.fullmatch(r"\d{15,17}", first)
        assert order_id not in {first, second}
    else:
        assert first == second == (expected or order_id)


def test_ids_can_be_numbers_beyond_2_to_the_53rd(sandbox: Sandbox, endpoint: Endpoint) -> None:
    policy(sandbox, endpoint, enabled=False)
    order_id = sandbox.place()
    send(sandbox, order_id, numeric_ids=True)
    (entry,) = endpoint.entries()
    assert entry["changes"][0]["value"]["order_id"] == int(order_id)
    assert isinstance(entry["id"], int)
    assert sandbox.control("GET", "webhooks")["numeric_ids"] is False


def test_without_values_an_entry_names_only_the_field(sandbox: Sandbox, endpoint: Endpoint) -> None:
    policy(sandbox, endpoint, enabled=False, with_value=False)
    send(sandbox, sandbox.place())
    (entry,) = endpoint.entries()
    assert entry["changed_fields"] == ["orders"]
    assert "changes" not in entry


def test_dropped_notifications_are_never_sent_but_by_hand_s02(sandbox: Sandbox, endpoint: Endpoint) -> None:
    policy(sandbox, endpoint, drop_rate=1)
    order_id = sandbox.place()
    assert send(sandbox, order_id)["answered"] is True
    assert [entry["changes"][0]["value"]["event"] for entry in endpoint.entries()] == ["ORDER_UPDATED"]
    assert sandbox.control("GET", "deliveries", count=1) == {"count": 1}


def test_shuffled_notifications_arrive_in_another_order(sandbox: Sandbox, endpoint: Endpoint) -> None:
    policy(sandbox, endpoint, shuffle=True, batch=50)
    body = {"items": [{"retailer_id": "A", "quantity": 1, "price": 1}], "count": 50}
    ids = sandbox.control("POST", "orders", body, expect=201)["ids"]
    endpoint.wait_for(1)
    told = [entry["changes"][0]["value"]["order_id"] for entry in endpoint.entries()]
    assert told != ids
    assert sorted(told) == ids


def test_a_disabled_sender_is_silent_and_sends_by_hand(sandbox: Sandbox, endpoint: Endpoint) -> None:
    policy(sandbox, endpoint, enabled=False)
    order_id = sandbox.place()
    send(sandbox, order_id)
    assert len(endpoint.received) == 1


def test_a_reset_forgets_what_waits_to_be_retried(
    sandbox: Sandbox, endpoint: Endpoint, soon: Callable[..., None]
) -> None:
    policy(sandbox, endpoint, retry_schedule_s=[0.2])
    endpoint.answers += [500]
    sandbox.place()
    endpoint.wait_for(1)
    sandbox.control("POST", "reset", {}, expect=200)
    assert sandbox.control("GET", "webhooks") == {
        **sandbox.control("GET", "webhooks"),
        "enabled": False,
        "url": None,
    }
    policy(sandbox, endpoint)
    last = sandbox.place()
    endpoint.wait_for(2)
    soon(lambda: sandbox.control("GET", "deliveries", order_id=last, count=1) == {"count": 1})
    assert len(endpoint.received) == 2


def test_an_endpoint_is_verified_only_when_it_echoes_the_challenge(
    sandbox: Sandbox, endpoint: Endpoint
) -> None:
    policy(sandbox, endpoint, enabled=False)
    right = sandbox.control("POST", "webhooks/verify", {"verify_token": "right"}, expect=200)
    assert right["verified"] is True
    assert endpoint.verifications[0].startswith("/webhooks/facebook?shop=1&hub.mode=subscribe&hub.challenge=")
    wrong = sandbox.control("POST", "webhooks/verify", {"verify_token": "wrong"})
    assert (wrong["verified"], wrong["reason"]) == (False, "answered 403, not 200")
    endpoint.challenge_suffix = "\n"
    near = sandbox.control("POST", "webhooks/verify", {"verify_token": "right"})
    assert near["verified"] is False
    gone = sandbox.control("POST", "webhooks/verify", {"verify_token": "right", "url": "http://127.0.0.1:9/"})
    assert gone["verified"] is False


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "https://example.com/hook"}, "url"),
        ({"url": "ftp://127.0.0.1/"}, "url"),
        ({"enabled": True, "url": None}, "url"),
        ({"copies": 0}, "copies"),
        ({"batch": 1_001}, "batch"),
        ({"entry_id": "mine"}, "entry_id"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_field(sandbox: Sandbox, change: Any, field: str) -> None:
    assert sandbox.control("PUT", "webhooks", change, expect=422)["error"]["field"] == field


def test_sending_needs_a_callback_and_known_orders(sandbox: Sandbox, endpoint: Endpoint) -> None:
    order_id = sandbox.place()
    assert (
        sandbox.control("POST", "webhooks", {"order_ids": [order_id]}, expect=409)["error"]["field"] == "url"
    )
    policy(sandbox, endpoint)
    assert (
        sandbox.control("POST", "webhooks", {"order_ids": ["1"]}, expect=404)["error"]["field"] == "order_ids"
    )
    assert sandbox.control("POST", "webhooks", {"order_ids": [order_id], "colour": 1}, expect=422)
    assert sandbox.control("POST", "webhooks", {"order_ids": [order_id]}, expect=202) == {"queued": 1}
