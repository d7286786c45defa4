"""The sandbox as one ASGI application: ``/_sandbox/…`` is the control API, the rest is the Graph API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from .clock import Clock
from .control import levers, orders, records
from .control.problems import (
    NOT_ALLOWED,
    NOT_FOUND,
    EscapedJSON,
    ProblemError,
    answer_invalid,
    answer_lost,
    answer_problem,
)
from .graph.gateway import Gateway
from .options import Options
from .webhooks.sender import Sender
from .world import World

ASGIApp = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]

TICK_S = 1.0  # how often holds of orders are checked


def build_app(options: Options) -> ASGIApp:
    """Return one emulated platform, empty and ready to be served."""
    world = World(options, Clock())
    sender = Sender(world)
    world.tell = sender.tell
    control = _control_side(world, sender)
    graph = Gateway(world)

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/_sandbox/"):
            await graph(scope, receive, send)
        else:
            await control(scope, receive, send)

    return app


def _control_side(world: World, sender: Sender) -> FastAPI:
    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        sender.start()
        ticking = asyncio.create_task(_tick(world))
        yield
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        await sender.stop()

    app = FastAPI(
        title="Orderwire sandbox", openapi_url=None, lifespan=life, default_response_class=EscapedJSON
    )
    app.state.world = world
    app.state.sender = sender
    for part in (orders, records, levers):
        app.include_router(part.router, prefix="/_sandbox")
    app.add_exception_handler(ProblemError, answer_problem)
    for status in (NOT_FOUND, NOT_ALLOWED):
        app.add_exception_handler(status, answer_lost)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    return app


async def _tick(world: World) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        world.end_due_holds()
