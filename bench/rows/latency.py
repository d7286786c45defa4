"""One order on an idle system: from its delivery to its acknowledgement on the platform."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.load.deliveries import deliveries
from bench.load.generator import closed_loop
from bench.measure.schedule import milliseconds
from bench.measure.turns import Meter, Row, Turn, interleaved
from bench.parts.ours import ours
from bench.parts.platform import APP_SECRET, SHOP_ID, Platform, platform
from bench.parts.servers import server
from bench.parts.valkey import valkey
from bench.plan import Plan, say

SIDES = ("ours", "naive")
_WITHIN_S = 15.0
_LOOK_S = 0.01
_PAUSE_S = 0.3  # between two orders, so that the system is idle again
_SETTLE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One running side with its own platform, because reconciliation would find the other side's orders."""

    name: str
    port: int
    meter: Meter
    graph: Platform


def measure(plan: Plan) -> list[Row]:
    """Return one row."""
    with contextlib.ExitStack() as stack:
        sides = {name: stack.enter_context(_side(name)) for name in SIDES}
        time.sleep(_SETTLE_S)
        turns = tuple(
            _turn(sides[name], plan.latency_orders, number)
            for number, name in interleaved(SIDES, plan.rounds)
        )
    for turn in turns:
        say(
            f"  latency {turn.side:6} p50 {turn.p50_ms:.0f} ms  p99 {turn.p99_ms:.0f} ms  "
            f"wrong {turn.failures}"
        )
    how = (
        f"One new order at a time, {plan.latency_orders} per turn, {_PAUSE_S:g} s apart, on an otherwise "
        "idle system; the latency is from sending its delivery to its acknowledgement on the platform. "
        "CPU includes what the processes use while they wait."
    )
    title = "One order on an idle system"
    return [Row(name="latency", title=title, units="orders", how=how, base="ours", turns=turns)]


@contextlib.contextmanager
def _side(name: str) -> Iterator[_Side]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderwire-bench-")))
        store, graph = stack.enter_context(valkey()), stack.enter_context(platform(folder))
        if name == "ours":
            orderwire = stack.enter_context(ours(store, folder, graph_url=graph.url))
            orderwire.start("api", "workers", "scheduler")
            orderwire.wait_ready()
            yield _Side(name=name, port=orderwire.port, meter=Meter(roots=orderwire.roots()), graph=graph)
        else:
            peer = stack.enter_context(server(name, store, folder, graph_url=graph.graph_url, workers=1))
            yield _Side(name=name, port=peer.port, meter=Meter(roots=peer.roots), graph=graph)


def _turn(side: _Side, orders: int, number: int) -> Turn:
    took: list[float] = []
    side.meter.start()
    began_s = time.perf_counter()
    for _ in range(orders):
        seconds = _one(side)
        if seconds is not None:
            took.append(seconds)
        time.sleep(_PAUSE_S)
    return Turn(
        side=side.name,
        round=number,
        units=len(took),
        seconds=time.perf_counter() - began_s,
        failures=orders - len(took),
        p50_ms=milliseconds(took, 0.5),
        p99_ms=milliseconds(took, 0.99),
        cpu_s=side.meter.used_s(),
        memory=side.meter.memory(),
    )


def _one(side: _Side) -> float | None:
    """Return the seconds until the order is acknowledged on the platform, or None after the time limit."""
    [order_id] = side.graph.place(1)
    request = deliveries([order_id], entries=1, shop_id=SHOP_ID, secret=APP_SECRET)
    load = closed_loop(side.port, request, lines=1)
    until = time.monotonic() + _WITHIN_S
    while time.monotonic() < until:
        found = side.graph.effects("acknowledge", order_id=order_id)
        if found:
            return found[0].at - load.began_at
        time.sleep(_LOOK_S)
    return None
