"""Start and idle: the time until everything is ready, and the cost while nothing happens."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from pathlib import Path

from bench.measure.trees import cpu_s, memory
from bench.measure.turns import Row, Turn, interleaved
from bench.parts.ours import ORDERWIRE, variables
from bench.parts.platform import platform
from bench.parts.processes import free_port, process, wait_for
from bench.parts.servers import server
from bench.parts.valkey import Valkey, valkey
from bench.plan import Plan, say

SIDES = ("ours", "naive")
_SETTLE_S = 1.0


def measure(plan: Plan) -> list[Row]:
    """Return one row; its figures are per role of a process."""
    turns = tuple(_turn(name, plan, number) for number, name in interleaved(SIDES, plan.rounds))
    for turn in turns:
        figures = "  ".join(f"{name} {value:.1f}" for name, value in turn.figures.items())
        say(f"  rest {turn.side:6} PSS {turn.memory.pss_mb:.0f} MB  {figures}")
    how = (
        "`orderwire up` over a Redis and a platform that run already, until it says that all is ready; "
        "naive: uvicorn and one RQ worker, until the port answers. Then nothing happens for "
        f"{plan.rest_s:g} s. CPU is in milliseconds per second; a role's figures are its processes' sum."
    )
    title = "Start, and idle"
    return [Row(name="rest", title=title, units="starts", how=how, base="ours", turns=turns)]


def _turn(name: str, plan: Plan, number: int) -> Turn:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderwire-bench-")))
        store, graph = stack.enter_context(valkey()), stack.enter_context(platform(folder))
        began_s = time.perf_counter()
        if name == "ours":
            roots = _start_ours(stack, store, folder, graph_url=graph.url)
        else:
            peer = stack.enter_context(server(name, store, folder, graph_url=graph.graph_url, workers=1))
            roots = peer.roots
        ready_s = time.perf_counter() - began_s
        time.sleep(_SETTLE_S)
        before = {role: cpu_s(*pids) for role, pids in roots.items()}
        time.sleep(plan.rest_s)
        figures = {"ready_s": ready_s}
        for role, pids in roots.items():
            figures[f"cpu_{role}_ms_a_second"] = 1000 * (cpu_s(*pids) - before[role]) / plan.rest_s
            figures[f"rss_{role}_mb"] = memory(*pids).rss_mb
        processes = [pid for role, pids in roots.items() if role != "redis" for pid in pids]
        return Turn(
            side=name,
            round=number,
            units=1,
            seconds=0.0,
            failures=0,
            memory=memory(*processes),
            figures=figures,
        )


def _start_ours(
    stack: contextlib.ExitStack, store: Valkey, folder: Path, *, graph_url: str
) -> dict[str, list[int]]:
    port, log, ready = free_port(), folder / "up.log", folder / "ready.json"
    argv = [
        *(ORDERWIRE, "up", "--no-sandbox", "--port", str(port), "--dashboard-port", "0"),
        *("--data-dir", str(folder / "data"), "--ready-file", str(ready)),
    ]
    env = variables(store, port=port, graph_url=graph_url)
    child = stack.enter_context(process(argv, env=env, log=log))
    wait_for("orderwire up", ready.exists, child=child, log=log)
    pids: dict[str, list[int]] = json.loads(ready.read_text(encoding="utf-8"))["pids"]
    roles = {role: found for role, found in pids.items() if found}
    return roles | {"redis": [store.pid]}
