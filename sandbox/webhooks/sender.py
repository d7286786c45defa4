"""The sender: collects notifications, signs them, sends copies, and retries those not answered 200."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx

from sandbox.ledger.model import Order
from sandbox.rules import assumed, documented
from sandbox.world import World

from .line import Line, LineError
from .policy import Policy
from .wire import Notification, entry_id, headers_for, write_body

WORKERS = 32  # more concurrent calls than this and one shared HTTP client gets slower, not faster
MAX_DELIVERIES = 200_000  # as many as calls are kept
MAX_PARCELS = 500_000  # five for each of 100,000 orders; a receiver that is further behind loses them
GATHER_S = 0.02  # how long a batch waits for further notifications
SHUFFLE_S = 0.1  # long enough for neighboring deliveries to overtake each other
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to deliver a body, and how it was answered: a status, or an error without one."""

    number: int
    at: str
    entry_ids: tuple[str, ...]
    order_ids: tuple[str, ...]
    attempt: int
    status: int | None
    error: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the attempt as the control API shows it."""
        return {
            "id": str(self.number),
            "at": self.at,
            "entry_ids": list(self.entry_ids),
            "order_ids": list(self.order_ids),
            "attempt": self.attempt,
            "status": self.status,
            "error": self.error,
        }


class Receipt:
    """Counts first attempts down, so that a caller can wait until all are answered."""

    def __init__(self, expected: int) -> None:
        self._left = expected
        self._all = asyncio.Event()
        if not expected:
            self._all.set()

    def sign(self, over: int = 1) -> None:
        """Record that a first attempt ended, or that some are never made."""
        self._left -= over
        if self._left <= 0:
            self._all.set()

    async def wait(self) -> None:
        """Return once every first attempt is over."""
        await self._all.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parcel:
    """A body on its way: where to, which attempt, how many more copies follow this one."""

    generation: int
    url: str
    body: bytes
    headers: dict[str, str]
    entry_ids: tuple[str, ...]
    order_ids: tuple[str, ...]
    policy: Policy
    attempt: int = 1
    copies_left: int = 0
    receipt: Receipt | None = None


class Sender:
    """Sends notifications; the application's lifespan calls `start` and `stop`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._client: httpx.AsyncClient | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._queue: asyncio.Queue[_Parcel] = asyncio.Queue()
        self._numbers = 0
        self._generation = 0
        self._fresh: list[Notification] = []
        self._flushing: asyncio.TimerHandle | None = None
        self._deliveries: deque[Delivery] = deque(maxlen=MAX_DELIVERIES)
        self.policy = self._first_policy()

    def start(self) -> None:
        """Begin to send; needs the running event loop."""
        limits = httpx.Limits(max_connections=WORKERS, max_keepalive_connections=WORKERS)
        self._client = httpx.AsyncClient(limits=limits, trust_env=False, follow_redirects=False)
        self._workers = [asyncio.create_task(self._work(self._client, Line())) for _ in range(WORKERS)]

    async def stop(self) -> None:
        """Stop sending at once; deliveries in progress are lost."""
        self.reset()
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with contextlib.suppress(asyncio.CancelledError):
                await worker
        if self._client is not None:
            await self._client.aclose()

    def reset(self) -> None:
        """Forget deliveries, everything on its way, and the policy."""
        self._generation += 1
        self._fresh.clear()
        self._deliveries.clear()
        self.policy = self._first_policy()

    @documented(
        "A delivery may be lost; nothing is ever sent again after the retries",
        source="Graph API webhooks guide",
    )
    def tell(self, order: Order, event: str) -> None:
        """Notify of a change if the policy says so; a share of `drop_rate` is lost here."""
        policy = self.policy
        if not policy.enabled or policy.url is None:
            return
        if policy.drop_rate and self._world.rng.random() < policy.drop_rate:
            return
        self._fresh.append(self._notification(order, event))
        if len(self._fresh) >= policy.batch and not policy.shuffle:
            self._flush()
        elif self._flushing is None:
            wait_s = SHUFFLE_S if policy.shuffle else GATHER_S
            self._flushing = asyncio.get_running_loop().call_later(wait_s, self._flush)

    def send_now(self, orders: Sequence[Order], policy: Policy) -> tuple[int, Receipt]:
        """Notify of orders by hand, lost or not; returns how many bodies go out, and a receipt to wait on."""
        notifications = [self._notification(order, "ORDER_UPDATED") for order in orders]
        if policy.shuffle:
            self._world.rng.shuffle(notifications)
        batches = _batched(notifications, policy.batch)
        receipt = Receipt(len(batches) * policy.copies)
        for batch in batches:
            self._post(batch, policy, receipt)
        return len(batches) * policy.copies, receipt

    def deliveries(self, *, order_id: str | None, after: int = 0) -> list[Delivery]:
        """Return attempts so far, oldest first, beyond number `after`, of one order or of all."""
        return [
            delivery
            for delivery in self._deliveries
            if delivery.number > after and (order_id is None or order_id in delivery.order_ids)
        ]

    @documented(
        "The endpoint is verified by GET with hub.mode, hub.challenge, hub.verify_token",
        source="Webhooks guide",
    )
    async def verify(self, url: str, verify_token: str) -> tuple[bool, str]:
        """Verify the endpoint; return whether it succeeded, and if not, why."""
        challenge = str(self._world.rng.randrange(10**9, 10**10))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        agent = {"User-Agent": "facebookplatform/1.0 (+http://developers.facebook.com)"}
        asked = httpx.URL(url).copy_merge_params(query)
        try:
            answer = await self._sending().get(asked, headers=agent, timeout=self.policy.timeout_s)
        except httpx.HTTPError as error:
            return False, f"no answer: {type(error).__name__}"
        if answer.status_code != _OK:
            return False, f"answered {answer.status_code}, not 200"
        if answer.content != challenge.encode():
            return False, "the answer's body is not exactly the challenge"
        return True, "the challenge came back"

    def _first_policy(self) -> Policy:
        url = self._world.options.webhook_url
        return Policy(enabled=url is not None, url=url)

    def _sending(self) -> httpx.AsyncClient:
        if self._client is None:
            raise RuntimeError("The sender has not been started; the application's lifespan does that.")
        return self._client

    def _notification(self, order: Order, event: str) -> Notification:
        return Notification(
            id=self._world.mint(),
            time=int(self._world.clock.now().timestamp()),
            event=event,
            order_id=order.id,
            state=order.state.value,
            shop_id=order.shop_id,
            updated_time=int(order.updated_at.timestamp()),
        )

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        fresh, self._fresh = self._fresh, []
        if self.policy.shuffle:
            self._world.rng.shuffle(fresh)
        for batch in _batched(fresh, self.policy.batch):
            self._post(batch, self.policy, None)

    @documented("A delivery holds up to 1000 entries", source="Graph API webhooks guide")
    def _post(self, batch: Sequence[Notification], policy: Policy, receipt: Receipt | None) -> None:
        if policy.url is None:
            return
        body = write_body(batch, policy)
        parcel = _Parcel(
            generation=self._generation,
            url=policy.url,
            body=body,
            headers=headers_for(body, self._world.options.app_secret),
            entry_ids=tuple(entry_id(notification, policy) for notification in batch),
            order_ids=tuple(notification.order_id for notification in batch),
            policy=policy,
            copies_left=0 if policy.concurrent else policy.copies - 1,
            receipt=receipt,
        )
        for _ in range(policy.copies if policy.concurrent else 1):
            self._enqueue(parcel)

    def _enqueue(self, parcel: _Parcel) -> None:
        if self._queue.qsize() < MAX_PARCELS:
            self._queue.put_nowait(parcel)

    async def _work(self, client: httpx.AsyncClient, line: Line) -> None:
        try:
            await self._deliver(client, line)
        finally:
            line.close()

    async def _deliver(self, client: httpx.AsyncClient, line: Line) -> None:
        while True:
            parcel = await self._queue.get()
            if parcel.generation != self._generation:
                if parcel.receipt is not None:
                    parcel.receipt.sign(1 + parcel.copies_left)
                continue
            status, error = await _attempt(client, line, parcel)
            if parcel.generation == self._generation:
                self._note(parcel, status, error)
                self._go_on(parcel, delivered=status == _OK)
            if parcel.receipt is not None and parcel.attempt == 1:
                parcel.receipt.sign()

    @documented(
        "Anything but 200 is retried, with falling frequency, then dropped", source="Webhooks guide; Payments"
    )
    @assumed(
        "A retry and a copy carry the identical bytes, their time is of the first send",
        why="one observation each",
    )
    def _go_on(self, parcel: _Parcel, *, delivered: bool) -> None:
        schedule = parcel.policy.retry_schedule_s
        if not delivered and parcel.attempt <= len(schedule):
            again = replace(parcel, attempt=parcel.attempt + 1, copies_left=0)
            asyncio.get_running_loop().call_later(schedule[parcel.attempt - 1], self._enqueue, again)
        if parcel.attempt == 1 and parcel.copies_left:
            self._enqueue(replace(parcel, copies_left=parcel.copies_left - 1))

    def _note(self, parcel: _Parcel, status: int | None, error: str | None) -> None:
        self._numbers += 1
        self._deliveries.append(
            Delivery(
                number=self._numbers,
                at=self._world.clock.now().isoformat(),
                entry_ids=parcel.entry_ids,
                order_ids=parcel.order_ids,
                attempt=parcel.attempt,
                status=status,
                error=error,
            )
        )


async def _attempt(client: httpx.AsyncClient, line: Line, parcel: _Parcel) -> tuple[int | None, str | None]:
    timeout_s = parcel.policy.timeout_s
    try:
        if parcel.url.startswith("http://"):
            return await line.post(parcel.url, parcel.body, parcel.headers, timeout_s=timeout_s), None
        answer = await client.post(parcel.url, content=parcel.body, headers=parcel.headers, timeout=timeout_s)
    except LineError as error:
        return None, str(error)
    except httpx.HTTPError as error:
        return None, f"{type(error).__name__}: {error}"
    return answer.status_code, None


def _batched(notifications: Sequence[Notification], size: int) -> list[Sequence[Notification]]:
    return [notifications[start : start + size] for start in range(0, len(notifications), size)]
