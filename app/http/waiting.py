"""Waiting: a caller that prefers to hear the end of a command (RFC 7240, `Prefer: wait=N`)."""

from __future__ import annotations

import re

import structlog
from starlette.requests import Request

from app.domain.commands import Command
from app.http.state import container, stopping, waiters
from app.store.failures import StoreUnavailable

log = structlog.get_logger()

# Longer waits die in proxies on the way.
MAX_WAIT_S = 30
# Each wait holds a thread; the others have to stay free for requests that do not wait.
THREADS = 64
MAX_WAITERS = 40
# How soon a waiting caller is answered when the process is asked to stop.
SLICE_S = 2.0

_WAIT = re.compile(r'wait\s*=\s*"?(\d{1,9})"?', re.IGNORECASE | re.ASCII)


def preferred_wait_s(request: Request) -> int | None:
    """Return how long the caller would wait, at most `MAX_WAIT_S`; None when it does not say so readably."""
    for header in request.headers.getlist("prefer"):
        for preference in header.split(","):
            found = _WAIT.fullmatch(preference.partition(";")[0].strip())
            if found and int(found[1]) > 0:
                return min(int(found[1]), MAX_WAIT_S)
    return None


def await_end(request: Request, command: Command, wait_s: float) -> Command | None:
    """Return the command once it has ended, or None: the time is up, or too many wait already.

    The promise stands whatever happens here, so a store that goes away now only ends the wait.
    """
    seats = waiters(request)
    if not seats.acquire(blocking=False):
        log.info("command.wait_refused", command_id=command.id, waiting=MAX_WAITERS)
        return None
    try:
        ended = _watch(request, command.id, wait_s)
    except StoreUnavailable as error:
        log.warning("command.wait_broken", command_id=command.id, reason=str(error))
        return None
    finally:
        seats.release()
    return ended if ended is not None and ended.status.final else None


def _watch(request: Request, command_id: str, wait_s: float) -> Command | None:
    left_s = wait_s
    while True:
        slice_s = min(left_s, SLICE_S)
        command = container(request).await_command.wait(command_id, slice_s)
        left_s -= slice_s
        if command is None or command.status.final or left_s <= 0 or stopping(request):
            return command
