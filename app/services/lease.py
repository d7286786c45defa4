"""Leases: renewed while their commands run, so that leases can be short and a dead worker is noticed soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Condition, Thread

import structlog

from app.store.commands import Commands
from app.store.connection import StoreUnavailable

log = structlog.get_logger()

# The command of a killed worker can be leased again after this long; the sweep then enqueues it. The chaos
# tests kill workers and need recovery within 15 s at the 95th percentile; a lease of 12 s gave 20 s.
LEASE_S = 7.0
# Three beats per lease and a little more: two may be lost to a slow store.
BEAT_S = LEASE_S / 3.5
# A command whose worker died this often in a row while running it becomes a dead letter before it kills more.
MAX_LOST_RUNS = 3
# When Redis fails during a run, the lease is given back if Redis returns within these pauses; they end before
# the lease does, and the sweep takes over then.
GIVE_BACK_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 3.0)


class Heartbeat:
    """Renews the leases of all commands this process runs, one round trip per beat. Shared by threads."""

    def __init__(self, commands: Commands, clock: Callable[[], datetime]) -> None:
        """Start no thread: the first lease starts it, so that nothing runs before a fork."""
        self._commands = commands
        self._clock = clock
        self._held: dict[str, str] = {}
        self._changed = Condition()
        self._thread: Thread | None = None

    @contextmanager
    def holding(self, command_id: str, token: str) -> Iterator[None]:
        """Renew the lease every `BEAT_S` until the block ends, or until another worker holds the lease.

        If Redis fails within the block, the lease is given back as soon as Redis returns.
        """
        with self._changed:
            self._held[command_id] = token
            if self._thread is None:
                self._thread = Thread(target=self._beat, name="leases", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        except StoreUnavailable:
            self._give_back(command_id, token)
            raise
        finally:
            with self._changed:
                if self._held.get(command_id) == token:
                    del self._held[command_id]

    def _give_back(self, command_id: str, token: str) -> None:
        for pause_s in GIVE_BACK_PAUSES_S:
            try:
                self._commands.release(command_id, token=token, now=self._clock())
            except StoreUnavailable:
                time.sleep(pause_s)
            else:
                return
        log.warning("lease.not_given_back", command_id=command_id)

    def _beat(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._held))
                # Only the end of the process ends this wait: a new lease is renewed after a whole beat.
                self._changed.wait_for(lambda: not self._held, timeout=BEAT_S)
                held = dict(self._held)
            try:
                self._renew(held)
            except StoreUnavailable as error:
                # The next beat tries again; if a lease ran out meanwhile, its settlement is refused.
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
                # A run that settled meanwhile gave its lease back, so it did not lose it.
                if self._held.get(command_id) == held[command_id]:
                    log.warning("lease.lost", command_id=command_id)
                    del self._held[command_id]
