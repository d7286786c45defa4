"""Keep leases alive while their commands run, so that leases can be short and a death is noticed soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Condition, Thread

import structlog

from app.store.commands import Commands
from app.store.connection import StoreUnavailable

log = structlog.get_logger()

# A killed worker's command is free again after this long; the sweep then wakes it. Under the chaos tests this
# must happen within 15 s at the 95th percentile, and 12 s of lease gave 20.
LEASE_S = 7.0
# Three beats a lease and a bit: two may be lost to a slow store.
BEAT_S = LEASE_S / 3.5


class Heartbeat:
    """Renews the leases of all that this process runs, in one round trip a beat. Shared by its threads."""

    def __init__(self, commands: Commands, clock: Callable[[], datetime]) -> None:
        """The thread that beats is started by the first lease, so that nothing runs before a fork."""
        self._commands = commands
        self._clock = clock
        self._held: dict[str, str] = {}
        self._changed = Condition()
        self._thread: Thread | None = None

    @contextmanager
    def holding(self, command_id: str, token: str) -> Iterator[None]:
        """Renew the lease every `BEAT_S` until the block ends, or until the lease is somebody else's."""
        with self._changed:
            self._held[command_id] = token
            if self._thread is None:
                self._thread = Thread(target=self._beat, name="leases", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                if self._held.get(command_id) == token:
                    del self._held[command_id]

    def _beat(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._held))
                # Only what ends the process ends this: a lease that is new now is renewed after a whole beat.
                self._changed.wait_for(lambda: not self._held, timeout=BEAT_S)
                held = dict(self._held)
            try:
                self._renew(held)
            except StoreUnavailable as error:
                # The next beat tries again; a lease that ran out meanwhile makes the settle refuse us.
                log.warning("lease.not_renewed", commands=len(held), reason=str(error))
            except Exception:
                # Without this thread every long call of the process would lose its lease.
                log.exception("lease.beat_failed", commands=len(held))

    def _renew(self, held: dict[str, str]) -> None:
        if not held:
            return
        lost = self._commands.renew(held, until=self._clock() + timedelta(seconds=LEASE_S))
        for command_id in lost:
            with self._changed:
                # A run that settled meanwhile gave its lease back: that one is not lost.
                if self._held.get(command_id) == held[command_id]:
                    log.warning("lease.lost", command_id=command_id)
                    del self._held[command_id]
