"""The burst: new orders, one delivery each, until all are acknowledged on the platform."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.load.deliveries import deliveries
from bench.load.generator import closed_loop, open_loop
from bench.measure.schedule import Schedule
from bench.measure.turns import Meter, Row, Turn, interleaved
from bench.parts.ours import ours
from bench.parts.platform import APP_SECRET, SHOP_ID, Platform, platform
from bench.parts.servers import server
from bench.parts.valkey import Valkey, valkey
from bench.plan import Plan, say
from bench.rows.outcome import Outcome, await_effects, await_quiet

SIDES = ("ours", "naive")
# Deliveries per second: 10,000 arrive in five seconds, faster than on any sale day.
RATE = 2_000
# Refused deliveries are sent again, as the platform does, so often at most.
_RESENT = 5
_RESEND_S = 0.5
NAIVE_WORKERS = 2  # one a core
_ROLES = ("api", "workers", "scheduler")
_SETTLE_S = 1.0


def measure(plan: Plan) -> list[Row]:
    """Return one row."""
    turns = []
    for number, name in interleaved(SIDES, plan.rounds):
        turn = _turn(name, plan, number)
        turns.append(turn)
        numbers = turn.numbers()
        say(
            f"  burst {name:6} {turn.units} orders in {turn.seconds:.1f} s  {numbers.get('rate', 0):.0f}/s  "
            f"{numbers.get('cpu_ms', 0):.2f} ms CPU an order  wrong {turn.failures}"
        )
    how = (
        f"{plan.burst_orders:,} new orders on the platform, one signed delivery each, {RATE:,} per second on "
        f"a fixed schedule (naive: {plan.burst_naive_orders:,} orders, because its cost per order does not "
        "depend on their number); latencies count from the intended time of an order's "
        f"delivery to its acknowledgement on the platform. A turn ends after "
        f"{plan.burst_within_s:g} s at the latest; every order not acknowledged exactly once is a failure."
    )
    title = "Burst of new orders, all acknowledged on the platform"
    return [Row(name="burst", title=title, units="orders", how=how, base="ours", turns=tuple(turns))]


@contextlib.contextmanager
def _running(name: str, store: Valkey, graph: Platform, folder: Path) -> Iterator[tuple[int, Meter]]:
    if name == "ours":
        with ours(store, folder, graph_url=graph.url) as orderwire:
            orderwire.start(*_ROLES)
            orderwire.wait_ready()
            yield orderwire.port, Meter(roots=orderwire.roots())
    else:
        with server(name, store, folder, graph_url=graph.graph_url, workers=NAIVE_WORKERS) as peer:
            yield peer.port, Meter(roots=peer.roots)


def _turn(name: str, plan: Plan, number: int) -> Turn:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderwire-bench-")))
        store, graph = stack.enter_context(valkey()), stack.enter_context(platform(folder))
        port, meter = stack.enter_context(_running(name, store, graph, folder))
        time.sleep(_SETTLE_S)  # what runs once at the start is over
        ids = graph.place(plan.burst_orders if name == "ours" else plan.burst_naive_orders)
        calls_before, held_before = graph.count_calls(), store.used_bytes()
        requests = deliveries(ids, entries=1, shop_id=SHOP_ID, secret=APP_SECRET)
        schedule = Schedule(rate=RATE, count=len(ids))
        meter.start()
        load = open_loop(port, requests, schedule)
        refused = [requests[number] for number in range(len(requests)) if number not in load.latencies_s]
        _resend(port, refused)
        await_effects(graph, "acknowledge", len(ids), within_s=plan.burst_within_s - load.seconds)
        calls = graph.count_calls() - calls_before
        meant = {order_id: load.began_at + schedule.meant_s(n) for n, order_id in enumerate(ids)}
        outcome = Outcome.of(graph.effects("acknowledge"), meant_at=meant)
        await_quiet(meter)
        done = len(outcome.done_at)
        return Turn(
            side=name,
            round=number,
            units=done,
            seconds=outcome.done_at[-1] - load.began_at if done else 0.0,
            failures=outcome.wrong,
            p50_ms=outcome.p_ms(0.5),
            p99_ms=outcome.p_ms(0.99),
            cpu_s=meter.used_s(),
            memory=meter.memory(),
            figures={
                "calls_an_order": calls / max(1, done),
                "refused_deliveries": len(refused),
                "redis_bytes_an_order": (store.used_bytes() - held_before) / max(1, done),
            },
        )


def _resend(port: int, requests: list[bytes]) -> None:
    for _ in range(_RESENT):
        if not requests:
            return
        time.sleep(_RESEND_S)
        load = closed_loop(port, requests)
        requests = [requests[number] for number in range(len(requests)) if number not in load.latencies_s]
