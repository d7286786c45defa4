from __future__ import annotations

import time

import httpx
import pytest

from app.http.app import bare_app
from app.http.openapi import document_of
from tests.integration.http.conftest import Served

ACK = "/v1/orders/35001/acknowledgement"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer ow_" + "A" * 43},
        {"Authorization": "Bearer " + "A" * 10_000},
    ],
)
def test_without_a_valid_key_nothing_is_told(api: Served, headers: dict[str, str]) -> None:
    for path in ("/v1/orders", "/v1/commands/x", "/v1/nothing/here"):
        answer = httpx.get(api.url + path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["code"] in {"api_key_missing", "api_key_invalid"}


def test_every_route_under_v1_needs_a_key(api: Served) -> None:
    guarded = [
        (method, path.replace("{", "").replace("}", ""))
        for path, methods in document_of(bare_app())["paths"].items()
        for method in methods
        if path.startswith("/v1/")
    ]
    assert len(guarded) > 10
    for method, path in guarded:
        assert httpx.request(method, api.url + path).status_code == 401, path


def test_a_body_is_not_read_for_a_caller_without_a_key(api: Served) -> None:
    assert httpx.post(api.url + ACK, content=b"{ not json").status_code == 401


def test_a_revoked_key_opens_nothing(api: Served) -> None:
    with api.caller("admin") as client:
        assert client.get("/v1/orders").status_code == 200
        (key,) = api.orderwire.api_keys.list()
        api.orderwire.api_keys.revoke(key.id)
        assert client.get("/v1/orders").status_code == 401


@pytest.mark.parametrize(
    ("scope", "method", "path", "missing"),
    [
        ("orders:read", "POST", ACK, "orders:write"),
        ("orders:read", "POST", "/v1/acknowledgements", "orders:write"),
        ("orders:read", "GET", "/v1/webhooks/unrecognized", "admin"),
        ("orders:write", "GET", "/v1/orders", "orders:read"),
        ("orders:write", "GET", "/v1/orders/35001", "orders:read"),
        ("orders:write", "GET", "/v1/orders/35001/timeline", "orders:read"),
    ],
)
def test_a_key_without_the_scope_is_403_and_the_scope_is_named(
    api: Served, scope: str, method: str, path: str, missing: str
) -> None:
    with api.caller(scope) as client:
        answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert missing in answer.json()["detail"]


def test_admin_may_do_everything(api: Served) -> None:
    with api.caller("admin") as client:
        assert client.get("/v1/orders").status_code == 200
        assert client.get("/v1/webhooks/counters").status_code == 200
        assert client.post(f"/v1/orders/{api.place()}/acknowledgement").status_code == 202


def test_a_key_that_may_only_write_never_sees_the_buyer(api: Served) -> None:
    order_id = api.place()
    with api.caller("orders:write") as client:
        shown = client.post(f"/v1/orders/{order_id}/sync").raise_for_status().json()["order"]
        assert (shown["buyer"], shown["shipping_address"]) == (None, None)
        command = client.post(f"/v1/orders/{order_id}/acknowledgement").raise_for_status().json()
        assert client.get(f"/v1/commands/{command['id']}").status_code == 200


def test_two_keys_do_not_share_an_idempotency_key(api: Served) -> None:
    order_id = api.place()
    headers = {"Idempotency-Key": "same"}
    with api.caller("orders:write") as one, api.caller("orders:write") as other:
        one.post(f"/v1/orders/{order_id}/acknowledgement", headers=headers).raise_for_status()
        answer = other.post(f"/v1/orders/{order_id}/acknowledgement", headers=headers)
    assert "idempotency-replayed" not in answer.headers


def test_the_request_id_comes_back_and_stands_in_the_problem(client: httpx.Client) -> None:
    answer = client.get("/v1/orders/1", headers={"X-Request-Id": "oms-42"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "oms-42"


@pytest.mark.parametrize("path", ["/", "/nothing", "/v1/nothing", "/v1/orders/", "/docs", "/redoc"])
def test_a_path_that_is_none_is_a_404_problem(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_nothing_that_is_answered_may_be_kept_by_caches(client: httpx.Client) -> None:
    assert client.get("/v1/orders").headers["cache-control"] == "no-store"


def test_the_document_is_served_as_it_is_generated(client: httpx.Client) -> None:
    assert client.get("/openapi.json").json() == document_of(bare_app())


def test_without_redis_every_route_is_503_within_a_second_but_the_process_is_alive(storeless: Served) -> None:
    headers = {"Authorization": "Bearer ow_" + "A" * 43}
    began = time.monotonic()
    answer = httpx.post(storeless.url + ACK, headers=headers)
    assert time.monotonic() - began < 1
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert httpx.get(f"{storeless.url}/livez").json() == {"status": "alive"}


def test_readiness_names_each_check_and_fails_with_any_of_them(api: Served, storeless: Served) -> None:
    # No worker runs in this test, so the API is not ready, and says that this is why.
    answer = httpx.get(f"{api.url}/readyz")
    checks = {check["name"]: check for check in answer.json()["checks"]}
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert [name for name, check in checks.items() if not check["ok"]] == ["workers"]
    assert len(checks) >= 5
    away = httpx.get(f"{storeless.url}/readyz")
    assert away.status_code == 503
    assert not all(check["ok"] for check in away.json()["checks"])
