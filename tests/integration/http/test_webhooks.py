from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.store.connection import Store
from tests.integration.http.conftest import APP_SECRETS, VERIFY_TOKEN, Served
from tests.queues import live_jobs

LIMIT = 4 * 1024 * 1024


def body_of(*order_ids: str) -> bytes:
    entries = [
        {
            "id": f"9{order_id}",
            "time": 1767225600,
            "changes": [{"field": "orders", "value": {"order_id": order_id}}],
        }
        for order_id in order_ids
    ]
    return json.dumps({"object": "commerce_account", "entry": entries}).encode()


def signature(raw: bytes, secret: str = APP_SECRETS[0]) -> str:
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def deliver(api: Served, raw: bytes, **headers: str) -> httpx.Response:
    headers = headers or {"X-Hub-Signature-256": signature(raw)}
    return httpx.post(f"{api.url}/webhooks/facebook", content=raw, headers=headers)


def verify(api: Served, **params: Any) -> httpx.Response:
    asked = {"mode": "subscribe", "verify_token": VERIFY_TOKEN, "challenge": "1158201444", **params}
    return httpx.get(
        f"{api.url}/webhooks/facebook", params={f"hub.{name}": value for name, value in asked.items()}
    )


def test_the_challenge_comes_back_as_plain_text(api: Served) -> None:
    answer = verify(api)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert verify(api, challenge="aZ0_.-" * 42).status_code == 200


@pytest.mark.parametrize(
    "params",
    [
        {"verify_token": "wrong"},
        {"verify_token": ""},
        {"verify_token": "vérify"},
        {"verify_token": [VERIFY_TOKEN, VERIFY_TOKEN]},
        {"mode": "unsubscribe"},
        {"mode": ["subscribe", "subscribe"]},
        {"challenge": ""},
        {"challenge": "<script>alert(1)</script>"},
        {"challenge": "x" * 257},
        {"challenge": "1\n"},
        {"challenge": ["1", "2"]},
    ],
)
def test_a_check_that_is_not_exact_is_refused_and_echoes_nothing(api: Served, params: dict[str, Any]) -> None:
    answer = verify(api, **params)
    assert answer.status_code == 403
    assert answer.json()["code"] == "not_verified"
    assert "<script>" not in answer.text


def test_a_signed_delivery_is_durable_and_its_repetition_is_counted(api: Served) -> None:
    raw = body_of("35001", "35002")
    first, second = deliver(api, raw), deliver(api, raw)
    assert first.status_code == second.status_code == 200
    assert first.json() == {"accepted": 2, "duplicates": 0, "unrecognized": 0}
    assert second.json() == {"accepted": 0, "duplicates": 2, "unrecognized": 0}
    assert api.orderwire.inbox.size() == 2


def test_a_delivery_wakes_the_worker_that_drains_the_inbox(api: Served) -> None:
    deliver(api, body_of("35001"))
    until = time.monotonic() + 5
    while not live_jobs(api.orderwire.jobs, ["drain_inbox"]):
        assert time.monotonic() < until, "nothing was enqueued"
        time.sleep(0.01)


def test_s10_only_the_exact_bytes_signed_with_a_known_secret_are_believed(api: Served) -> None:
    raw = body_of("35001")
    refused = [
        deliver(api, raw, **{"X-Hub-Signature-256": signature(raw, "forged")}),
        deliver(api, raw + b" ", **{"X-Hub-Signature-256": signature(raw)}),
        deliver(api, raw, **{"X-Hub-Signature": "sha1=" + hmac.new(b"x", raw, "sha1").hexdigest()}),
        deliver(api, raw, **{"X-Hub-Signature-256": signature(raw).removeprefix("sha256=")}),
        deliver(api, raw, **{"X-Hub-Signature-256": signature(raw)[:-1]}),
    ]
    assert [answer.status_code for answer in refused] == [401] * 5
    assert {answer.json()["code"] for answer in refused} == {"signature_rejected"}
    assert api.orderwire.inbox.size() == 0
    with api.caller("admin") as admin:
        counted = admin.get("/v1/webhooks/counters").json()["data"]
    assert {name: n for name, n in counted.items() if name.startswith("rejected_")} == {
        "rejected_mismatch": 2,
        "rejected_missing": 1,
        "rejected_malformed": 2,
    }


def test_s10_while_secrets_rotate_both_verify(api: Served) -> None:
    raw = body_of("35001")
    for secret in APP_SECRETS:
        assert deliver(api, raw, **{"X-Hub-Signature-256": signature(raw, secret)}).status_code == 200


@pytest.mark.parametrize("raw", [b"{", b"[]", b"", b"\xff\xfe", b'{"entry": NaN}'])
def test_a_signed_delivery_that_cannot_be_read_is_200_and_visible_to_admins(api: Served, raw: bytes) -> None:
    answer = deliver(api, raw)
    assert (answer.status_code, answer.json()["unrecognized"]) == (200, 1)
    with api.caller("admin") as admin:
        kept = admin.get("/v1/webhooks/unrecognized").json()["data"]
    assert [item["body"] for item in kept] == [raw.decode("utf-8", "replace")]
    assert kept[0]["reason"]


def test_an_entry_of_an_unknown_kind_is_taken_in_and_kept(api: Served) -> None:
    raw = json.dumps({"object": "starship", "entry": [{"id": "1", "warp": 9}]}).encode()
    assert deliver(api, raw).json() == {"accepted": 1, "duplicates": 0, "unrecognized": 1}
    with api.caller("admin") as admin:
        (kept,) = admin.get("/v1/webhooks/unrecognized").json()["data"]
    assert "warp" in kept["body"]


def test_what_was_kept_is_for_admins_alone(api: Served, client: httpx.Client) -> None:
    assert client.get("/v1/webhooks/unrecognized").status_code == 403
    assert client.get("/v1/webhooks/counters").status_code == 403
    assert httpx.get(f"{api.url}/v1/webhooks/unrecognized").status_code == 401


def test_a_body_that_grows_past_4_mib_is_413_whatever_was_announced(api: Served) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(5):
            yield b"x" * (1024 * 1024)

    answer = httpx.post(f"{api.url}/webhooks/facebook", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_long")
    assert deliver(api, b"x" * (LIMIT + 1)).status_code == 413
    assert deliver(api, b"x" * LIMIT, **{"X-Hub-Signature-256": "none"}).status_code == 401


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_are_405_and_name_the_right_ones(api: Served, method: str) -> None:
    answer = httpx.request(method, f"{api.url}/webhooks/facebook")
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_redis_a_delivery_is_503_within_a_second(storeless: Served) -> None:
    began = time.monotonic()
    answer = deliver(storeless, body_of("35001"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == "store_unavailable"
    assert time.monotonic() - began < 1


def test_a_forged_delivery_is_401_even_when_it_cannot_be_counted(storeless: Served) -> None:
    assert deliver(storeless, body_of("1"), **{"X-Hub-Signature-256": "sha256=00"}).status_code == 401


def test_a_full_redis_is_503_and_takes_deliveries_again_once_it_has_room(api: Served, redis: Store) -> None:
    redis.config_set("maxmemory", "1mb")
    try:
        full = deliver(api, body_of("35001"))
    finally:
        redis.config_set("maxmemory", "0")
    assert full.status_code == 503
    assert deliver(api, body_of("35001")).json()["accepted"] == 1
