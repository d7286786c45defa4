"""Control of the proxies: one process, one wire to Redis, one to the platform."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.chaos.processes import StackFailed
from tests.support.processes import ROOT, stop

REDIS: Final = 0
GRAPH: Final = 1
NAMES: Final = {REDIS: "redis", GRAPH: "platform"}


@dataclass(slots=True)
class Links:
    """Both wires, healthy until told otherwise."""

    process: subprocess.Popen[bytes]
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, pairs: list[tuple[int, int]], log: Path) -> Links:
        """Carry each near port to its far port, in the order REDIS, GRAPH. Raises StackFailed."""
        texts = [f"127.0.0.1:{near}=127.0.0.1:{far}" for near, far in pairs]
        with log.open("ab") as out:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "tests.chaos.wire", *texts],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                cwd=ROOT,
                start_new_session=True,
            )
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            stop(process)
            raise StackFailed(f"The proxy did not come up; {log} says why")
        return cls(process)

    def fault(self, link: int, kind: str, **details: Any) -> None:
        """Switch one fault of one wire on; `none` switches all of them off."""
        line = json.dumps({"link": link, "kind": kind, **details}) + "\n"
        with self.lock:
            if self.process.stdin is not None and self.process.poll() is None:
                self.process.stdin.write(line.encode())
                self.process.stdin.flush()

    def heal(self) -> None:
        """Switch every fault off."""
        for link in NAMES:
            self.fault(link, "none")

    def close(self) -> None:
        """End the proxies."""
        stop(self.process)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
