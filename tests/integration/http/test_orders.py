from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from msgspec.structs import replace

from app.domain.orders import OrderState
from app.store.connection import Store
from tests.integration.http.conftest import Served
from tests.unit.http.samples import NOW, order

SHOP = "900000000000017"


def put(api: Served, order_id: str, *, state: OrderState = OrderState.CREATED, age_s: int = 0) -> None:
    made = replace(order(order_id, state), shop_id=SHOP, updated_at=NOW - timedelta(seconds=age_s))
    api.put(replace(made, merchant_order_reference=f"A-{order_id}"))


def test_an_order_is_shown_whole(api: Served, client: httpx.Client) -> None:
    put(api, "35001")
    shown = client.get("/v1/orders/35001").raise_for_status().json()
    assert shown["state"] == "CREATED"
    assert shown["merchant_order_reference"] == "A-35001"
    assert shown["updated_at"] == "2026-01-31T12:00:00Z"
    assert shown["buyer"] == {
        "name": "Zoë Müller",
        "email": "relay@example.com",
        "email_remarketing_option": False,
    }
    assert shown["shipping_address"]["city"] == "Springfield"
    assert shown["items"] == [
        {
            "id": "500001",
            "retailer_id": "mug",
            "name": "Mug",
            "quantity": 3,
            "unit_price": {"amount": "10.00", "currency": "USD"},
            "status": {"in_progress": 2, "fulfilled": 1, "cancelled": 0},
            "refunded_quantity": 0,
        }
    ]
    assert shown["totals"]["total"] == {"amount": "37.10", "currency": "USD"}
    assert shown["unreadable"] == []
    assert shown["synced_at"]


def test_buyer_data_that_no_key_opens_is_named_and_hides_nothing_else(
    api: Served, client: httpx.Client, redis: Store
) -> None:
    put(api, "35001")
    put(api, "35002")
    key = next(name for name in redis.scan_iter(match="*35001*") if redis.type(name) == "hash")
    field = next(name for name in redis.hgetall(key) if "buyer" in name)
    redis.hset(key, field, "sealed with a key that was thrown away")
    one, other = sorted(client.get("/v1/orders").json()["data"], key=lambda shown: shown["id"])
    assert (one["buyer"], one["unreadable"]) == (None, ["buyer"])
    assert one["shipping_address"]["city"] == "Springfield"
    assert other["buyer"]["name"] == "Zoë Müller"


def test_orders_are_listed_newest_update_first_page_by_page(api: Served, client: httpx.Client) -> None:
    for age in range(5):
        put(api, f"3500{age}", age_s=age)
    seen, cursor = [], None
    for _ in range(3):
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/orders", params=params).raise_for_status().json()
        seen += [shown["id"] for shown in page["data"]]
        cursor = page["next_cursor"]
    assert seen == ["35000", "35001", "35002", "35003", "35004"]
    assert cursor is None


def test_orders_are_found_by_state_reference_and_update(api: Served, client: httpx.Client) -> None:
    put(api, "35001", state=OrderState.CREATED, age_s=60)
    put(api, "35002", state=OrderState.COMPLETED)

    def found(**params: str) -> list[str]:
        return [
            shown["id"] for shown in client.get("/v1/orders", params=params).raise_for_status().json()["data"]
        ]

    assert found(state="CREATED") == ["35001"]
    assert found(merchant_order_reference="A-35002") == ["35002"]
    assert found(merchant_order_reference="A-3500") == []
    assert found(updated_after="2026-01-31T11:59:30Z") == ["35002"]
    assert found(updated_after="2026-01-31T11:59:30+00:00", state="CREATED") == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/orders?stat=CREATED", "stat"),
        ("/v1/orders?state=created", "state"),
        ("/v1/orders?limit=1000", "limit"),
        ("/v1/orders?cursor=bm9uc2Vuc2U", "cursor"),
        ("/v1/orders?updated_after=yesterday", "updated_after"),
        ("/v1/orders/35001?verbose=1", "verbose"),
        ("/v1/orders/..%5c1", "order_id"),
        ("/v1/orders/35001/timeline?cursor=!", "cursor"),
        ("/v1/commands?cursor=%00", "cursor"),
        ("/v1/commands?kind=steal", "kind"),
    ],
)
def test_a_question_that_means_nothing_is_422_and_names_its_part(
    client: httpx.Client, path: str, field: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_an_order_that_is_not_known_is_404_with_the_way_to_read_it(client: httpx.Client) -> None:
    for path in ("/v1/orders/35009", "/v1/orders/35009/timeline"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "order_unknown")
        assert "sync" in answer.json()["hint"]


def test_a_timeline_says_what_happened_by_which_cause(api: Served, client: httpx.Client) -> None:
    put(api, "35001")
    first = client.get("/v1/orders/35001/timeline?limit=1").raise_for_status().json()
    (entry,) = first["data"]
    assert (entry["what"], entry["cause"]) == ("order.found", "webhook")
    rest = client.get("/v1/orders/35001/timeline", params={"cursor": first["next_cursor"]}).json()
    assert "order.found" not in [entry["what"] for entry in rest["data"]]
    assert rest["data"]


def test_s34_a_sync_reads_that_order_alone_and_shows_what_changed(api: Served, client: httpx.Client) -> None:
    order_id, other = api.place(), api.place()
    first = client.post(f"/v1/orders/{order_id}/sync").raise_for_status().json()
    assert first["order"]["id"] == order_id
    assert first["order"]["buyer"]["name"]
    assert [entry["cause"] for entry in first["differences"]] == ["operator"]
    again = client.post(f"/v1/orders/{order_id}/sync").raise_for_status().json()
    assert again["differences"] == []
    assert client.get(f"/v1/orders/{other}").status_code == 404


def test_a_sync_of_an_order_nobody_knows_is_404(client: httpx.Client) -> None:
    answer = client.post("/v1/orders/1/sync")
    assert (answer.status_code, answer.json()["code"]) == (404, "order_unknown")


def test_a_sync_while_the_platform_is_away_is_503_with_the_reason(api: Served, client: httpx.Client) -> None:
    order_id = api.place()
    faults = [{"path": f"/{order_id}", "kind": "status", "status": 503, "times": 10}]
    httpx.put(f"{api.platform}/_sandbox/faults", json=faults).raise_for_status()
    answer = client.post(f"/v1/orders/{order_id}/sync")
    assert (answer.status_code, answer.json()["code"]) == (503, "platform_away")
    assert int(answer.headers["retry-after"]) >= 1
    assert order_id in answer.json()["detail"]


def test_a_repeated_sync_is_answered_alike_and_no_buyer_is_kept_in_clear(
    api: Served, client: httpx.Client, redis: Store
) -> None:
    order_id = api.place(buyer={"name": "Erika Mustermann"})
    first = client.post(f"/v1/orders/{order_id}/sync", headers={"Idempotency-Key": "s-1"})
    second = client.post(f"/v1/orders/{order_id}/sync", headers={"Idempotency-Key": "s-1"})
    assert first.json()["order"]["buyer"]["name"] == "Erika Mustermann"
    assert first.text == second.text
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    held = _dumped(redis)
    assert order_id in held
    assert "Erika" not in held


def _dumped(redis: Store) -> str:
    """Return all the text that the store holds in hashes and strings."""
    held = []
    for name in redis.scan_iter():
        match redis.type(name):
            case "hash":
                held += [str(redis.hgetall(name))]
            case "string":
                held += [str(redis.get(name))]
            case "list":
                held += [str(redis.lrange(name, 0, -1))]
    return "".join(held)
