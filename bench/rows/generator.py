"""The generator alone, against a server that does nothing: it shows that the load does not limit a row."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

from bench.load.deliveries import deliveries, invented_orders
from bench.load.generator import open_loop
from bench.measure.schedule import Schedule, milliseconds
from bench.measure.turns import Meter, Row, Turn
from bench.parts.platform import APP_SECRET, SHOP_ID
from bench.parts.processes import environment, free_port, listens, process, wait_for
from bench.plan import Plan, say

RATE = 8_000


def measure(plan: Plan) -> list[Row]:
    """Return one row; its CPU is the answering server's, not the generator's."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderwire-bench-")))
        port, log = free_port(), folder / "log"
        argv = [sys.executable, "-m", "bench.peers.answerer", str(port)]
        child = stack.enter_context(process(argv, env=environment(), log=log))
        wait_for("The answering server", lambda: listens(port), child=child, log=log)
        meter = Meter(roots={"answerer": [child.pid]})
        turns = tuple(_turn(port, plan, meter, number) for number in range(plan.rounds))
    for turn in turns:
        say(f"  generator {turn.numbers()['rate']:.0f}/s of {RATE}/s  p99 {turn.p99_ms:.1f} ms")
    how = (
        f"{RATE:,} deliveries per second on a fixed schedule for {plan.ingest_s:g} s to a server that "
        "answers at once and does nothing: what the load generator itself can do, and the latency it adds."
    )
    title = "The load generator alone"
    return [Row(name="generator", title=title, units="deliveries", how=how, base="answerer", turns=turns)]


def _turn(port: int, plan: Plan, meter: Meter, number: int) -> Turn:
    schedule = Schedule.lasting(plan.ingest_s, rate=RATE)
    ids = invented_orders(0, schedule.count)
    requests = deliveries(ids, entries=1, shop_id=SHOP_ID, secret=APP_SECRET)
    meter.start()
    load = open_loop(port, requests, schedule)
    latencies = list(load.latencies_s.values())
    return Turn(
        side="answerer",
        round=number,
        units=len(latencies),
        seconds=load.seconds,
        failures=load.failures,
        p50_ms=milliseconds(latencies, 0.5),
        p99_ms=milliseconds(latencies, 0.99),
        cpu_s=meter.used_s(),
    )
