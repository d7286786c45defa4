"""The webhook servers that ingest is measured against, on the same uvicorn as Orderwire's."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.parts.platform import ACCESS_TOKEN, APP_SECRET
from bench.parts.processes import environment, free_port, listens, process, wait_for
from bench.parts.valkey import Valkey


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One running peer: its port, and its processes by part."""

    port: int
    roots: dict[str, list[int]]


def peer_variables(store: Valkey, graph_url: str) -> dict[str, str]:
    """Return the variables every peer reads."""
    return environment(
        BENCH_REDIS_URL=store.url,
        BENCH_APP_SECRET=APP_SECRET,
        BENCH_GRAPH_URL=graph_url,
        BENCH_ACCESS_TOKEN=ACCESS_TOKEN,
    )


@contextlib.contextmanager
def server(
    name: str, store: Valkey, folder: Path, *, graph_url: str = "http://127.0.0.1:9", workers: int = 0
) -> Iterator[Server]:
    """Run `naive` or `ceiling` until the block ends, the naive one with `workers` workers."""
    env = peer_variables(store, graph_url)
    port, log = free_port(), folder / f"{name}.log"
    argv = [
        *(sys.executable, "-m", "uvicorn", "--no-access-log", "--log-level", "error"),
        *("--loop", "uvloop", "--http", "httptools", "--port", str(port), f"bench.peers.{name}:app"),
    ]
    with contextlib.ExitStack() as stack:
        child = stack.enter_context(process(argv, env=env, log=log))
        worker = [sys.executable, "-m", "bench.peers.naive_worker"]
        pids = [
            stack.enter_context(process(worker, env=env, log=folder / f"{name}-worker.log")).pid
            for _ in range(workers)
        ]
        wait_for(f"The {name} server", lambda: listens(port), child=child, log=log)
        roots = {"api": [child.pid], "redis": [store.pid]} | ({"workers": pids} if pids else {})
        yield Server(port=port, roots=roots)
