"""Plays lives: planned requests become REST requests of the OMS, or acts of the buyer and of Meta."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.desk import Desk
from tests.chaos.oms import Oms, Request
from tests.chaos.platform import Platform
from tests.chaos.workload import Life, PlannedRequest, Step

Json = dict[str, Any]
MAX_AT_ONCE = 48
SETTLE_S = 12.0  # how long a life waits for what it asked before it goes on regardless
_LOOK_S = 0.3
_BY_PLATFORM = frozenset({"release", "buyer_cancel", "meta_refund"})


@dataclass(slots=True, kw_only=True)
class Player:
    """Plays each life in a thread, at its time."""

    platform: Platform
    oms: Oms
    desk: Desk
    played: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, lives: Sequence[Life]) -> None:
        """Play all lives to their ends."""
        started_s = time.monotonic()
        with ThreadPoolExecutor(MAX_AT_ONCE) as threads:
            for life in lives:
                time.sleep(max(0.0, started_s + life.at_s - time.monotonic()))
                threads.submit(self.guarded, f"life {life.number}", self._live, life)

    def perform(self, order_id: str, lines: Sequence[str], step: Step, *, settle: bool = True) -> None:
        """Make the requests of a step at once; with `settle`, wait a while for what was promised."""
        together = len(step.requests) > 1
        threads = [
            threading.Thread(target=self._make, args=(order_id, lines, planned, not together))
            for planned in step.requests
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if settle:
            self._settle([planned.mark for planned in step.requests])

    def ask(self, order_id: str, step: Step) -> None:
        """Make the requests of a step on an order that stands, and wait for no end."""
        self.perform(order_id, self._lines(order_id), step, settle=False)

    def guarded(self, whose: str, act: Callable[..., None], *arguments: object) -> None:
        """Act, and keep what ended it for the verdict: a thread's own end would be told to nobody."""
        try:
            act(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it was
            self.failures.append(f"{whose}: {type(error).__name__}: {error}")

    def _live(self, life: Life) -> None:
        order_id = self.platform.place(life.order)
        self._count("place")
        lines = self._lines(order_id)
        for step in life.steps:
            time.sleep(step.pause_s)
            self.perform(order_id, lines, step)

    def _lines(self, order_id: str) -> list[str]:
        return [str(line["id"]) for line in self.platform.order(order_id)["items"]]

    def _make(self, order_id: str, lines: Sequence[str], planned: PlannedRequest, patient: bool) -> None:
        self._count(planned.what)
        if planned.what in _BY_PLATFORM:
            self._platform_act(order_id, lines, planned)
            return
        request = self._request(order_id, lines, planned)
        if request is None:
            return
        twin: threading.Thread | None = None
        if planned.twice:
            key = f"chaos-{self.oms.seed}-{request.mark}-0"
            twin = threading.Thread(target=self.oms.send, args=(request, key))
            twin.start()
        self.oms.request(request, patient=patient)
        if twin is not None:
            twin.join()

    def _platform_act(self, order_id: str, lines: Sequence[str], planned: PlannedRequest) -> None:
        line = lines[planned.line]
        units = [{"item_id": line, "quantity": planned.quantity}] if planned.quantity else None
        match planned.what:
            case "release":
                self.platform.act(order_id, "release", {})
            case "buyer_cancel":
                self.platform.act(order_id, "cancel", {"by": "buyer"} | ({"items": units} if units else {}))
            case "meta_refund":
                refunded = [{"item_id": line, "item_refund_quantity": planned.quantity}]
                self.platform.act(order_id, "refund", {"by": "meta", "items": refunded})

    def _request(self, order_id: str, lines: Sequence[str], planned: PlannedRequest) -> Request | None:
        line = lines[planned.line]
        items = [{"item_id": line, "quantity": planned.quantity}]
        money = {"amount": planned.amount or "1.00", "currency": "USD"}
        tracking = {"carrier": "UPS", "tracking_number": planned.mark}
        refund = {"reason_code": planned.reason, "reason_text": planned.mark}
        order = f"/v1/orders/{order_id}"
        match planned.what:
            case "ship":
                rest: Json = {"items": items} if planned.quantity else {"ship_all_remaining": True}
                return self._made(
                    order_id, planned, "ship", f"{order}/shipments", rest | {"tracking": tracking}
                )
            case "track":
                shipments = self.platform.order(order_id)["shipments"]
                if not shipments:
                    return None
                path = f"{order}/shipments/{shipments[0]['id']}"
                return self._made(order_id, planned, "update_tracking", path, {"tracking": tracking})
            case "cancel":
                body = {
                    "reason_code": planned.reason,
                    "reason_description": planned.mark,
                    "restock_items": True,
                }
                body |= {"items": items} if planned.quantity else {}
                return self._made(order_id, planned, "cancel", f"{order}/cancellations", body)
            case "refund_units":
                return self._made(order_id, planned, "refund", f"{order}/refunds", refund | {"items": items})
            case "refund_amount":
                lines_back = [{"item_id": line, "amount": money}]
                return self._made(
                    order_id, planned, "refund", f"{order}/refunds", refund | {"items": lines_back}
                )
            case "refund_shipping":
                return self._made(
                    order_id, planned, "refund", f"{order}/refunds", refund | {"shipping": money}
                )
        raise ValueError(f"{planned.what} is no known request")

    def _made(self, order_id: str, planned: PlannedRequest, kind: str, path: str, body: Json) -> Request:
        return Request(
            kind=kind,
            order_id=order_id,
            mark=planned.mark,
            method="PATCH" if kind == "update_tracking" else "POST",
            path=path,
            body=body,
            waits=planned.waits,
        )

    def _settle(self, marks: Sequence[str]) -> None:
        deadline_s = time.monotonic() + SETTLE_S
        waiting = {cid for mark in marks if mark in self.oms.asks for cid in self.oms.asks[mark].command_ids}
        while waiting and time.monotonic() < min(deadline_s, self.oms.deadline_s):
            for command_id in tuple(waiting):
                try:
                    row = self.desk.command(command_id)
                except httpx.HTTPError:
                    break
                if row is None or row["finished_at"] is not None:
                    waiting.discard(command_id)
            time.sleep(_LOOK_S)

    def _count(self, what: str) -> None:
        with self._lock:
            self.played[what] = self.played.get(what, 0) + 1
