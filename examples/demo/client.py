"""Clients of Orderwire's API and of the sandbox's control API, and a log of each step."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from examples.demo.stack import Stack

WAIT_S = 20.0
PAUSE_S = 0.05
JOB_OF_CAUSE = {"webhook": "sync", "reconciliation": "reconcile", "rest": "-", "policy": "sync"}


class DemoClient:
    """Acts as the merchant's OMS and controls the sandbox; prints each step when it happens."""

    def __init__(self, stack: Stack, started: float) -> None:
        self.stack = stack
        self.started = started
        self.jobs: set[str] = set()
        self._api = httpx.Client(
            base_url=stack.api_url, headers={"Authorization": f"Bearer {stack.api_key}"}, timeout=35
        )
        self._platform = httpx.Client(base_url=stack.sandbox_url, timeout=15)
        self._shown: dict[str, int] = {}

    def log(self, order_id: str, what: str, job: str = "-") -> None:
        """Print one step: elapsed time, order, what happened, and the RQ job that did it."""
        print(f"{time.monotonic() - self.started:6.2f} s  {order_id:<18} {what:<78} {job}", flush=True)

    def platform(self, method: str, path: str, body: Any = None) -> Any:
        """Call the sandbox's control API and return the JSON body."""
        answer = self._platform.request(method, f"/_sandbox{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def place(self, *, state: str, items: list[dict[str, Any]]) -> str:
        """Place an order as a buyer; return its id."""
        made = self.platform("POST", "/orders", {"items": items, "state": state, "shipping": "6.00"})
        order_id = str(made["ids"][0])
        self.log(order_id, f"placed on the platform, {state}")
        return order_id

    def order(self, order_id: str) -> dict[str, Any] | None:
        """Return Orderwire's copy of the order, or None while it is unknown."""
        answer = self._api.get("/v1/orders", params={"limit": 100})
        answer.raise_for_status()
        return next((order for order in answer.json()["data"] if order["id"] == order_id), None)

    def post(self, order_id: str, verb: str, body: dict[str, Any]) -> httpx.Response:
        """Request a change from Orderwire and wait until the command has finished."""
        headers = {"Prefer": "wait=20", "Idempotency-Key": str(uuid.uuid4())}
        answer = self._api.post(f"/v1/orders/{order_id}/{verb}", json=body, headers=headers)
        self.follow(order_id)
        return answer

    def follow(self, order_id: str) -> None:
        """Print the new entries of the order's timeline."""
        answer = self._api.get(f"/v1/orders/{order_id}/timeline", params={"limit": 100})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return
        entries = answer.json()["data"]
        for position, entry in enumerate(entries):
            if position < self._shown.get(order_id, 0):
                continue
            job = _job(entries, position)
            self.jobs.update([job] if job != "-" else [])
            self.log(order_id, _sentence(entry), job)
        self._shown[order_id] = len(entries)

    def until(self, order_id: str, state: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Follow the order until Orderwire's copy satisfies `holds`; `state` names it in the error."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            self.follow(order_id)
            order = self.order(order_id)
            if order is not None and holds(order):
                return order
            time.sleep(PAUSE_S)
        raise TimeoutError(f"order {order_id} was not {state} within {WAIT_S:.0f} s")

    def send_webhook(self, order_id: str, *, one_by_one: int, at_once: int) -> list[int]:
        """Post one signed webhook many times; return the status codes."""
        now = int(time.time())
        change = {"field": "orders", "value": {"order_id": order_id, "event": "ORDER_CREATED"}}
        entry = {"id": self.stack.shop_id, "time": now, "changes": [change]}
        raw = json.dumps({"object": "commerce_account", "entry": [entry]}).encode()
        digest = hmac.new(self.stack.app_secret.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}

        def post(_: int) -> int:
            return self._api.post("/webhooks/facebook", content=raw, headers=headers).status_code

        with ThreadPoolExecutor(at_once) as threads:
            concurrent = list(threads.map(post, range(at_once)))
        return concurrent + [post(number) for number in range(one_by_one)]


def _job(entries: list[dict[str, Any]], position: int) -> str:
    """Return the job that wrote the entry: by its cause, or for a command by the next entry with a kind."""
    cause = entries[position]["cause"]
    if cause != "command":
        return JOB_OF_CAUSE.get(cause, "-")
    kinds = (entry["detail"].get("kind") for entry in entries[position:] if entry["cause"] == "command")
    return str(next((kind for kind in kinds if kind), "-"))


def _sentence(entry: dict[str, Any]) -> str:
    detail = {name: value for name, value in entry["detail"].items() if value is not None}
    shown = (
        "state",
        "from",
        "to",
        "merchant_order_reference",
        "kind",
        "outcome",
        "reason_code",
        "amount",
        "error",
    )
    parts = [f"{name}={_short(detail[name])}" for name in shown if name in detail]
    if isinstance(detail.get("tracking"), dict):
        parts.append(_short(detail["tracking"]))
    return f"{entry['what']} [{entry['cause']}] {' '.join(parts)}"[:78]


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(str(part) for part in value.values())
    return str(value)
