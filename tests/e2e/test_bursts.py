"""Sale days on the running stack: many orders at once, and one order beside them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from app.container import Container
from app.domain.admission import Purpose
from app.domain.orders import OrderState
from app.domain.timeline import Cause
from app.settings import load_settings
from tests.e2e.conftest import Stack, start_stack, stop_stack
from tests.support.processes import eventually

MUG = {"retailer_id": "mug", "quantity": 1, "price": "10.00"}
ORDERS = 600


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose polls and sweeps do not help a burst along."""
    running = start_stack(
        tmp_path,
        ORDERWIRE_RECONCILE_INTERVAL_S="600",
        ORDERWIRE_RECONCILE_OVERLAP_S="600",
        ORDERWIRE_SWEEP_INTERVAL_S="10",
        ORDERWIRE_ACKNOWLEDGE_WINDOW_S="1",
    )
    try:
        yield running
    finally:
        stop_stack(running)


@pytest.fixture
def merchant(own_stack: Stack) -> Iterator[Container]:
    """The parts of one more process on the same store and the same platform."""
    ready = own_stack.ready
    environment = {
        "ORDERWIRE_REDIS_URL": ready["redis_url"],
        "ORDERWIRE_GRAPH_URL": ready["sandbox_url"],
        "ORDERWIRE_APP_SECRETS": ready["app_secret"],
        "ORDERWIRE_VERIFY_TOKEN": ready["verify_token"],
        "ORDERWIRE_SHOP_ID": ready["shop_id"],
        "ORDERWIRE_SHOP_PAGE_ID": "1",
        "ORDERWIRE_SHOP_ACCESS_TOKEN": ready["access_token"],
        "ORDERWIRE_SEALING_KEYS": base64.b64encode(bytes(32)).decode(),
        "ORDERWIRE_ACKNOWLEDGE_WINDOW_S": "1",
    }
    built = Container(load_settings(environment))
    yield built
    built.sync_order.graph.close()


def acknowledged(stack: Stack) -> int:
    found = stack.sandbox("GET", "/_sandbox/effects", params={"kind": "acknowledge", "count": 1}).json()
    return int(found["count"])


def calls(stack: Stack) -> int:
    return int(stack.sandbox("GET", "/_sandbox/calls", params={"count": 1}).json()["count"])


@pytest.mark.timeout(150)
def test_s26_a_burst_is_read_and_acknowledged_wholesale_each_order_once(own_stack: Stack) -> None:
    before = calls(own_stack)
    body = {"items": [MUG], "state": "CREATED", "count": ORDERS}
    ids = own_stack.sandbox("POST", "/_sandbox/orders", json=body).json()["ids"]
    assert eventually(lambda: acknowledged(own_stack) == ORDERS, within_s=100)
    # One by one it would be three calls an order: two reads and the acknowledgement.
    assert calls(own_stack) - before <= ORDERS / 2
    effects = own_stack.sandbox("GET", "/_sandbox/effects", params={"kind": "acknowledge", "limit": 1000})
    found = [effect["order_id"] for effect in effects.json()["data"]]
    assert sorted(found) == sorted(ids)
    assert len({effect["idempotency_key"] for effect in effects.json()["data"]}) <= ORDERS / 10


@pytest.mark.timeout(150)
def test_s17_a_batch_of_100_settles_each_order_by_its_own_entry(
    own_stack: Stack, merchant: Container
) -> None:
    own_stack.sandbox("PUT", "/_sandbox/webhooks", json={"enabled": False}).raise_for_status()
    created, held = placed(own_stack, 95, "CREATED"), placed(own_stack, 2, "FB_PROCESSING")
    unknown = [f"7400000000000000{number}" for number in range(3)]
    [shop] = merchant.shops
    read = partial(merchant.sync_order.graph.read_order, shop, purpose=Purpose.READ, timeout_s=10)
    reads = [read(order_id) for order_id in [*created, *held]]
    # Our copies say that all hundred are CREATED; the platform knows better.
    early = [replace(one, order=replace(one.order, state=OrderState.CREATED)) for one in reads[95:]]
    stray = [replace(reads[0], order=replace(reads[0].order, id=order_id)) for order_id in unknown]
    record = merchant.sync_order.record_order
    record.record_many([*reads[:95], *early, *stray], read_at=datetime.now(UTC), cause=Cause.WEBHOOK)

    assert eventually(lambda: acknowledged(own_stack) == 95, within_s=30)
    batched = own_stack.sandbox("GET", "/_sandbox/effects", params={"kind": "acknowledge", "limit": 100})
    [key] = {effect["idempotency_key"] for effect in batched.json()["data"]}
    assert eventually(lambda: all(ended(own_stack, order_id) == ["failed"] for order_id in unknown))
    for order_id in unknown:
        [refused] = commands_of(own_stack, order_id)
        assert "Invalid" in refused["error"]
    for order_id in held:
        own_stack.sandbox("POST", f"/_sandbox/orders/{order_id}/release", json={}).raise_for_status()
    assert eventually(lambda: acknowledged(own_stack) == 97, within_s=60)
    assert eventually(lambda: all(ended(own_stack, order_id) == ["succeeded"] for order_id in held))
    for order_id in held:
        [command] = commands_of(own_stack, order_id)
        assert command["attempts"][0]["idempotency_key"] == key
        assert command["idempotency_key"] != key


def placed(stack: Stack, count: int, state: str) -> list[str]:
    body = {"items": [MUG], "state": state, "count": count}
    ids: list[str] = stack.sandbox("POST", "/_sandbox/orders", json=body).json()["ids"]
    return ids


def ended(stack: Stack, order_id: str) -> list[str]:
    return [command["status"] for command in commands_of(stack, order_id)]


def commands_of(stack: Stack, order_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.api("GET", "/v1/commands", params={"order_id": order_id}).json()[
        "data"
    ]
    return found


def test_one_order_on_an_idle_system_goes_alone_when_its_window_is_over(stack: Stack) -> None:
    body = {"items": [MUG], "state": "CREATED"}
    [order_id] = stack.sandbox("POST", "/_sandbox/orders", json=body).json()["ids"]

    def done() -> bool:
        found = stack.api("GET", "/v1/commands", params={"order_id": order_id}).json()["data"]
        return [command["status"] for command in found] == ["succeeded"]

    assert eventually(done)
