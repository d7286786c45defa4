"""What a route works with: the container and the state that `create_app` puts beside the application."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import cast

from starlette.requests import Request

from app.container import Container


def container(request: Request) -> Container:
    """Return the container that serves this request."""
    return cast("Container", request.app.state.container)


def waiters(request: Request) -> BoundedSemaphore:
    """Return the slots of requests that wait for a command's end."""
    return cast("BoundedSemaphore", request.app.state.waiters)


def stopping(request: Request) -> bool:
    """Return whether the process was asked to stop, so that no request should wait in it any more."""
    return bool(request.app.state.stopping())


def request_id(request: Request) -> str:
    """Return the id of this request, in the log and in its response."""
    return str(request.state.request_id)
