from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from app.domain.commands import Change, Ship
from app.domain.decide import Refusal
from app.domain.orders import ItemQuantity, Order, OrderState, Payment, Tracking
from app.domain.timeline import Cause
from app.services.submit import Submitted
from app.store.connection import Store
from tests.integration.http.conftest import Served
from tests.unit.http.samples import order, usd

TRACKING = {"carrier": "ups", "tracking_number": "1Z1"}
SHIP_ONE = {"items": [{"item_id": "500001", "quantity": 1}], "tracking": TRACKING}
CANCEL = {"reason_code": "OUT_OF_STOCK"}
REFUND = {
    "items": [{"item_id": "500001", "amount": {"amount": "5.00", "currency": "USD"}}],
    "reason_code": "REFUND_REASON_OTHER",
}


@pytest.fixture(autouse=True)
def shipped(api: Served) -> None:
    """Order 35001 is known: in progress, two units open, one shipped and paid."""
    paid = (Payment(id="p1", total=usd("15.00"), captured=True),)
    api.put(replace(order("35001", OrderState.IN_PROGRESS), shop_id="900000000000017", payments=paid))


def commands_of(client: httpx.Client, **params: str) -> list[dict[str, Any]]:
    return list(client.get("/v1/commands", params=params).raise_for_status().json()["data"])


def test_a_write_is_answered_with_the_command_and_where_it_is(client: httpx.Client) -> None:
    answer = client.post("/v1/orders/35001/shipments", json=SHIP_ONE)
    command = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/commands/{command['id']}"
    assert (command["kind"], command["status"], command["order_id"]) == ("ship", "pending", "35001")
    assert command["request"]["tracking"] == {**TRACKING, "carrier": "UPS", "shipping_method_name": None}
    assert command["attempts"] == []
    assert command["idempotency_key"]
    assert client.get(answer.headers["location"]).json() == command


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("POST", "/v1/orders/35001/cancellations", CANCEL, "cancel"),
        ("POST", "/v1/orders/35001/refunds", REFUND, "refund"),
        ("POST", "/v1/orders/35001/refunds", {"full": True, "reason_code": "WRONG_ITEM"}, "refund"),
        ("POST", "/v1/orders/35001/shipments", {"ship_all_remaining": True, "tracking": TRACKING}, "ship"),
    ],
)
def test_each_write_makes_its_kind_of_command(
    client: httpx.Client, method: str, path: str, body: dict[str, Any], kind: str
) -> None:
    answer = client.request(method, path, json=body, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["kind"]) == (202, kind)
    assert [command["id"] for command in commands_of(client, kind=kind)] == [answer.json()["id"]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/orders/35001/shipments", {**SHIP_ONE, "items": [{"item_id": "500001", "quantity": 9}]}),
        ("/v1/orders/35001/cancellations", {**CANCEL, "items": [{"retailer_id": "hat", "quantity": 1}]}),
        (
            "/v1/orders/35001/refunds",
            {**REFUND, "items": [{"item_id": "500001", "quantity": 3}]},
        ),
    ],
)
def test_what_the_platform_would_refuse_is_409_with_reason_and_cure(
    client: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    answer = client.post(path, json=body, headers={"Idempotency-Key": "k"})
    problem = answer.json()
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "35001" in problem["detail"] or "500001" in problem["detail"]
    assert problem["hint"]
    assert commands_of(client) == []


def test_a_shipment_that_is_not_there_cannot_be_corrected(client: httpx.Client) -> None:
    answer = client.patch("/v1/orders/35001/shipments/wh_1", json={"tracking": TRACKING})
    assert answer.status_code == 409
    assert "wh_1" in answer.json()["detail"]


def test_a_write_on_an_order_we_do_not_know_reads_it_first(api: Served, client: httpx.Client) -> None:
    order_id = api.place()
    answer = client.post(f"/v1/orders/{order_id}/acknowledgement", json={"merchant_order_reference": "A-1"})
    assert (answer.status_code, answer.json()["order_id"]) == (202, order_id)
    assert client.get(f"/v1/orders/{order_id}").json()["state"] == "CREATED"


def test_a_write_on_an_order_nobody_knows_is_404(client: httpx.Client) -> None:
    answer = client.post("/v1/orders/1/acknowledgement")
    assert (answer.status_code, answer.json()["code"]) == (404, "order_unknown")


def test_while_the_platform_is_away_an_unknown_order_is_503_and_the_key_may_be_used_again(
    api: Served, client: httpx.Client
) -> None:
    order_id = api.place()
    faults = [{"path": f"/{order_id}", "kind": "status", "status": 503, "times": 10}]
    httpx.put(f"{api.platform}/_sandbox/faults", json=faults).raise_for_status()
    headers = {"Idempotency-Key": "k"}
    away = client.post(f"/v1/orders/{order_id}/acknowledgement", headers=headers)
    assert (away.status_code, away.json()["code"]) == (503, "platform_away")
    httpx.put(f"{api.platform}/_sandbox/faults", json=[]).raise_for_status()
    back = client.post(f"/v1/orders/{order_id}/acknowledgement", headers=headers)
    assert back.status_code == 202
    assert "idempotency-replayed" not in back.headers


def test_the_same_key_and_body_gets_the_first_answer(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = client.post("/v1/orders/35001/refunds", json=REFUND, headers=headers)
    second = client.post("/v1/orders/35001/refunds", json={**REFUND, "full": False}, headers=headers)
    assert first.status_code == second.status_code == 202
    assert first.text == second.text
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["location"] == first.headers["location"]
    assert len(commands_of(client)) == 1


def test_the_same_key_with_another_body_or_route_is_422(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k-1"}
    client.post("/v1/orders/35001/refunds", json=REFUND, headers=headers).raise_for_status()
    for path, body in (
        ("/v1/orders/35001/refunds", {**REFUND, "reason_text": "sorry"}),
        ("/v1/orders/35001/cancellations", CANCEL),
    ):
        answer = client.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len(commands_of(client)) == 1


def test_s11_two_refunds_under_two_keys_are_two_and_under_one_key_are_one(client: httpx.Client) -> None:
    for key in ("a", "b", "b"):
        client.post(
            "/v1/orders/35001/refunds", json=REFUND, headers={"Idempotency-Key": key}
        ).raise_for_status()
    assert len(commands_of(client, kind="refund")) == 2


def test_a_refusal_is_kept_as_the_first_answer_too(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k-1"}
    body = {**SHIP_ONE, "items": [{"item_id": "500001", "quantity": 9}]}
    first = client.post("/v1/orders/35001/shipments", json=body, headers=headers)
    second = client.post("/v1/orders/35001/shipments", json=body, headers=headers)
    assert (first.status_code, second.status_code) == (409, 409)
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["content-type"] == "application/problem+json"
    assert first.text == second.text


def test_a_mistake_in_the_body_does_not_use_the_key_up(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k-1"}
    wrong = client.post("/v1/orders/35001/refunds", json={**REFUND, "reason": 1}, headers=headers)
    assert wrong.status_code == 422
    assert client.post("/v1/orders/35001/refunds", json=REFUND, headers=headers).status_code == 202


@pytest.mark.parametrize("path", ["/v1/orders/35001/refunds", "/v1/orders/35001/cancellations"])
def test_money_and_cancellations_need_a_key(client: httpx.Client, path: str) -> None:
    body = REFUND if path.endswith("refunds") else CANCEL
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")
    assert commands_of(client) == []


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "k\u00e9"])
def test_a_key_that_cannot_be_used_is_400(client: httpx.Client, key: str) -> None:
    answer = client.post(
        "/v1/orders/35001/refunds", json=REFUND, headers=[(b"Idempotency-Key", key.encode("latin-1"))]
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


def test_ten_at_once_under_one_key_make_one_command(client: httpx.Client) -> None:
    def post(_n: int) -> httpx.Response:
        return client.post("/v1/orders/35001/refunds", json=REFUND, headers={"Idempotency-Key": "k"})

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(post, range(10)))
    told = {(answer.status_code, answer.json().get("code")) for answer in answers}
    assert told <= {(202, None), (409, "request_in_flight")}
    assert (202, None) in told
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers if answer.status_code == 409)
    assert len(commands_of(client)) == 1


def test_a_promise_whose_answer_was_lost_is_kept_though_the_order_shows_it_by_now(api: Served) -> None:
    def ship_all(whole: Order) -> Change:
        items = tuple(ItemQuantity(item_id=line.id, quantity=line.units.open) for line in whole.items)
        return Ship(
            items=tuple(line for line in items if line.quantity),
            ship_all_remaining=False,
            tracking=Tracking(carrier="UPS", tracking_number="1Z1"),
            external_shipment_id="box_1",
            merchant_order_reference=None,
        )

    submit = api.orderwire.submit_change.submit
    first = submit("35001", ship_all, cause=Cause.REST, operation_id="op_1")
    done = replace(order("35001", OrderState.COMPLETED), shop_id="900000000000017")
    none_open = tuple(
        replace(line, units=replace(line.units, open=0, shipped=line.units.quantity)) for line in done.items
    )
    api.put(replace(done, items=none_open))
    again = submit("35001", ship_all, cause=Cause.REST, operation_id="op_1")
    assert isinstance(first, Submitted)
    assert isinstance(again, Submitted)
    assert (again.command.id, again.created) == ("op_1", False)
    assert isinstance(submit("35001", ship_all, cause=Cause.REST, operation_id="op_2"), Refusal)


def test_a_caller_that_waits_gets_the_finished_command(api: Served, client: httpx.Client) -> None:
    order_id = api.place()
    headers = {"Prefer": "wait=10", "Idempotency-Key": "k"}
    with working(api):
        answer = client.post(f"/v1/orders/{order_id}/acknowledgement", headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert answer.headers["preference-applied"] == "wait=10"
    assert [attempt["outcome"] for attempt in answer.json()["attempts"]] == ["accepted"]
    again = client.post(f"/v1/orders/{order_id}/acknowledgement", headers=headers)
    assert (again.status_code, again.text) == (200, answer.text)


def test_a_wait_that_is_too_short_is_answered_202(client: httpx.Client) -> None:
    began = time.monotonic()
    answer = client.post(
        "/v1/orders/35001/shipments", json=SHIP_ONE, headers={"Prefer": "wait=1", "Idempotency-Key": "k"}
    )
    assert 1 <= time.monotonic() - began < 3
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert "preference-applied" not in answer.headers


def test_a_batch_is_answered_order_by_order(api: Served, client: httpx.Client) -> None:
    placed = [api.place(), api.place()]
    lines = [
        {"order_id": placed[0], "merchant_order_reference": "A-0"},
        {"order_id": "1"},
        {"order_id": placed[1]},
    ]
    headers = {"Idempotency-Key": "b-1"}
    answer = client.post("/v1/acknowledgements", json={"orders": lines}, headers=headers)
    told = answer.json()
    assert (answer.status_code, told["accepted"], told["refused"]) == (202, 2, 1)
    assert [line["order_id"] for line in told["data"]] == [line["order_id"] for line in lines]
    assert told["data"][0]["command"]["request"] == {"merchant_order_reference": "A-0"}
    assert told["data"][1]["problem"]["code"] == "order_unknown"
    assert told["data"][2]["command"]["request"] == {"merchant_order_reference": placed[1]}
    again = client.post("/v1/acknowledgements", json={"orders": lines}, headers=headers)
    assert (again.text, again.headers["idempotency-replayed"]) == (answer.text, "true")
    assert len(commands_of(client, kind="acknowledge")) == 2


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "unreadable_body"),
        (b"[" * 100_000, "application/json", 400, "unreadable_body"),
        (b"\xff", "application/json", 400, "unreadable_body"),
        (b"", "application/json", 422, "invalid_request"),
        (b"[]", "application/json", 422, "invalid_request"),
        (b"null", "application/json", 422, "invalid_request"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "not_json"),
        (
            b'{"tracking":{"carrier":"Fed Ex","tracking_number":"1"},"ship_all_remaining":true}',
            "application/json",
            422,
            "unknown_carrier",
        ),
        (b'{"pad":"' + b"x" * 1_048_576 + b'"}', "application/json", 413, "body_too_long"),
    ],
)
def test_a_body_that_is_none_is_told_what_it_must_be(
    client: httpx.Client, content: bytes, content_type: str, status: int, code: str
) -> None:
    answer = client.post(
        "/v1/orders/35001/shipments", content=content, headers={"Content-Type": content_type}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["hint"]


def test_a_store_that_is_full_promises_nothing(client: httpx.Client, redis: Store) -> None:
    redis.config_set("maxmemory", "1mb")
    try:
        answer = client.post("/v1/orders/35001/shipments", json=SHIP_ONE)
    finally:
        redis.config_set("maxmemory", "0")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert commands_of(client) == []


class working:  # noqa: N801 - reads as a phrase at its use
    """Runs what is due, as a worker would, while the block lasts."""

    def __init__(self, api: Served) -> None:
        self.api = api
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def _work(self) -> None:
        while not self.stop.wait(0.05):
            for command in self._pending():
                self.api.orderwire.run_command.run(command)

    def _pending(self) -> Iterator[str]:
        page = self.api.orderwire.commands.list(limit=10)
        yield from [command.id for command in page.items if not command.status.final]
