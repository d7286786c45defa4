"""A sandbox over real HTTP, empty for each test, and a webhook endpoint that remembers what it got."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import httpx
import pytest

from sandbox.options import Options, shop_access
from sandbox.server import running

CMS, PAGE, TOKEN = "100000000000001", "200000000000001", "token-one"
OTHER_CMS, OTHER_PAGE, OTHER_TOKEN = "100000000000002", "200000000000002", "token-two"
SECRET = "emulator-app-secret-0001"


@dataclass
class Sandbox:
    """Drives both sides of one sandbox."""

    url: str
    http: httpx.Client
    _keys: Any = field(default_factory=count)

    def control(
        self, method: str, path: str, body: Any = None, /, *, expect: int | None = None, **query: Any
    ) -> Any:
        answer = self.http.request(method, f"/_sandbox/{path}", json=body, params=query)
        assert expect is None or answer.status_code == expect, answer.text
        return answer.json()

    def place(self, **order: Any) -> str:
        body = {"items": [{"retailer_id": "A", "quantity": 3, "price": "20.00"}], **order}
        return str(self.control("POST", "orders", body, expect=201)["ids"][0])

    def look(self, order_id: str) -> dict[str, Any]:
        return dict(self.control("GET", f"orders/{order_id}", expect=200))

    def get(self, path: str, *, token: str = TOKEN, **params: Any) -> httpx.Response:
        return self.http.get(f"/v25.0/{path}", params=params, headers={"Authorization": f"Bearer {token}"})

    def read(self, path: str, **params: Any) -> dict[str, Any]:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def post(self, path: str, *, token: str = TOKEN, key: str | None = None, **params: Any) -> httpx.Response:
        form = {
            name: json.dumps(value) if isinstance(value, dict | list) else value
            for name, value in params.items()
        }
        form["idempotency_key"] = key or f"key-{next(self._keys)}"
        return self.http.post(f"/v25.0/{path}", data=form, params={"access_token": token})

    def done(self, path: str, **params: Any) -> dict[str, Any]:
        answer = self.post(path, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refused(self, path: str, **params: Any) -> int:
        """The most telling code of a refused write: the subcode, else the code."""
        answer = self.post(path, **params)
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        return int(error.get("error_subcode", error["code"]))

    def acknowledged(self, **order: Any) -> str:
        order_id = self.place(**order)
        self.done(f"{order_id}/acknowledge_order")
        return order_id

    def shipped(self, **order: Any) -> str:
        order_id = self.acknowledged(**order)
        self.done(f"{order_id}/shipments")
        return order_id

    def items(self, order_id: str) -> list[str]:
        return [item["id"] for item in self.look(order_id)["items"]]

    def effects(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.control("GET", "effects", expect=200, **query)["data"])


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    shops = (
        shop_access(CMS, PAGE, TOKEN, "Shop one"),
        shop_access(OTHER_CMS, OTHER_PAGE, OTHER_TOKEN, "Shop two"),
    )
    with running(Options(app_secret=SECRET, shops=shops)) as url:
        yield url


@pytest.fixture
def sandbox(served: str) -> Iterator[Sandbox]:
    with httpx.Client(base_url=served, timeout=20) as http:
        driven = Sandbox(served, http)
        driven.control("POST", "reset", {}, expect=200)
        yield driven
        driven.control("POST", "reset", {}, expect=200)


@dataclass
class Endpoint:
    """A webhook endpoint: what it received, and with which status it answers."""

    url: str
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    verifications: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    challenge_suffix: str = ""

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.received]

    def entries(self) -> list[dict[str, Any]]:
        return [entry for body in self.bodies() for entry in body["entry"]]

    def wait_for(self, many: int) -> None:
        eventually(lambda: len(self.received) >= many)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    seen = Endpoint(url="")

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # its five would turn simultaneous copies away

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.received.append((dict(self.headers.items()), body))
            self._reply(seen.answers.pop(0) if seen.answers else 200, b"")

        def do_GET(self) -> None:
            seen.verifications.append(self.path)
            query = httpx.URL(f"http://x{self.path}").params
            good = query.get("hub.verify_token") == "right" and query.get("hub.mode") == "subscribe"
            challenge = query.get("hub.challenge", "") + seen.challenge_suffix
            self._reply(200 if good else 403, challenge.encode() if good else b"")

        def _reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            del format, args

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    seen.url = f"http://127.0.0.1:{server.server_address[1]}/webhooks/facebook?shop=1"
    yield seen
    server.shutdown()
    server.server_close()
    thread.join(5)


def eventually(holds: Callable[[], bool], *, within_s: float = 10) -> None:
    """Wait until something holds, and fail if it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


@pytest.fixture
def soon() -> Callable[..., None]:
    return eventually
