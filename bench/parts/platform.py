"""The platform of a measurement: the sandbox as a process, and its control API to place and check orders."""

from __future__ import annotations

import contextlib
import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from bench.parts.processes import BenchFailed, environment, free_port, process, wait_for

SHOP_ID, PAGE_ID = "900000000000017", "800000000000017"
APP_SECRET, ACCESS_TOKEN = "bench-app-secret", "bench-access-token"
GRAPH_VERSION = "v25.0"
MAX_PLACED_AT_ONCE = 10_000
_PAGE = 1_000
_MAX_PAGES = 1_000
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One change that happened to an order, and when, in Unix time."""

    order_id: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One running sandbox."""

    url: str
    pid: int
    http: httpx.Client

    @property
    def graph_url(self) -> str:
        """The URL of the Graph API, including the version."""
        return f"{self.url}/{GRAPH_VERSION}"

    def place(self, count: int) -> list[str]:
        """Place orders that are released at once, without webhooks; return their ids."""
        item = {"retailer_id": "SKU-1", "quantity": 2, "price": "20.00", "product_name": "A mug"}
        ids: list[str] = []
        while len(ids) < count:
            body = {"items": [item], "count": min(count - len(ids), MAX_PLACED_AT_ONCE)}
            ids += [str(one) for one in self._call("POST", "/orders", body)["ids"]]
        return ids

    def answer_after(self, seconds: float) -> None:
        """Delay every Graph call by that time; 0 ends it."""
        slow = [{"path": "*", "kind": "slow", "delay_s": seconds}] if seconds else []
        self._call("PUT", "/faults", slow)

    def count_effects(self, kind: str) -> int:
        """Return how many changes of a kind the merchant's side made."""
        return int(self._call("GET", f"/effects?count=true&kind={kind}")["count"])

    def effects(self, kind: str, *, order_id: str | None = None) -> list[Effect]:
        """Return the changes of a kind, oldest first, of one order or of all."""
        path = f"/effects?kind={kind}" + (f"&order_id={order_id}" if order_id else "")
        return [
            Effect(order_id=row["order_id"], at=datetime.fromisoformat(row["at"]).timestamp())
            for row in self._rows(path)
        ]

    def count_calls(self) -> int:
        """Return how many Graph calls were received."""
        return int(self._call("GET", "/calls?count=true")["count"])

    def first_items(self, order_ids: Sequence[str]) -> dict[str, str]:
        """Return the id of the first item of each of these orders."""
        wanted = set(order_ids)
        return {
            str(row["id"]): str(row["items"][0]["id"])
            for row in self._rows("/orders?")
            if str(row["id"]) in wanted
        }

    def acknowledge(self, order_ids: Sequence[str]) -> None:
        """Acknowledge up to 100 orders by one call, as a merchant would; for preparing a turn."""
        orders = [{"id": order_id, "merchant_order_reference": order_id} for order_id in order_ids]
        answer = self.http.post(
            f"/{GRAPH_VERSION}/{SHOP_ID}/acknowledge_orders",
            headers={"Authorization": f"Bearer {ACCESS_TOKEN}"},
            data={"idempotency_key": str(uuid.uuid4()), "orders": json.dumps(orders)},
        )
        if answer.is_error:
            raise BenchFailed(f"The sandbox acknowledges nothing: {answer.status_code} {answer.text}")

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.http.request(method, f"/_sandbox{path}", json=body)
        if answer.is_error:
            raise BenchFailed(f"The sandbox answers {method} {path} with {answer.status_code}: {answer.text}")
        return answer.json()  # type: ignore[no-any-return]

    def _rows(self, path: str) -> Iterator[dict[str, Any]]:
        cursor = "0"
        for _ in range(_MAX_PAGES):
            page = self._call("GET", f"{path}&limit={_PAGE}&cursor={cursor}")
            yield from page["data"]
            if page["next_cursor"] is None:
                return
            cursor = page["next_cursor"]
        raise BenchFailed(f"{path} has more than {_MAX_PAGES} pages")


@contextlib.contextmanager
def platform(folder: Path) -> Iterator[Platform]:
    """Run a sandbox with one shop until the block ends."""
    port, log = free_port(), folder / "sandbox.log"
    shop = {"cms_id": SHOP_ID, "page_id": PAGE_ID, "access_token": ACCESS_TOKEN, "name": "Bench"}
    env = environment(SANDBOX_APP_SECRET=APP_SECRET, SANDBOX_SHOPS=json.dumps([shop]))
    url = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "sandbox", "--port", str(port)]
    with (
        process(argv, env=env, log=log) as child,
        httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False) as http,
    ):
        wait_for("The sandbox", lambda: _well(http), child=child, log=log)
        yield Platform(url=url, pid=child.pid, http=http)


def _well(http: httpx.Client) -> bool:
    try:
        return http.get("/_sandbox/health").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
