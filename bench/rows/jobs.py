"""Lifecycle jobs: shipments of different orders, queued before the workers start, with a slow platform."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load.deliveries import deliveries
from bench.load.generator import closed_loop
from bench.measure.turns import Meter, Row, Turn, interleaved
from bench.parts import peers
from bench.parts.ours import Ours, ours
from bench.parts.platform import APP_SECRET, SHOP_ID, Platform, platform
from bench.parts.processes import BenchFailed
from bench.parts.valkey import Valkey, valkey
from bench.plan import Plan, say
from bench.rows.outcome import Outcome, await_effects, await_quiet

PLATFORM_ANSWERS_S = 0.05
_WITHIN_S = 60.0
_PREPARE_S = 180.0
_LOOK_S = 0.05
# Start-up and the first jobs, in which imports and connections happen, are left out for all alike.
_WARM_PART = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """The servers and the folder of one turn."""

    store: Valkey
    graph: Platform
    folder: Path


def measure(plan: Plan) -> list[Row]:
    """Return one row with a side for each queue."""
    peers.check_installed()
    sides = ("ours", *peers.peers())
    turns = []
    for number, name in interleaved(sides, plan.rounds):
        turn = _turn(name, plan, number)
        turns.append(turn)
        numbers = turn.numbers()
        say(
            f"  jobs {name:9} {numbers.get('rate', 0):7.1f}/s  {numbers.get('cpu_ms', 0):6.2f} ms CPU a job  "
            f"PSS {turn.memory.pss_mb:4.0f} MB in {turn.memory.processes} processes  failures {turn.failures}"
        )
    how = (
        f"{plan.jobs:,} orders to ship ({plan.jobs_forking} for rq-fork) are queued while no worker runs; "
        f"then the workers start, and every call to the platform takes {1000 * PLATFORM_ANSWERS_S:.0f} ms. "
        "Rate and CPU are measured after the first tenth, which excludes start-up; CPU is measured until the "
        "processes are idle again. Latencies start at the first shipment. Ours also keeps its ledger, lanes "
        "and copies of the orders; the others only make the call."
    )
    title = "Shipments as jobs, platform answers in 50 ms"
    return [Row(name="jobs", title=title, units="jobs", how=how, base="ours", turns=tuple(turns))]


def _turn(name: str, plan: Plan, number: int) -> Turn:
    count = plan.jobs_forking if name == "rq-fork" else plan.jobs
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderwire-bench-")))
        place = _Bench(
            store=stack.enter_context(valkey()), graph=stack.enter_context(platform(folder)), folder=folder
        )
        if name == "ours":
            orderwire = stack.enter_context(ours(place.store, folder, graph_url=place.graph.url))
            ids = _queue_ours(orderwire, place, count)
            place.graph.answer_after(PLATFORM_ANSWERS_S)
            orderwire.start("workers")
            return _worked_off(name, number, ids, place, orderwire.roots())
        peer = peers.peers()[name]
        ids = place.graph.place(count)
        items = place.graph.first_items(ids)
        _acknowledge(place.graph, ids)
        peers.enqueue(peer, place.store, place.graph, [(one, items[one]) for one in ids])
        place.graph.answer_after(PLATFORM_ANSWERS_S)
        pids = stack.enter_context(peers.working(peer, place.store, place.graph, folder))
        return _worked_off(name, number, ids, place, {"workers": pids, "redis": [place.store.pid]})


def _worked_off(
    name: str, number: int, ids: Sequence[str], place: _Bench, roots: dict[str, list[int]]
) -> Turn:
    """Measure until the queue is empty; the first tenth only starts the clock."""
    meter = Meter(roots=roots)
    warm, until = 0, time.monotonic() + _WITHIN_S
    while (warm := place.graph.count_effects("ship")) < _WARM_PART * len(ids) and time.monotonic() < until:
        time.sleep(_LOOK_S)
    meter.start()
    await_effects(place.graph, "ship", len(ids), within_s=_WITHIN_S)
    memory = meter.memory()
    await_quiet(meter)
    done = sorted(place.graph.effects("ship"), key=lambda effect: effect.at)
    if warm == 0 or len(done) <= warm:
        raise BenchFailed(f"{name} shipped {len(done)} of {len(ids)} orders within {_WITHIN_S:.0f} s")
    outcome = Outcome.of(done, meant_at=dict.fromkeys(ids, done[0].at))
    return Turn(
        side=name,
        round=number,
        units=len(done) - warm,
        seconds=done[-1].at - done[warm - 1].at,
        failures=outcome.wrong,
        p50_ms=outcome.p_ms(0.5),
        p99_ms=outcome.p_ms(0.99),
        cpu_s=meter.used_s(),
        memory=memory,
    )


def _queue_ours(orderwire: Ours, place: _Bench, count: int) -> list[str]:
    """Acknowledge orders, stop the workers, and request the shipments over REST."""
    orderwire.start("api", "workers", "scheduler")
    orderwire.wait_ready()
    key = orderwire.make_key()
    ids = place.graph.place(count)
    told = deliveries(ids, entries=100, shop_id=SHOP_ID, secret=APP_SECRET)
    if closed_loop(orderwire.port, told, lines=4).failures:
        raise BenchFailed("Orderwire refused deliveries while the orders to ship were prepared")
    known = await_effects(place.graph, "acknowledge", count, within_s=_PREPARE_S)
    if known < count or not _all_in_progress(orderwire):
        raise BenchFailed(f"Orderwire acknowledged {known} of {count} orders within {_PREPARE_S:.0f} s")
    await_quiet(Meter(roots=orderwire.roots()))
    orderwire.stop("workers")
    asked = closed_loop(orderwire.port, list(shipments(ids, key)), lines=8, ok=202)
    if asked.failures:
        raise BenchFailed(f"Orderwire refused {asked.failures} of {count} shipments: {asked.refused}")
    return ids


def _all_in_progress(orderwire: Ours) -> bool:
    until = time.monotonic() + _PREPARE_S
    while orderwire.get("/v1/orders?state=CREATED&limit=1")["data"]:
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_S)
    return True


def shipments(ids: Sequence[str], key: str) -> Iterator[bytes]:
    """Yield HTTP requests, with that API key, that ship each order completely."""
    for order_id in ids:
        tracking = {"carrier": "UPS", "tracking_number": f"1Z{order_id}"}
        body = json.dumps({"ship_all_remaining": True, "tracking": tracking}).encode()
        head = (
            f"POST /v1/orders/{order_id}/shipments HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {key}\r\nIdempotency-Key: bench-{order_id}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def _acknowledge(graph: Platform, ids: Sequence[str]) -> None:
    """Acknowledge the orders in the platform's batches, before the measurement."""
    most = 100
    for start in range(0, len(ids), most):
        graph.acknowledge(ids[start : start + most])
