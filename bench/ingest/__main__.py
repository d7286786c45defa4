"""`python -m bench.ingest`: ours, ceiling and naive in alternating turns of a few seconds."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys

import uvloop

from bench.ingest.load import Load
from bench.ingest.sides import Side, side

CONNECTIONS = 64
SIDES = ("ours", "ceiling", "naive")


def main() -> None:
    """Print one line per turn, then the medians and the ratios of ours to the others."""
    asked = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    asked.add_argument("--entries", type=int, default=1)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=3)
    asked.add_argument(
        "--rate", type=float, default=0, help="deliveries per second, on a schedule; 0: closed loop"
    )
    asked.add_argument("--sides", nargs="+", default=SIDES, choices=SIDES)
    options = asked.parse_args()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in options.sides}
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(side(name)) for name in options.sides]
        loads = {one.name: Load(options.entries) for one in running}
        for number in range(options.rounds):
            for one in running if number % 2 == 0 else reversed(running):
                found[one.name].append(_turn(one, loads[one.name], options))
    medians = {name: tuple(map(statistics.median, zip(*turns, strict=True))) for name, turns in found.items()}
    for name, (rate, cpu_ms) in medians.items():
        others = "".join(f"  {rate / medians[other][0]:6.2f} x {other}" for other in medians if other != name)
        _say(f"{name:8} median {rate:8.0f}/s  {cpu_ms:.3f} ms CPU{others}")


def _turn(one: Side, load: Load, options: argparse.Namespace) -> tuple[float, float]:
    load.latencies_s.clear()
    before = one.cpu_s()
    if options.rate:
        run = load.opened(one.port, rate=options.rate, connections=CONNECTIONS, seconds=options.seconds)
    else:
        run = load.closed(one.port, connections=CONNECTIONS, seconds=options.seconds)
    rate = uvloop.run(run)
    server_s, redis_s = (after - start for after, start in zip(one.cpu_s(), before, strict=True))
    answered = len(load.latencies_s)
    latencies = sorted(load.latencies_s)
    p50, p99 = (1000 * latencies[int(answered * part)] for part in (0.5, 0.99))
    server_ms, redis_ms = 1000 * server_s / answered, 1000 * redis_s / answered
    _say(
        f"{one.name:8} {rate:8.0f}/s  p50 {p50:7.1f} ms  p99 {p99:7.1f} ms  "
        f"CPU a request: server {server_ms:.3f} + Redis {redis_ms:.3f} ms  failures {load.failures}"
    )
    return rate, server_ms + redis_ms


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
