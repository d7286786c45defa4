"""The fault injector: at random moments it kills, pauses, and spoils the wires and the platform."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.links import GRAPH, NAMES, REDIS
from tests.chaos.platform import Json, Platform
from tests.chaos.recovery import Recovery
from tests.chaos.stack import Stack

# The mean time between two faults. Far harsher than life: most faults meet others that are not over yet.
PACE_S = 0.9
# Longer than a lease of twelve seconds: the worker wakes up when its command is another's.
LONG_PAUSE_S = (13.0, 14.5)
MAX_LONG_PAUSES = 1
_WRITES = "*/*"


@dataclass(slots=True)
class FaultInjector:
    """Breaks things one after the other until told to stop; then everything is made whole again."""

    stack: Stack
    platform: Platform
    recovery: Recovery
    seed: int
    pace_s: float = PACE_S
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _ending: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None
    _undoing: list[threading.Thread] = field(default_factory=list)
    _rng: random.Random = field(init=False)
    _long_pauses: int = 0

    def __post_init__(self) -> None:
        """Seed it."""
        self._rng = random.Random(f"injector {self.seed}")  # noqa: S311 - seeded on purpose

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End every fault: wires heal, paused processes go on, Redis is up, the platform is well."""
        with self._ending:
            self._end()

    def _end(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        for thread in self._undoing:
            thread.join()
        self.stack.links.heal()
        self.platform.arm([])

    def _run(self) -> None:
        acts: list[tuple[int, Callable[[], None]]] = [
            (6, lambda: self._kill("worker")),
            (1, lambda: self._kill("pool")),
            (3, lambda: self._kill("api")),
            (2, lambda: self._kill("scheduler")),
            (3, self._kill_redis),
            (2, lambda: self._pause("worker", self._rng.uniform(0.3, 3.0))),
            (1, lambda: self._pause("api", self._rng.uniform(0.3, 1.5))),
            (1, self._pause_long),
            (4, lambda: self._spoil(REDIS)),
            (5, lambda: self._spoil(GRAPH)),
            (4, self._platform_fault),
        ]
        while not self._stopped.wait(self._rng.uniform(self.pace_s / 3, self.pace_s * 5 / 3)):
            self._rng.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()

    def _kill(self, role: str) -> None:
        pids = self.stack.pids(role)
        if pids:
            pid = self._rng.choice(pids)
            if self.stack.signal(role, pid, signal.SIGKILL):
                self.kills[role] += 1
                self.recovery.watch(role, pid)

    def _kill_redis(self) -> None:
        self.kills["redis"] += 1
        self.stack.redis.kill()
        time.sleep(self._rng.uniform(0.1, 2.0))
        self.stack.redis.start()
        self.recovery.watch("redis", self.stack.pids("redis")[0])

    def _pause(self, role: str, for_s: float) -> None:
        pids = self.stack.pids(role)
        if not pids:
            return
        pid = self._rng.choice(pids)
        if not self.stack.signal(role, pid, signal.SIGSTOP):
            return
        self.faults[f"{role} paused"] += 1

        self._later(for_s, lambda: self.stack.signal(role, pid, signal.SIGCONT))

    def _later(self, after_s: float, undo: Callable[[], object]) -> None:
        def wait() -> None:
            self._stopped.wait(after_s)
            undo()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        self._undoing.append(thread)

    def _pause_long(self) -> None:
        if self._long_pauses < MAX_LONG_PAUSES:
            self._long_pauses += 1
            self._pause("worker", self._rng.uniform(*LONG_PAUSE_S))

    def _spoil(self, link: int) -> None:
        rng = self._rng
        kind = rng.choice(["latency", "stall", "cut", "reset", "swallow", "half"])
        details: Json = {}
        match kind:
            case "latency":
                details = {"delay_s": rng.uniform(0.01, 0.15), "for_s": rng.uniform(0.5, 2.0)}
            case "stall" | "cut":
                details = {"for_s": rng.uniform(0.1, 1.8)}
            case "swallow" | "half":
                details = {"times": rng.randint(1, 3)}
        self.stack.links.fault(link, kind, **details)
        self.faults[f"{NAMES[link]} {kind}"] += 1

    def _platform_fault(self) -> None:
        rng = self._rng
        faults: list[Json] = [
            {"kind": "drop_before", "rate": 0.3},
            {"kind": "drop_after", "rate": 0.3},
            {"kind": "status", "rate": 0.4, "status": rng.choice([500, 502, 503])},
            {"kind": "html", "rate": 0.3, "status": rng.choice([200, 502])},
            {"kind": "slow", "rate": 0.4, "delay_s": rng.uniform(0.3, 1.6)},
            {"kind": "drop_after", "times": 2, "method": "POST"},
            {"kind": "busy", "times": 2, "method": "POST", "path": _WRITES},
        ]
        fault = rng.choice(faults)
        self.platform.arm([fault])
        self.faults[f"platform {fault['kind']}"] += 1
        if "rate" in fault:
            self._later(rng.uniform(0.5, 2.5), lambda: self.platform.arm([]))
