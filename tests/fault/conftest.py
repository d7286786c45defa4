"""One stack for the fault tests, quick to retry, to probe and to give up, and hands to break things with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis

from tests.e2e.conftest import Stack, start_stack, stop_stack
from tests.support.processes import eventually

HERE = Path(__file__).parent
# Seconds where an operator has minutes. The breaker's window is over before the next test.
IMPATIENT = {
    "ORDERWIRE_ATTEMPT_TIMEOUT_S": "2",
    "ORDERWIRE_READ_TIMEOUT_S": "2",
    "ORDERWIRE_RETRY_DELAY_S": "0.5",
    "ORDERWIRE_MAX_ATTEMPTS": "4",
    "ORDERWIRE_SWEEP_INTERVAL_S": "1",
    "ORDERWIRE_RECONCILE_INTERVAL_S": "5",
    "ORDERWIRE_RECONCILE_OVERLAP_S": "600",
    "ORDERWIRE_BREAKER_MINIMUM": "10",
    "ORDERWIRE_BREAKER_WINDOW_S": "5",
    "ORDERWIRE_BREAKER_OPEN_S": "2",
}
FINAL = ("succeeded", "failed", "dead")
ITEMS = [{"retailer_id": "MUG", "quantity": 3, "price": "20.00"}]
UPS = {"carrier": "UPS", "tracking_number": "1Z999"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(f"fault-{item.path.stem}"))
            item.add_marker(pytest.mark.timeout(180))


class Trouble:
    """The merchant's and the platform's hands: what a test does, and what it then finds on both sides."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the sandbox's control side."""
        answer = self.stack.sandbox(method, f"/_sandbox{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def place(self, count: int = 1, *, state: str = "CREATED", items: Any = None) -> list[str]:
        """Have buyers place orders, and a webhook announce each."""
        body = {"items": items or ITEMS, "state": state, "count": count}
        ids: list[str] = self.control("POST", "/orders", body)["ids"]
        self.announce(*ids)
        return ids

    def announce(self, *order_ids: str) -> None:
        """Have the platform send webhooks, and wait until they were answered."""
        self.control("POST", "/webhooks", {"order_ids": list(order_ids), "wait": True})

    def acknowledged(self, count: int = 1) -> list[str]:
        """Return orders that are placed, known and acknowledged."""
        ids = self.place(count)
        for order_id in ids:
            self.until(partial(self._in_progress, order_id), within_s=60)
        return ids

    def _in_progress(self, order_id: str) -> bool:
        return self.order(order_id).get("state") == "IN_PROGRESS"

    def faults(self, *faults: dict[str, Any]) -> None:
        """Replace the platform's faults; none switches them off."""
        self.control("PUT", "/faults", list(faults))

    def effects(self, order_id: str, kind: str) -> list[dict[str, Any]]:
        """Return what really changed on the platform."""
        found: list[dict[str, Any]] = self.control("GET", f"/effects?order_id={order_id}&kind={kind}")["data"]
        return found

    def calls(self, order_id: str, edge: str) -> list[dict[str, Any]]:
        """Return the calls that the platform received on one edge of an order."""
        found = self.control("GET", f"/calls?order_id={order_id}")["data"]
        return [call for call in found if call["kind"] == edge]

    def order(self, order_id: str) -> dict[str, Any]:
        """Return our copy, {} while there is none."""
        answer = self.stack.api("GET", f"/v1/orders/{order_id}")
        return dict(answer.json()) if answer.status_code == 200 else {}

    def timeline(self, order_id: str) -> list[dict[str, Any]]:
        """Return what happened to the order."""
        found: list[dict[str, Any]] = self.stack.api(
            "GET", f"/v1/orders/{order_id}/timeline", params={"limit": 100}
        ).json()["data"]
        return found

    def post(self, order_id: str, verb: str, body: dict[str, Any]) -> str:
        """Ask for a change; return the id of its command."""
        headers = {"Idempotency-Key": str(uuid4())}
        answer = self.stack.api("POST", f"/v1/orders/{order_id}/{verb}", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def ship(self, order_id: str, number: str = "1Z999") -> str:
        """Ask for all that is open to be shipped."""
        tracking = {"carrier": "UPS", "tracking_number": number}
        return self.post(order_id, "shipments", {"ship_all_remaining": True, "tracking": tracking})

    def refund(self, order_id: str, quantity: int = 1) -> str:
        """Ask for the refund of some units of the order's first item."""
        line = {"item_id": self.order(order_id)["items"][0]["id"], "quantity": quantity}
        return self.post(order_id, "refunds", {"items": [line], "reason_code": "BUYERS_REMORSE"})

    def command(self, command_id: str) -> dict[str, Any]:
        """Return the command."""
        return dict(self.stack.api("GET", f"/v1/commands/{command_id}").json())

    def commands(self, order_id: str) -> list[dict[str, Any]]:
        """Return the order's commands."""
        found: list[dict[str, Any]] = self.stack.api(
            "GET", "/v1/commands", params={"order_id": order_id}
        ).json()["data"]
        return found

    def finished(self, command_id: str, within_s: float = 40.0) -> dict[str, Any]:
        """Wait for the command's end and return it."""
        self.until(lambda: self.command(command_id)["status"] in FINAL, within_s=within_s)
        return self.command(command_id)

    def alerts(self, kind: str, state: str = "open") -> list[dict[str, Any]]:
        """Return the alerts of that kind."""
        found = self.stack.api("GET", "/v1/alerts", params={"state": state, "limit": 100}).json()["data"]
        return [alert for alert in found if alert["kind"] == kind]

    def until(self, holds: Callable[[], bool], within_s: float = 20.0) -> None:
        """Wait until it holds."""
        assert eventually(holds, within_s), (
            f"not within {within_s} s; the log ends:\n{self.stack.log()[-3000:]}"
        )

    def redis(self) -> Redis:
        """A client of the stack's Redis."""
        return Redis.from_url(self.stack.ready["redis_url"])


@pytest.fixture(scope="session")
def fault_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = start_stack(tmp_path_factory.mktemp("fault"), **IMPATIENT)
    try:
        yield running
    finally:
        stop_stack(running)


@pytest.fixture
def trouble(fault_stack: Stack) -> Iterator[Trouble]:
    hands = Trouble(fault_stack)
    hands.faults()
    yield hands
    hands.faults()
    hands.control("POST", "/token", {"state": "ok"})
    hands.until(lambda: not hands.alerts("breaker_open") and not hands.alerts("token_dead"), within_s=30)
