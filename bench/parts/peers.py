"""The queues of the job row: how each enqueues, how its workers are started, and how many of them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.parts.platform import Platform
from bench.parts.processes import ROOT, BenchFailed, process, run
from bench.parts.servers import peer_variables
from bench.parts.valkey import Valkey

# Environments of the bench's own; two, because Celery and arq want different clients of Redis.
_QUEUES, _ARQ = (ROOT / ".bench-venv" / name / "bin" for name in ("queues", "arq"))
_ENQUEUE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One queue: the commands that enqueue and work, and `copies` of the worker.

    RQ's workers do one job at a time: four that fork fill two cores, sixteen that do not wait for sixteen
    calls at once. The others have 32 jobs under way in one or two processes.
    """

    name: str
    enqueue: tuple[str, ...]
    work: tuple[str, ...]
    copies: int = 1


def peers() -> dict[str, Peer]:
    """Return every queue by name."""
    ours, theirs = sys.executable, str(_QUEUES / "python")
    jobs = "bench.peers.jobs"
    dramatiq = (str(_QUEUES / "dramatiq"), f"{jobs}.on_dramatiq", "--processes", "2", "--threads", "16")
    celery = (
        *(str(_QUEUES / "celery"), "-A", f"{jobs}.on_celery", "worker"),
        *("--pool", "threads", "--concurrency", "32", "--loglevel", "WARNING"),
    )
    rq = (ours, "-m", f"{jobs}.on_rq")
    every = (
        Peer(name="rq-fork", enqueue=(*rq, "enqueue"), work=(*rq, "fork"), copies=4),
        Peer(name="rq-simple", enqueue=(*rq, "enqueue"), work=(*rq, "simple"), copies=16),
        Peer(name="celery", enqueue=(theirs, "-m", f"{jobs}.on_celery"), work=celery),
        Peer(name="dramatiq", enqueue=(theirs, "-m", f"{jobs}.on_dramatiq"), work=dramatiq),
        Peer(
            name="arq",
            enqueue=(str(_ARQ / "python"), "-m", f"{jobs}.on_arq"),
            work=(str(_ARQ / "arq"), f"{jobs}.on_arq.WorkerSettings"),
        ),
        Peer(
            name="saq",
            enqueue=(theirs, "-m", f"{jobs}.on_saq"),
            work=(str(_QUEUES / "saq"), f"{jobs}.on_saq.settings"),
        ),
    )
    return {peer.name: peer for peer in every}


def check_installed() -> None:
    """Raise BenchFailed, with the hint, when an environment of the queues is not there."""
    if not all((place / "python").exists() for place in (_QUEUES, _ARQ)):
        raise BenchFailed("The queues to compare with are not installed: run `make bench-peers` once")


def enqueue(peer: Peer, store: Valkey, platform: Platform, pairs: Sequence[tuple[str, str]]) -> None:
    """Enqueue one job for each pair of order and item. Raises BenchFailed."""
    lines = "\n".join(f"{order_id} {item_id}" for order_id, item_id in pairs)
    run(peer.enqueue, env=peer_variables(store, platform.graph_url), given=lines, within_s=_ENQUEUE_S)


@contextlib.contextmanager
def working(peer: Peer, store: Valkey, platform: Platform, folder: Path) -> Iterator[list[int]]:
    """Run the peer's workers until the block ends; yields the pids of their trees' roots."""
    env = peer_variables(store, platform.graph_url)
    log = folder / f"{peer.name}.log"
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(process(peer.work, env=env, log=log)).pid for _ in range(peer.copies)]
