"""The API as it is served: uvicorn in a thread, a real Valkey behind it, the sandbox as its platform."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn

from app.container import Container
from app.domain.orders import Address, Buyer, Order, PlatformOrder
from app.domain.timeline import Cause
from app.http.app import create_app
from app.settings import load_settings
from sandbox.options import Options
from sandbox.server import running
from tests.support.ports import free_port

APP_SECRETS = ("current-app-secret", "previous-app-secret")
VERIFY_TOKEN = "verify-me"
BUYER = Buyer(name="Zoë Müller", email="relay@example.com", email_remarketing_option=False)
ADDRESS = Address(
    name="Zoë Müller",
    street1="1 Main St",
    street2=None,
    city="Springfield",
    state="IL",
    postal_code="62701",
    country="US",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One running API, the parts behind it, and its sandbox."""

    url: str
    orderwire: Container
    platform: str

    def key(self, *scopes: str) -> str:
        secret = "ow_" + secrets.token_urlsafe(32)
        self.orderwire.api_keys.create(
            "test", scopes, secret=secret, key_id=secrets.token_hex(8), now=datetime.now(UTC)
        )
        return secret

    def caller(self, *scopes: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key(*scopes)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def put(self, order: Order, *, buyer: Buyer | None = BUYER, address: Address | None = ADDRESS) -> None:
        read = PlatformOrder(order=order, buyer=buyer, shipping_address=address)
        self.orderwire.sync_order.record_order.record(read, read_at=datetime.now(UTC), cause=Cause.WEBHOOK)

    def place(self, **asked: Any) -> str:
        """Place an order on the platform, where nobody has told Orderwire of it."""
        body = {
            "items": [{"retailer_id": "mug", "quantity": 2, "price": "10.00"}],
            "state": "CREATED",
            **asked,
        }
        answer = httpx.post(f"{self.platform}/_sandbox/orders", json=body).raise_for_status()
        return str(answer.json()["ids"][0])


@pytest.fixture(scope="session")
def platform() -> Iterator[str]:
    with running(Options(app_secret=APP_SECRETS[0])) as url:
        yield url


@pytest.fixture(scope="session")
def session_api(session_redis_url: str, platform: str) -> Iterator[Served]:
    with serving(session_redis_url, platform) as served:
        yield served


@pytest.fixture
def api(session_api: Served, redis_url: str) -> Served:
    """The API over an empty store and an empty platform."""
    assert redis_url
    httpx.post(f"{session_api.platform}/_sandbox/reset").raise_for_status()
    return session_api


@pytest.fixture
def client(api: Served) -> Iterator[httpx.Client]:
    """A caller whose key may read and write, and nothing else."""
    with api.caller("orders:read", "orders:write") as client:
        yield client


@pytest.fixture(scope="module")
def storeless() -> Iterator[Served]:
    """An API whose Redis is away, and whose platform is, too."""
    with serving(f"redis://127.0.0.1:{free_port()}/0", f"http://127.0.0.1:{free_port()}") as served:
        yield served


@contextlib.contextmanager
def serving(redis_url: str, platform: str) -> Iterator[Served]:
    orderwire = Container(load_settings(environment(redis_url, platform)), "api")
    config = uvicorn.Config(
        create_app(orderwire), port=0, access_log=False, log_config=None, server_header=False
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        await server.serve(sockets=[listener])
        await orderwire.receive_delivery.counters._store.aclose()

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < until, "the API did not start"
        time.sleep(0.01)
    yield Served(url=f"http://127.0.0.1:{listener.getsockname()[1]}", orderwire=orderwire, platform=platform)
    server.should_exit = True
    thread.join(10)
    orderwire.sync_order.graph.close()
    listener.close()


def environment(redis_url: str, platform: str) -> dict[str, str]:
    """Return the settings of an API over this store and this platform."""
    return {
        "ORDERWIRE_REDIS_URL": redis_url,
        "ORDERWIRE_GRAPH_URL": platform,
        "ORDERWIRE_APP_SECRETS": ",".join(APP_SECRETS),
        "ORDERWIRE_VERIFY_TOKEN": VERIFY_TOKEN,
        "ORDERWIRE_SHOP_ID": "900000000000017",
        "ORDERWIRE_SHOP_PAGE_ID": "800000000000017",
        "ORDERWIRE_SHOP_ACCESS_TOKEN": "sandbox-token",
        "ORDERWIRE_SHOP_ACKNOWLEDGE": "manual",
        "ORDERWIRE_SEALING_KEYS": base64.b64encode(bytes(32)).decode(),
        "ORDERWIRE_READ_TIMEOUT_S": "2",
    }
