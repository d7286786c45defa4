"""The cost of a full store compared with one of a thousand orders: memory, reads, writes, archive.

Both servers stand side by side and take turns (A B B A), so that whatever else the machine does falls on
both. What a call costs is counted in CPU, ours and the server's, which a busy machine disturbs least. No
file is written meanwhile: what an fsync takes does not depend on how many orders there are.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from app.domain.commands import Acknowledge
from app.domain.orders import OrderState
from app.domain.timeline import Cause
from app.services.archive import FILE_ORDERS
from app.store.archive import Archive
from app.store.archive_files import ArchiveFiles
from app.store.archive_moves import ArchiveMoves
from app.store.commands import Commands
from app.store.connection import connect
from app.store.orders import Orders
from app.store.sealing import Sealer
from bench.parts.valkey import Valkey
from bench.store.fill import fill
from bench.store.lives import APART, START, Life, Living

FEW = 1_000
ROUNDS = 12
# Calls of one kind in one turn; a round has two turns of each side.
CALLS = 100
_FIRST = 10_000_000
_TIMEOUT_S = 120.0
# Later than the longest that an order of ours takes to its completion.
READ_AT_MOST = timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class Side:
    """One store: its server, how many orders it holds, and by kind what calls took, in ms.

    `cost` is the CPU of a call, both sides of the line together, `served` the server's part; one a turn.
    """

    server: Valkey
    orders: Orders
    commands: Commands
    living: Living
    archive: Archive
    moves: ArchiveMoves
    count: int
    took: dict[str, list[float]]
    cost: dict[str, list[float]]
    served: dict[str, list[float]]
    done: int = 0

    @classmethod
    def of(cls, server: Valkey, folder: Path, sealer: Sealer, count: int) -> Side:
        """Fill the server and return it as a side."""
        store = connect(server.url, timeout_s=_TIMEOUT_S)
        server.client.config_set("appendonly", "no")
        server.client.config_set("hash-max-listpack-value", 4096)
        fill(store, sealer, first=_FIRST, count=count)
        files = ArchiveFiles(folder)
        archive, commands = Archive(store, files), Commands(store)
        orders = Orders(store, archive)
        return cls(
            server=server,
            orders=orders,
            commands=commands,
            living=Living(orders, commands, sealer),
            archive=archive,
            moves=ArchiveMoves(store, files),
            count=count,
            took={},
            cost={},
            served={},
        )

    def time(self, kind: str, call: Callable[[Life], object]) -> None:
        """Make CALLS calls for random orders and note what each took."""
        noted, used, served = self.took.setdefault(kind, []), time.process_time(), self._served_s()
        for _ in range(CALLS):
            life = Life(number=_FIRST + random.randrange(self.count))  # noqa: S311 - a sample, no secret
            began = time.perf_counter()
            call(life)
            noted.append(1000 * (time.perf_counter() - began))
        server = 1000 * (self._served_s() - served) / CALLS
        self.served.setdefault(kind, []).append(server)
        self.cost.setdefault(kind, []).append(server + 1000 * (time.process_time() - used) / CALLS)

    def turn(self) -> None:
        """Make calls of every kind."""
        orders = self.orders
        self.time("one order", lambda life: orders.get(life.order_id))
        self.time("by reference", lambda life: orders.list(reference=life.reference, limit=25))
        self.time("page of 25", lambda _life: orders.list(limit=25))
        self.time("page of 25 deep in a state", self._deep)
        self.time("record", self._record)
        self.time("command", self._command)

    def _served_s(self) -> float:
        server = self.server.info("cpu")
        return float(server["used_cpu_user"] + server["used_cpu_sys"])

    def _deep(self, life: Life) -> None:
        after = life.at + READ_AT_MOST
        self.orders.list(state=OrderState.COMPLETED, updated_after=after, limit=25)

    def _record(self, life: Life) -> None:
        stored = self.orders.get(life.order_id)
        if stored is None:
            raise LookupError(f"order {life.order_id} is not there")
        newer = replace(stored.order, updated_at=stored.order.updated_at + timedelta(seconds=1))
        self.living.record(stored.order, newer, version=stored.version, cause=Cause.WEBHOOK)

    def _command(self, life: Life) -> None:
        self.done += 1
        change = Acknowledge(merchant_order_reference=life.reference)
        self.living.command(life, f"01KC{self.done:020d}AK", change)


def measure(few: Side, many: Side) -> dict[str, dict[str, float]]:
    """Return what each call took and cost with many orders, beside few; the ratio is of the costs."""
    for _ in range(ROUNDS):
        for side in (few, many, many, few):
            side.turn()
    figures = {}
    for kind, took in many.took.items():
        cost, base = median(many.cost[kind]), median(few.cost[kind])
        figures[kind] = {
            "p50_ms": median(took),
            "p95_ms": sorted(took)[int(len(took) * 0.95)],
            "few_p50_ms": median(few.took[kind]),
            "server_cpu_ms": median(many.served[kind]),
            "few_server_cpu_ms": median(few.served[kind]),
            "cpu_ms": cost,
            "few_cpu_ms": base,
            "ratio": cost / base,
        }
    return figures


def archived(side: Side, folder: Path, most: int) -> dict[str, float]:
    """Archive up to `most` orders; return what that took, freed and left, an order."""
    held, moved, began = side.server.used_bytes(), 0, time.perf_counter()
    # Orders of the sample were changed by `measure`, as the platform never would: they stay.
    before, stayed = START + APART * (_FIRST + side.count + FEW), 0
    while moved < most:
        found = side.moves.candidates(before, skip=stayed, limit=FILE_ORDERS)
        if not found:
            break
        went = side.moves.put([one for one in found if not one.busy])
        moved, stayed = moved + went, stayed + len(found) - went
    took = time.perf_counter() - began
    freed = (held - side.server.used_bytes()) / moved
    side.took = {}
    lives = [Life(number=_FIRST + number) for number in range(moved)]
    reads = []
    for life in random.sample(lives, min(CALLS * ROUNDS, moved)):
        began = time.perf_counter()
        side.orders.list(reference=life.reference, limit=25)
        reads.append(1000 * (time.perf_counter() - began))
    written = sum(file.stat().st_size for file in folder.iterdir())
    return {
        "orders": moved,
        "ms_an_order": 1000 * took / moved,
        "redis_bytes_freed_an_order": freed,
        "file_bytes_an_order": written / moved,
        "by_reference_p50_ms": median(reads),
        "by_reference_p95_ms": sorted(reads)[int(len(reads) * 0.95)],
    }
