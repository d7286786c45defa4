"""Ingest: deliveries in, answered 200 once they are durable; nothing is processed afterwards."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.load.deliveries import deliveries, invented_orders
from bench.load.generator import closed_loop, open_loop
from bench.measure.schedule import Load, Schedule, milliseconds
from bench.measure.turns import Meter, Row, Turn, interleaved
from bench.parts.ours import ours
from bench.parts.platform import APP_SECRET, SHOP_ID
from bench.parts.processes import BenchFailed
from bench.parts.servers import server
from bench.parts.valkey import Valkey, valkey
from bench.plan import Plan, say

SIDES = ("ours", "naive", "ceiling")
# Connections: enough that those which wait share a write, few enough that an answer is not all waiting.
LINES = {1: 64, 100: 16}
# Requests per second prepared for a closed loop: more than any side accepts.
_PREPARED = {1: 6_000, 100: 1_200}
# The latency target applies to the rate at 1 entry; 50 deliveries per second carry 5,000 orders.
_OPEN_RATE = {1: 500, 100: 50}
# Deliveries before each turn that are not counted.
_WARM_UP = {1: 50, 100: 8}
_ACCEPTED = re.compile(rb'"accepted":\s*(\d+)')


@dataclass(slots=True, kw_only=True)
class _Side:
    """One running server; order numbers increase, so that no delivery is a duplicate."""

    name: str
    port: int
    meter: Meter
    store: Valkey
    first: int = 0
    accepted: list[int] = field(default_factory=list)

    def requests(self, count: int, entries: int) -> list[bytes]:
        """Return deliveries of new orders."""
        ids = invented_orders(self.first, count * entries)
        self.first += len(ids)
        return deliveries(ids, entries=entries, shop_id=SHOP_ID, secret=APP_SECRET)

    def seen(self, _number: int, _status: int, body: bytes) -> None:
        """Count the entries that a response reports as accepted."""
        found = _ACCEPTED.search(body)
        self.accepted.append(int(found[1]) if found else 0)


def measure(plan: Plan) -> list[Row]:
    """Return four rows: 1 and 100 entries, closed and open loop."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderwire-bench-")))
        sides = {name: stack.enter_context(_side(name, folder)) for name in SIDES}
        return [_row(sides, plan, entries, loop) for entries in (1, 100) for loop in ("closed", "open")]


@contextlib.contextmanager
def _side(name: str, folder: Path) -> Iterator[_Side]:
    with valkey() as store:
        if name == "ours":
            with ours(store, folder) as orderwire:
                orderwire.start("api")
                yield _Side(name=name, port=orderwire.port, meter=Meter(roots=orderwire.roots()), store=store)
        else:
            with server(name, store, folder) as peer:
                yield _Side(name=name, port=peer.port, meter=Meter(roots=peer.roots), store=store)


def _row(sides: dict[str, _Side], plan: Plan, entries: int, loop: str) -> Row:
    rate = _OPEN_RATE[entries]
    how = (
        f"{LINES[entries]} connections, each sends as soon as it is answered"
        if loop == "closed"
        else (f"{rate} deliveries per second on a fixed schedule, latencies from the intended time")
    )
    row = Row(
        name=f"ingest-{entries}-{loop}",
        title=f"Ingest, {entries} {'entry' if entries == 1 else 'entries'} per delivery, {loop} loop",
        units="deliveries",
        how=f"{how}; {plan.ingest_s:g} s per turn. Failures are deliveries not answered 200, and "
        "entries that no response reports as accepted.",
        base="ours",
        turns=tuple(
            _turn(sides[name], plan, entries, loop, number)
            for number, name in interleaved(SIDES, plan.rounds)
        ),
    )
    for name in row.sides():
        rates = [turn.numbers().get("rate", 0.0) for turn in row.turns if turn.side == name]
        say(f"  {row.name:18} {name:8} " + "  ".join(f"{rate:8.0f}/s" for rate in rates))
    return row


def _turn(side: _Side, plan: Plan, entries: int, loop: str, number: int) -> Turn:
    side.store.empty()
    closed_loop(side.port, side.requests(_WARM_UP[entries], entries), lines=8)
    side.accepted.clear()
    load = _load(side, plan, entries, loop)
    used_s = side.meter.used_s()
    latencies = list(load.latencies_s.values())
    if not latencies:
        raise BenchFailed(f"{side.name} took no delivery in; it answered {set(load.refused.values())}")
    untaken = abs(len(latencies) * entries - sum(side.accepted))
    return Turn(
        side=side.name,
        round=number,
        units=len(latencies),
        seconds=load.seconds,
        failures=load.failures + untaken,
        p50_ms=milliseconds(latencies, 0.5),
        p99_ms=milliseconds(latencies, 0.99),
        cpu_s=used_s,
        memory=side.meter.memory(),
    )


def _load(side: _Side, plan: Plan, entries: int, loop: str) -> Load:
    if loop == "open":
        schedule = Schedule.lasting(plan.ingest_s, rate=_OPEN_RATE[entries])
        requests: Sequence[bytes] = side.requests(schedule.count, entries)
        side.meter.start()
        return open_loop(side.port, requests, schedule, lines=LINES[entries], seen=side.seen)
    requests = side.requests(round(_PREPARED[entries] * plan.ingest_s), entries)
    side.meter.start()
    return closed_loop(side.port, requests, lines=LINES[entries], seconds=plan.ingest_s, seen=side.seen)
