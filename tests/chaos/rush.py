"""The rush: a day's parcels, asked for while no worker runs, so that many commands of one kind are due."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.platform import Json, Platform
from tests.chaos.player import MAX_AT_ONCE, Player
from tests.chaos.stack import Stack
from tests.chaos.workload import PlannedRequest, Step

# More than twice as many as have to wait for Orderwire to buy the reads after them by list.
ORDERS = 120
# About what it takes to ask for them all; longer, and the recovery of what was killed before would seem slow.
STOPPED_S = 2.0
_BODY: Json = {"items": [{"retailer_id": "SKU-R", "quantity": 2, "price": "20.00"}], "state": "CREATED"}
_KNOWN_WITHIN_S = 40.0
_LOOK_S = 1.0


def rush(stack: Stack, player: Player, seed: int) -> None:
    """Have orders placed and acknowledged, stop every worker, ask for the parcels, let the workers go on.

    Whoever breaks things meanwhile may kill the workers that are stopped, and those that go on.
    """
    platform = player.platform
    ids = [platform.place(_BODY) for _ in range(ORDERS)]
    until_s = time.monotonic() + _KNOWN_WITHIN_S
    while _acknowledged(platform, ids) < ORDERS and time.monotonic() < until_s:
        time.sleep(_LOOK_S)
    stopped = [pid for pid in stack.pids("worker") if stack.signal("worker", pid, signal.SIGSTOP)]
    resume = threading.Timer(STOPPED_S, _resume, (stack, stopped))
    resume.start()
    with ThreadPoolExecutor(MAX_AT_ONCE) as threads:
        for number, order_id in enumerate(ids):
            step = Step(pause_s=0.0, requests=(PlannedRequest(what="ship", mark=f"S{seed}R{number}"),))
            threads.submit(player.guarded, f"parcel {number}", player.ask, order_id, step)
    resume.join()


def _acknowledged(platform: Platform, ids: list[str]) -> int:
    done = {effect["order_id"] for effect in platform.effects() if effect["kind"] == "acknowledge"}
    return len(done.intersection(ids))


def _resume(stack: Stack, pids: list[int]) -> None:
    for pid in pids:
        stack.signal("worker", pid, signal.SIGCONT)
