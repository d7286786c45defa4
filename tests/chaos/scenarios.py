"""Short scenes, each shaped to expose one family of bugs; on a sound stack the judge finds nothing in them.

A scene plays with the same processes, the same wires and the same judge as a whole round; only chance is
left out, so that a seeded bug shows every time.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from tests.chaos.links import REDIS
from tests.chaos.platform import Json, Platform
from tests.chaos.rounds import Scene, Verdict, conclude, scene
from tests.chaos.stack import Stack
from tests.chaos.webhook_relay import RelayFaults
from tests.chaos.workload import PlannedRequest, Step

SEED = 4  # its remainder makes every entry id the notification's own
READY_S = 30.0
DRAIN_S = 25.0
_PATIENCE_S = 40.0
# Several times as many commands as all workers together run at once, and some for when they are done.
_BACKLOG, _LATER, _AT_ONCE = 300, 10, 48
_ALL_THREADS, _CALL_S = 64, 1.2
# As rare as the settings allow, so that nothing but the webhooks tells of an order.
_NO_POLLS = {"ORDERWIRE_RECONCILE_INTERVAL_S": "3600", "ORDERWIRE_RECONCILE_OVERLAP_S": "3600"}
# The overlap of two polls is at least a minute: what happened before that is found by the mark alone.
_AGE_S = 62.0
_CHANGES = (
    ("ship", "shipments"),
    ("refund_amount", "refunds"),
    ("refund_units", "refunds"),
    ("cancel", "cancellations"),
)
_BODY: Json = {
    "items": [
        {"retailer_id": "SKU-A", "quantity": 4, "price": "20.00"},
        {"retailer_id": "SKU-B", "quantity": 4, "price": "12.50"},
    ],
    "shipping": "4.90",
    "tax_rate": "0.07",
    "state": "CREATED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scene: what it shows, how it is played, and how its stack differs from that of a round."""

    what: str
    play: Callable[[Scene, bool], None]
    settings: Mapping[str, str] = field(default_factory=dict)
    relay_faults: RelayFaults = field(
        default_factory=lambda: RelayFaults(drop_rate=0, longest_delay_s=0, copies=1)
    )
    before: Callable[[Stack, Platform], None] | None = None


def run_scenario(scenario: Scenario, *, bug: str | None, unwritten: bool = False) -> Verdict:
    """Play one scene, with a seeded bug or without; `unwritten` has Redis forget its append-only file."""
    with scene(
        seed=SEED,
        settings=scenario.settings,
        bug=bug,
        relay_faults=scenario.relay_faults,
        before=scenario.before,
    ) as stage:
        stage.oms.deadline_s = time.monotonic() + _PATIENCE_S
        scenario.play(stage, unwritten)
        stage.stack.links.heal()
        stage.platform.arm([])
        stage.oms.deadline_s = min(stage.oms.deadline_s, time.monotonic())
        return conclude(stage, SEED, drain_s=DRAIN_S)


def _redis_killed(stage: Scene, unwritten: bool) -> None:
    """Redis is killed while webhooks and requests come in; what was answered stays."""
    orders = [stage.platform.place(_BODY) for _ in range(4)]
    _await_state(stage, orders, "IN_PROGRESS")
    if unwritten:
        stage.stack.redis.forget_file()
    marks = iter(range(1000))
    for _ in range(3):
        with ThreadPoolExecutor(8) as threads:
            for order_id in orders[:2]:
                threads.submit(_request, stage, order_id, "ship", next(marks), line=0, quantity=1)
            for _ in range(12):
                threads.submit(stage.platform.place, _BODY)
            time.sleep(0.15)
            stage.stack.redis.kill()
            time.sleep(0.6)
            stage.stack.redis.start()
        time.sleep(0.5)


def _answers_lost(stage: Scene, _unwritten: bool) -> None:
    """Every kind of change is made, and the answer to its first call is lost (S12, S15)."""
    orders = [stage.platform.place(_BODY) for _ in range(4)]
    _await_state(stage, orders, "IN_PROGRESS")
    for number, (what, edge) in enumerate(_CHANGES):
        stage.platform.arm(
            [{"kind": "drop_after", "path": f"*/{edge}", "method": "POST", "times": len(orders)}]
        )
        with ThreadPoolExecutor(len(orders)) as threads:
            for place, order_id in enumerate(orders):
                line = 1 if what == "cancel" else 0
                threads.submit(_request, stage, order_id, what, number * 10 + place, line=line, quantity=1)
        _settled(stage)


def _two_hands(stage: Scene, _unwritten: bool) -> None:
    """The warehouse ships and support cancels one order at once, on a slow platform (S14)."""
    orders = [stage.platform.place(_BODY) for _ in range(4)]
    _await_state(stage, orders, "IN_PROGRESS")
    stage.platform.arm([{"kind": "slow", "path": "*", "method": "POST", "rate": 1.0, "delay_s": 0.5}])
    for place, order_id in enumerate(orders):  # one after the other, so that both workers have the same order
        with ThreadPoolExecutor(2) as threads:
            threads.submit(_request, stage, order_id, "ship", place * 10, line=0, quantity=2)
            threads.submit(_request, stage, order_id, "cancel", place * 10 + 1, line=1, quantity=2)
        _settled(stage)


def _backlog(stage: Scene, _unwritten: bool) -> None:
    """More parcels are due than all workers run at once; both are killed meanwhile, and more follow later."""
    orders = [stage.platform.place(_BODY) for _ in range(_BACKLOG + _LATER)]
    _await_state(stage, orders, "IN_PROGRESS")
    slow = {"kind": "slow", "path": "*/shipments", "method": "POST", "rate": 1.0, "delay_s": _CALL_S}
    stage.platform.arm([slow])
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for number, order_id in enumerate(orders[:_BACKLOG]):
            threads.submit(_request, stage, order_id, "ship", number, line=0, quantity=1)
        _await_running(stage, _ALL_THREADS)
        time.sleep(
            _CALL_S
        )  # by then every thread has run the command of its own job, and went on with another
        for pid in stage.stack.pids("worker"):
            stage.stack.signal("worker", pid, signal.SIGKILL)
    stage.platform.arm([])
    _settled(stage)
    for number, order_id in enumerate(orders[_BACKLOG:]):
        _request(stage, order_id, "ship", _BACKLOG + number, line=0, quantity=1)
    _settled(stage)


def _copies_at_once(stage: Scene, _unwritten: bool) -> None:
    """Each webhook comes twenty times at the same moment (S01)."""
    stage.stack.links.fault(REDIS, "latency", delay_s=0.005, for_s=10)
    for _ in range(10):
        stage.platform.place(_BODY)
    time.sleep(2.0)


def _unannounced(stage: Scene, _unwritten: bool) -> None:
    """Orders that no webhook told of are older than the polls' overlap, and the first polls fail (S18)."""
    _await_state(stage, stage.platform.order_ids(), "IN_PROGRESS", timeout_s=25.0)


def _place_and_age(stack: Stack, platform: Platform) -> None:
    del stack
    for _ in range(30):
        platform.place(_BODY)
    time.sleep(_AGE_S)
    platform.arm([{"kind": "status", "path": "/commerce_orders", "status": 503, "times": 2}])


def _request(stage: Scene, order_id: str, what: str, number: int, *, line: int, quantity: int) -> None:
    """Make one request and go on once it is promised or refused."""
    lines = [str(row["id"]) for row in stage.platform.order(order_id)["items"]]
    planned = PlannedRequest(
        what=what,
        mark=f"SCENE{number}",
        line=line,
        quantity=quantity,
        amount="1.25" if what == "refund_amount" else None,
        reason="CUSTOMER_REQUESTED" if what == "cancel" else "DAMAGED_GOODS",
    )
    stage.player.perform(order_id, lines, Step(pause_s=0, requests=(planned,)), settle=False)


def _await_state(stage: Scene, orders: Sequence[str], state: str, *, timeout_s: float = READY_S) -> None:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        try:
            ours = stage.desk.orders()
        except httpx.HTTPError:
            ours = {}
        if all(order_id in ours and ours[order_id]["state"] == state for order_id in orders):
            return
        time.sleep(0.2)


def _await_running(stage: Scene, count: int) -> None:
    deadline_s = time.monotonic() + READY_S
    while time.monotonic() < deadline_s and len(stage.desk.running(timeout_s=READY_S)) < count:
        time.sleep(0.05)


def _settled(stage: Scene) -> None:
    deadline_s = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline_s and stage.desk.open_commands():
        time.sleep(0.2)


SCENARIOS = {
    "redis-killed": Scenario(
        what="Redis is killed while webhooks and requests come in", play=_redis_killed, settings=_NO_POLLS
    ),
    "answers-lost": Scenario(what="the answers to first calls are lost", play=_answers_lost),
    "two-hands": Scenario(what="two changes of one order at once", play=_two_hands),
    "backlog": Scenario(what="workers are killed over a deep backlog", play=_backlog, settings=_NO_POLLS),
    "copies-at-once": Scenario(
        what="one webhook twenty times at once",
        play=_copies_at_once,
        relay_faults=RelayFaults(drop_rate=0, longest_delay_s=0, copies=20),
    ),
    "unannounced": Scenario(
        what="old orders without a webhook, and polls that fail at first",
        play=_unannounced,
        before=_place_and_age,
    ),
}
