"""The store: the cost of looking up, reading and changing orders, with few orders and with very many."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.load.deliveries import deliveries
from bench.load.generator import closed_loop
from bench.measure.schedule import milliseconds
from bench.measure.turns import Meter, Row, Turn
from bench.parts.ours import Ours, ours
from bench.parts.platform import APP_SECRET, SHOP_ID, Platform, platform
from bench.parts.processes import BenchFailed, run
from bench.parts.valkey import valkey
from bench.plan import Plan, say
from bench.rows.jobs import shipments
from bench.rows.outcome import Outcome, await_effects, await_quiet

FEW = 1_000
# Turns at each size: the store only grows, so that sizes cannot take turns forth and back.
_ROUNDS = 3
_WARM_UP = 50
_FILL_S = 1_200.0
_WITHIN_S = 60.0
_FIRST = 10_000_000_000_000  # ids of filled orders; far from those of the sandbox


@dataclass(slots=True, kw_only=True)
class _Place:
    """The system that is filled; `filled` counts its orders."""

    orderwire: Ours
    graph: Platform
    key: str
    filled: int = 0
    figures: dict[str, float] = field(default_factory=dict)


def measure(plan: Plan) -> list[Row]:
    """Return one row with a side for each size."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderwire-bench-")))
        store, graph = stack.enter_context(valkey()), stack.enter_context(platform(folder))
        orderwire = stack.enter_context(ours(store, folder, graph_url=graph.url))
        orderwire.start("api", "workers", "scheduler")
        orderwire.wait_ready()
        place = _Place(orderwire=orderwire, graph=graph, key=orderwire.make_key())
        _sample(place, _WARM_UP, "warm-up", 0)
        turns = tuple(
            _turn(place, plan, size, number) for size in (FEW, plan.store_orders) for number in range(_ROUNDS)
        )
    how = (
        f"Filled through Orderwire's own store classes, with six timeline entries and sealed buyers each; "
        f"then, {_ROUNDS} times, {plan.store_reads} reads of each kind over REST, one after another; "
        f"{plan.store_sample} orders read from the platform by POST .../sync; {plan.store_sample} new "
        "orders, 100 per delivery, from webhook to acknowledgement, which are the units, rate and CPU of "
        "this row; and the same orders shipped with one command each."
    )
    title = f"The store at {plan.store_orders:,} orders, compared with {FEW:,}"
    base = _name(plan.store_orders)
    return [Row(name="store", title=title, units="orders", how=how, base=base, turns=turns)]


def _name(size: int) -> str:
    return f"{size:,} orders"


def _turn(place: _Place, plan: Plan, size: int, number: int) -> Turn:
    if place.filled < size:
        place.figures = {}
        _fill(place, size)
    _look_up(place, plan.store_reads)
    turn = _sample(place, plan.store_sample, _name(size), number)
    say(f"  store {turn.side}: " + "  ".join(f"{name} {value:.2f}" for name, value in turn.numbers().items()))
    return turn


def _sample(place: _Place, count: int, side: str, number: int) -> Turn:
    ids = place.graph.place(2 * count)
    _sync(place, ids[:count])
    turn = _acknowledge(place, ids[count:], side, number)
    _ship(place, ids[count:])
    return replace(turn, figures=dict(place.figures))


def _fill(place: _Place, size: int) -> None:
    store, count = place.orderwire.store, size - place.filled
    held = store.used_bytes()
    began_s = time.perf_counter()
    numbers = ["--first", str(_FIRST + place.filled), "--count", str(count), "--shop", SHOP_ID]
    with store.not_durable():
        run([sys.executable, "-m", "bench.fill", *numbers], env=place.orderwire.env, within_s=_FILL_S)
    place.filled = size
    place.figures["fill_s"] = time.perf_counter() - began_s
    place.figures["redis_bytes_an_order_stored"] = (store.used_bytes() - held) / count


def _look_up(place: _Place, reads: int) -> None:
    step = max(1, place.filled // reads)
    ids = [str(_FIRST + number) for number in range(0, place.filled, step)][:reads]
    kinds = {
        "list": ["/v1/orders?limit=50", "/v1/orders?state=COMPLETED&limit=50"] * (reads // 2),
        "reference": [f"/v1/orders?merchant_order_reference=bench-{order_id}" for order_id in ids],
        "order": [f"/v1/orders/{order_id}" for order_id in ids],
    }
    for kind, paths in kinds.items():
        took = _asked(place, "GET", paths)
        place.figures |= {
            f"{kind}_p50_ms": milliseconds(took, 0.5),
            f"{kind}_p95_ms": milliseconds(took, 0.95),
        }


def _sync(place: _Place, ids: Sequence[str]) -> None:
    meter = Meter(roots=place.orderwire.roots())
    meter.start()
    took = _asked(place, "POST", [f"/v1/orders/{order_id}/sync" for order_id in ids])
    used = meter.used_s()
    place.figures["sync_p50_ms"] = milliseconds(took, 0.5)
    place.figures["sync_cpu_ms"] = 1000 * (used["api"] + used["redis"]) / len(ids)
    await_quiet(meter)  # what was read gets acknowledged behind; that is not measured here


def _asked(place: _Place, method: str, paths: Sequence[str]) -> list[float]:
    """Return the time each request took, one after another on one connection. Raises BenchFailed."""
    requests = [
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {place.key}\r\n"
        "Content-Length: 0\r\n\r\n".encode()
        for path in paths
    ]
    bodies: list[bytes] = []
    load = closed_loop(
        place.orderwire.port, requests, lines=1, seen=lambda _number, _status, body: bodies.append(body)
    )
    empty = sum(body.startswith(b'{"data":[]') for body in bodies)
    if load.failures or empty:
        raise BenchFailed(f"{method} {paths[0]} and alike: refused {load.refused}, {empty} found nothing")
    return list(load.latencies_s.values())


def _ship(place: _Place, ids: Sequence[str]) -> None:
    before = place.graph.count_effects("ship")
    meter = Meter(roots=place.orderwire.roots())
    meter.start()
    asked = closed_loop(place.orderwire.port, list(shipments(ids, place.key)), lines=8, ok=202)
    shipped = await_effects(place.graph, "ship", before + len(ids), within_s=_WITHIN_S) - before
    await_quiet(meter)
    if asked.failures or shipped != len(ids):
        raise BenchFailed(f"{shipped} of {len(ids)} orders were shipped; refused {asked.refused}")
    place.figures["ship_cpu_ms"] = 1000 * meter.total_s() / len(ids)


def _acknowledge(place: _Place, ids: Sequence[str], side: str, number: int) -> Turn:
    store, before = place.orderwire.store, place.graph.count_effects("acknowledge")
    held = store.used_bytes()
    meter = Meter(roots=place.orderwire.roots())
    meter.start()
    requests = deliveries(ids, entries=100, shop_id=SHOP_ID, secret=APP_SECRET)
    load = closed_loop(place.orderwire.port, requests)
    await_effects(place.graph, "acknowledge", before + len(ids), within_s=_WITHIN_S)
    wanted = dict.fromkeys(ids, load.began_at)
    effects = [effect for effect in place.graph.effects("acknowledge") if effect.order_id in wanted]
    outcome = Outcome.of(effects, meant_at=wanted)
    await_quiet(meter)
    done = len(outcome.done_at)
    # The whole cost of an order: copy, timeline, command, marks, and RQ's jobs.
    place.figures["redis_bytes_an_order_lived"] = (store.used_bytes() - held) / max(1, done)
    return Turn(
        side=side,
        round=number,
        units=done,
        seconds=outcome.done_at[-1] - load.began_at if done else 0.0,
        failures=outcome.wrong,
        p50_ms=outcome.p_ms(0.5),
        p99_ms=outcome.p_ms(0.99),
        cpu_s=meter.used_s(),
        memory=meter.memory(),
    )
