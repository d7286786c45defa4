"""The webhook relay: receives the sandbox's webhooks, and delivers them as badly as a real network would.

Duplicated, concurrent, shuffled, and some never sent; but what is sent is sent until it is answered 200, as
the platform promises.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.chaos.facts import Delivery

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_TRIES = 200
AT_ONCE = 24  # one shared AsyncClient collapses beyond 32 concurrent calls
_TIMEOUT_S = 4.0
_SIGNATURE = "X-Hub-Signature-256"
_COPIES = (1, 1, 1, 2, 2, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayFaults:
    """How badly webhooks travel: the share never sent, the longest delay; without `copies` chance chooses."""

    drop_rate: float = 0.02
    longest_delay_s: float = 2.0
    copies: int | None = None


@dataclass(slots=True, kw_only=True)
class _Webhook:
    number: int
    body: bytes
    signature: str
    order_ids: tuple[str, ...]
    entries: int
    acknowledged: bool = False
    accepted: int = 0
    found_new: int = 0


@dataclass(slots=True)
class WebhookRelay:
    """Receives on `url`, delivers to `target`; `hurry` ends the retries of what is still not answered."""

    target: str
    seed: int
    relay_faults: RelayFaults = field(default_factory=RelayFaults)
    hurry: bool = False
    url: str = ""
    dropped: int = 0
    posts: int = 0
    _webhooks: list[_Webhook] = field(default_factory=list)
    _rng: random.Random = field(init=False)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: ThreadingHTTPServer | None = None
    _client: httpx.AsyncClient | None = None
    # More calls than connections would queue inside httpx, whose pool can lose slots when those time out.
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _busy: int = 0

    def __post_init__(self) -> None:
        """Seed the random generator."""
        self._rng = random.Random(self.seed)  # noqa: S311 - seeded on purpose

    def open(self) -> None:
        """Start receiving."""
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = min(int(self.headers.get("Content-Length", "0")), MAX_BODY_BYTES)
                relay.take(self.rfile.read(size), self.headers.get(_SIGNATURE, ""))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._run(self._open_client())

    def take(self, body: bytes, signature: str) -> None:
        """Take one webhook of the platform in and have it delivered, unless chance loses it."""
        entries = json.loads(body)["entry"]
        orders = tuple(str(change["value"]["order_id"]) for entry in entries for change in entry["changes"])
        if self._rng.random() < self.relay_faults.drop_rate:
            self.dropped += 1
            return
        known = [webhook for webhook in self._webhooks if webhook.body == body]
        webhook = _Webhook(
            number=len(self._webhooks) + 1,
            body=body,
            signature=signature,
            order_ids=orders,
            entries=len(entries),
        )
        if known:
            webhook = known[0]
        else:
            self._webhooks.append(webhook)
        copies = self.relay_faults.copies or self._rng.choice(_COPIES)
        delay_s = self._rng.uniform(0, self.relay_faults.longest_delay_s)
        for _ in range(copies):
            self._busy += 1
            asyncio.run_coroutine_threadsafe(self._deliver(webhook, delay_s), self._loop)

    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return self._busy <= 0

    def deliveries(self) -> list[Delivery]:
        """Return what became of every webhook that was sent."""
        return [
            Delivery(
                number=webhook.number,
                order_ids=webhook.order_ids,
                entries=webhook.entries,
                acknowledged=webhook.acknowledged,
                accepted=webhook.accepted,
                found_new=webhook.found_new,
            )
            for webhook in self._webhooks
        ]

    def audit(self) -> None:
        """Send a last copy of everything that was answered 200: whatever is new then had been lost."""
        self._run(self._audit())

    def close(self) -> None:
        """Stop receiving and delivering."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._client is not None:
            self._run(self._client.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=300)

    async def _open_client(self) -> None:
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, limits=limits)

    async def _deliver(self, webhook: _Webhook, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        for turn in range(MAX_TRIES):
            answer = await self._post(webhook)
            if answer is not None:
                webhook.acknowledged = True
                webhook.accepted += answer
                break
            if self.hurry:
                break
            await asyncio.sleep(min(0.3 * 1.5**turn, 2.0))
        self._busy -= 1

    async def _post(self, webhook: _Webhook) -> int | None:
        """Return how many entries a 200 said were new, None for any other answer."""
        if self._client is None:
            return None
        headers = {_SIGNATURE: webhook.signature, "Content-Type": "application/json"}
        self.posts += 1
        try:
            async with self._slots:
                answer = await self._client.post(self.target, content=webhook.body, headers=headers)
        except httpx.HTTPError:
            return None
        return int(answer.json()["accepted"]) if answer.status_code == httpx.codes.OK else None

    async def _audit(self) -> None:
        for webhook in self._webhooks:
            if webhook.acknowledged:
                webhook.found_new = await self._post(webhook) or 0
