"""A shop with many orders: the sandbox as its platform, a real store, and the use cases of a worker."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from app.container import Container
from app.domain.admission import Purpose
from app.domain.commands import Command, CommandKind
from app.domain.orders import PlatformOrder
from app.domain.timeline import Cause
from app.services.run import RunCommand
from app.services.settle import RunResult
from app.settings import load_settings
from app.store.commands import LeaseDenied
from app.store.syncs import PendingSync
from sandbox.options import Options
from sandbox.server import running

SHOP = "900000000000017"


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The shop from both sides."""

    platform: str
    orderwire: Container

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(method, f"{self.platform}/_sandbox{path}", json=body, timeout=30)
        return answer.raise_for_status().json()

    def place(self, count: int, state: str = "CREATED") -> list[str]:
        items = [{"retailer_id": "mug", "quantity": 2, "price": "10.00"}]
        placed = self.control("POST", "/orders", {"items": items, "state": state, "count": count})
        return list(placed["ids"])

    def faults(self, *faults: dict[str, Any]) -> None:
        self.control("PUT", "/faults", list(faults))

    def effects(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "/effects?kind=acknowledge&limit=1000")["data"])

    def calls(self, ending: str) -> list[dict[str, Any]]:
        found = self.control("GET", "/calls?limit=1000")["data"]
        return [call for call in found if call["path"].endswith(ending)]

    def reads(self, order_ids: Sequence[str]) -> list[PlatformOrder]:
        shop = self.orderwire.shops.get(SHOP)
        assert shop is not None
        read = partial(self.orderwire.sync_order.graph.read_order, shop, purpose=Purpose.READ, timeout_s=5)
        return [read(order_id) for order_id in order_ids]

    def record(self, reads: Sequence[PlatformOrder]) -> None:
        """Write copies down as a worker does, so that they gather."""
        now = datetime.now(UTC)
        self.orderwire.sync_order.record_order.record_many(reads, read_at=now, cause=Cause.WEBHOOK)

    def add(self, order_ids: Sequence[str], cause: Cause = Cause.WEBHOOK) -> None:
        for order_id in order_ids:
            pending = PendingSync(order_id=order_id, shop_id=SHOP, cause=cause)
            self.orderwire.sync_order.syncs.add(pending, datetime.now(UTC))

    def batch_of(self, count: int) -> str:
        """Return the id of a batch of so many orders that our copies say are CREATED."""
        self.record(self.reads(self.place(count)))
        return self.formed()

    def formed(self) -> str:
        """Have what gathered go out now, and return the id of the batch."""
        due = self.orderwire.commands.due(
            datetime.now(UTC) + timedelta(seconds=1), kind=CommandKind.ACKNOWLEDGE_BATCH, limit=10
        )
        if not due:
            self.orderwire.batches.form(
                SHOP,
                batch_id="batch1",
                idempotency_key="key-of-batch1",
                now=datetime.now(UTC),
                window_s=0,
                most=100,
            )
            return "batch1"
        [one] = due
        return one.id

    def run(self, command_id: str, *, after_s: float = 0) -> RunResult | LeaseDenied:
        """Run a command or a batch as a worker does whose clock is `after_s` ahead."""
        return self.ahead(after_s).run(command_id)

    def run_alone(self, command_id: str, *, after_s: float) -> Command:
        self.run(command_id, after_s=after_s)
        return self.command(command_id)

    def ahead(self, after_s: float) -> RunCommand:
        return replace(
            self.orderwire.run_command, clock=lambda: datetime.now(UTC) + timedelta(seconds=after_s)
        )

    def command(self, command_id: str) -> Command:
        found = self.orderwire.commands.get(command_id)
        assert found is not None
        return found

    def acknowledgement(self, order_id: str) -> Command:
        [found] = self.orderwire.commands.list(order_id=order_id, limit=10).items
        return found


@pytest.fixture(scope="session")
def market_platform() -> Iterator[str]:
    with running(Options(app_secret="shh")) as url:
        yield url


@pytest.fixture
def market(redis_url: str, market_platform: str) -> Iterator[Market]:
    httpx.post(f"{market_platform}/_sandbox/reset").raise_for_status()
    orderwire = Container(
        load_settings(
            {
                "ORDERWIRE_REDIS_URL": redis_url,
                "ORDERWIRE_GRAPH_URL": market_platform,
                "ORDERWIRE_APP_SECRETS": "shh",
                "ORDERWIRE_VERIFY_TOKEN": "verify-me",
                "ORDERWIRE_SHOP_ID": SHOP,
                "ORDERWIRE_SHOP_PAGE_ID": "800000000000017",
                "ORDERWIRE_SHOP_ACCESS_TOKEN": "sandbox-token",
                "ORDERWIRE_SEALING_KEYS": base64.b64encode(bytes(32)).decode(),
                # A test says itself when the window is over.
                "ORDERWIRE_ACKNOWLEDGE_WINDOW_S": "60",
                "ORDERWIRE_RETRY_DELAY_S": "1",
                "ORDERWIRE_ATTEMPT_TIMEOUT_S": "2",
                "ORDERWIRE_MAX_ATTEMPTS": "2",
            }
        )
    )
    yield Market(platform=market_platform, orderwire=orderwire)
    orderwire.sync_order.graph.close()
