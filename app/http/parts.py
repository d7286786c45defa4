"""What a route works with: the built Orderwire, as `create_app` put it beside the application."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import cast

from starlette.requests import Request

from app.wiring import Orderwire


def parts(request: Request) -> Orderwire:
    """Return the Orderwire that serves this request."""
    return cast("Orderwire", request.app.state.orderwire)


def waiters(request: Request) -> BoundedSemaphore:
    """Return the seats of requests that wait for a command's end."""
    return cast("BoundedSemaphore", request.app.state.waiters)


def stopping(request: Request) -> bool:
    """Return whether the process is asked to stop, so that nobody should wait in it any more."""
    return bool(request.app.state.stopping())


def request_id(request: Request) -> str:
    """Return the id this request goes by, in the log and in its answer."""
    return str(request.state.request_id)
