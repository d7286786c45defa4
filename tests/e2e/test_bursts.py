"""Sale days on the running stack: many orders at once, and one order beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import eventually, start_stack, stop_stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import Stack

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


def test_one_order_on_an_idle_system_goes_alone_when_its_window_is_over(stack: Stack) -> None:
    body = {"items": [MUG], "state": "CREATED"}
    [order_id] = stack.sandbox("POST", "/_sandbox/orders", json=body).json()["ids"]

    def done() -> bool:
        found = stack.api("GET", "/v1/commands", params={"order_id": order_id}).json()["data"]
        return [command["status"] for command in found] == ["succeeded"]

    assert eventually(done)
