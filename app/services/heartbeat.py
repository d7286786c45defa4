"""Keep a lease alive while its command runs, so that leases can be short and a death is noticed soon."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog

from app.store.connection import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from app.store.commands import Commands

log = structlog.get_logger()

# A killed worker's command is free again after this long; the sweep then wakes it. A drill that kills workers
# needs recovery within 15 s at the 95th percentile, and 12 s of lease gave 20.
LEASE_S = 7.0
# Three beats a lease and a bit: two may be lost to a slow store.
BEAT_S = LEASE_S / 3.5


@contextmanager
def heartbeat(
    commands: Commands, command_id: str, *, token: str, clock: Callable[[], datetime]
) -> Iterator[None]:
    """Renew the lease every `BEAT_S` until the block ends, or until the lease is somebody else's."""
    stop = Event()
    beat = Thread(target=_beat, args=(commands, command_id, token, clock, stop), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()


def _beat(
    commands: Commands, command_id: str, token: str, clock: Callable[[], datetime], stop: Event
) -> None:
    while not stop.wait(BEAT_S):
        try:
            if not commands.renew(command_id, token=token, until=clock() + timedelta(seconds=LEASE_S)):
                log.warning("lease.lost", command_id=command_id)
                return
        except StoreUnavailable as error:
            # The next beat tries again; a lease that ran out meanwhile makes the settle refuse us.
            log.warning("lease.not_renewed", command_id=command_id, reason=str(error))
