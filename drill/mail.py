"""The mail room: takes the sandbox's signed webhooks in, and delivers them as badly as a real network would.

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

from drill.facts import Letter

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_TRIES = 200
AT_ONCE = 24  # one shared AsyncClient collapses beyond 32 concurrent calls
_TIMEOUT_S = 4.0
_SIGNATURE = "X-Hub-Signature-256"
_COPIES = (1, 1, 1, 2, 2, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How badly mail travels: the share never sent, the longest delay; without `copies` chance chooses."""

    drop_rate: float = 0.02
    longest_delay_s: float = 2.0
    copies: int | None = None


@dataclass(slots=True, kw_only=True)
class _Parcel:
    number: int
    body: bytes
    signature: str
    order_ids: tuple[str, ...]
    entries: int
    acknowledged: bool = False
    accepted: int = 0
    found_new: int = 0


@dataclass(slots=True)
class MailRoom:
    """Receives on `url`, delivers to `target`; `hurry` ends the retries of what is still not answered."""

    target: str
    seed: int
    manners: Manners = field(default_factory=Manners)
    hurry: bool = False
    url: str = ""
    dropped: int = 0
    posts: int = 0
    _parcels: list[_Parcel] = field(default_factory=list)
    _rng: random.Random = field(init=False)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: ThreadingHTTPServer | None = None
    _client: httpx.AsyncClient | None = None
    _busy: int = 0

    def __post_init__(self) -> None:
        """Seed the room's chance."""
        self._rng = random.Random(self.seed)  # noqa: S311 - seeded on purpose

    def open(self) -> None:
        """Start receiving."""
        room = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = min(int(self.headers.get("Content-Length", "0")), MAX_BODY_BYTES)
                room.take(self.rfile.read(size), self.headers.get(_SIGNATURE, ""))
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
        """Take one letter of the platform in and have it delivered, unless chance loses it."""
        entries = json.loads(body)["entry"]
        orders = tuple(str(change["value"]["order_id"]) for entry in entries for change in entry["changes"])
        if self._rng.random() < self.manners.drop_rate:
            self.dropped += 1
            return
        known = [parcel for parcel in self._parcels if parcel.body == body]
        parcel = _Parcel(
            number=len(self._parcels) + 1,
            body=body,
            signature=signature,
            order_ids=orders,
            entries=len(entries),
        )
        if known:
            parcel = known[0]
        else:
            self._parcels.append(parcel)
        copies = self.manners.copies or self._rng.choice(_COPIES)
        delay_s = self._rng.uniform(0, self.manners.longest_delay_s)
        for _ in range(copies):
            self._busy += 1
            asyncio.run_coroutine_threadsafe(self._deliver(parcel, delay_s), self._loop)

    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return self._busy <= 0

    def letters(self) -> list[Letter]:
        """Return what became of every letter that was sent."""
        return [
            Letter(
                number=parcel.number,
                order_ids=parcel.order_ids,
                entries=parcel.entries,
                acknowledged=parcel.acknowledged,
                accepted=parcel.accepted,
                found_new=parcel.found_new,
            )
            for parcel in self._parcels
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

    async def _deliver(self, parcel: _Parcel, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        for turn in range(MAX_TRIES):
            answer = await self._post(parcel)
            if answer is not None:
                parcel.acknowledged = True
                parcel.accepted += answer
                break
            if self.hurry:
                break
            await asyncio.sleep(min(0.3 * 1.5**turn, 2.0))
        self._busy -= 1

    async def _post(self, parcel: _Parcel) -> int | None:
        """Return how many entries a 200 said were new, None for any other answer."""
        if self._client is None:
            return None
        headers = {_SIGNATURE: parcel.signature, "Content-Type": "application/json"}
        self.posts += 1
        try:
            answer = await self._client.post(self.target, content=parcel.body, headers=headers)
        except httpx.HTTPError:
            return None
        return int(answer.json()["accepted"]) if answer.status_code == httpx.codes.OK else None

    async def _audit(self) -> None:
        for parcel in self._parcels:
            if parcel.acknowledged:
                parcel.found_new = await self._post(parcel) or 0
