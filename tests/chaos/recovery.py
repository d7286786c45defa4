"""How long it takes until what was killed works again; one watch a kill."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from redis.exceptions import RedisError

from tests.chaos.desk import Desk, Json
from tests.chaos.lanes import lost_attempts
from tests.chaos.processes import parent_of
from tests.chaos.stack import Stack

GIVE_UP_S = 60.0
# What is promised: a killed worker's command runs again within 30 s, and most do within half of that.
P95_S = 15.0
NEVER_OVER_S = 30.0
_LOOK_S = 0.1
_ANSWER_S = 1.0
_WORKING = ("worker", "pool")
_SWEEP_JOB = "rq:job:sweep"  # its time of enqueueing is the only trace a scheduler leaves


@dataclass(slots=True, kw_only=True)
class Kill:
    """One kill, and how long it took until the role worked again; None: it never did.

    `hit_again` says that it, or Redis, was killed again before: its time is then that of several kills. It
    is judged all the same, and only shown apart.
    """

    role: str
    pid: int
    at: datetime
    recovered_s: float | None = None
    waited_for: str = ""
    hit_again: bool = False


@dataclass(slots=True)
class Recovery:
    """Watches each kill in a thread of its own."""

    stack: Stack
    desk: Desk
    kills: list[Kill] = field(default_factory=list)
    _watches: list[threading.Thread] = field(default_factory=list)

    def watch(self, role: str, pid: int) -> None:
        """Begin the watch of a kill that happened just now; for Redis, of its return."""
        kill = Kill(role=role, pid=pid, at=datetime.now(UTC))
        for earlier in tuple(self.kills):
            if earlier.recovered_s is None and role in (earlier.role, "redis"):
                earlier.hit_again = True
        self.kills.append(kill)
        thread = threading.Thread(target=self._watch, args=(kill,), daemon=True)
        self._watches.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait until every watch has ended, each for `GIVE_UP_S` at the most."""
        for thread in self._watches:
            thread.join(GIVE_UP_S)

    def add_lost_attempts(self, commands: Sequence[Json]) -> None:
        """Lengthen the recovery of a worker's kill until the command whose attempt it cut off went on."""
        for started, resumed in lost_attempts(commands):
            kills = [kill for kill in self.kills if kill.role in _WORKING and started <= kill.at <= resumed]
            for kill in kills[:1]:
                took_s = (resumed - kill.at).total_seconds()
                if kill.recovered_s is not None and took_s > kill.recovered_s:
                    kill.recovered_s = took_s
                    kill.waited_for = "a command whose attempt was cut off"

    def _watch(self, kill: Kill) -> None:
        started_s = time.monotonic()
        left_running = self._running() if kill.role in _WORKING else {}
        kill.waited_for = f"{len(left_running)} running commands" if left_running else "the new process"
        while time.monotonic() - started_s < GIVE_UP_S:
            if self._works_again(kill, left_running):
                kill.recovered_s = time.monotonic() - started_s
                return
            time.sleep(_LOOK_S)

    def _works_again(self, kill: Kill, left_running: dict[str, tuple[object, ...]]) -> bool:
        match kill.role:
            case "api" | "redis":
                return self.desk.ready()
            case "scheduler":
                return kill.pid not in self.stack.pids("scheduler") and self._swept_since(kill.at)
        self._forget_moved(left_running)
        pids = self.stack.pids("worker")
        return not left_running and bool(pids) and kill.pid not in (*pids, parent_of(pids[0]))

    def _running(self) -> dict[str, tuple[object, ...]]:
        try:
            return {row["id"]: _progress(row) for row in self.desk.running(timeout_s=_ANSWER_S)}
        except httpx.HTTPError:
            return {}  # the API is away as well; what the ledger says in the end tells it

    def _forget_moved(self, left_running: dict[str, tuple[object, ...]]) -> None:
        for command_id, seen in tuple(left_running.items()):
            try:
                row = self.desk.command(command_id, timeout_s=_ANSWER_S)
            except httpx.HTTPError:
                return
            if row is None or _progress(row) != seen:
                del left_running[command_id]

    def _swept_since(self, at: datetime) -> bool:
        try:
            text = self.stack.redis.client.hget(_SWEEP_JOB, "enqueued_at")
        except RedisError:
            return False
        return isinstance(text, str) and datetime.fromisoformat(text) > at


def _progress(row: Json) -> tuple[object, ...]:
    last = row["attempts"][-1] if row["attempts"] else {}
    return row["status"], len(row["attempts"]), last.get("outcome")
