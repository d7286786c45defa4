"""The application: every route and middleware, around one container."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from threading import BoundedSemaphore

import anyio.to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from app.container import Container
from app.http import webhooks
from app.http.access import AuthenticationMiddleware
from app.http.failures import problem_of_http, problem_of_validation
from app.http.middleware import BodyLimit, DirectRoute, RequestContext
from app.http.openapi import document_of, route_name
from app.http.problems import problem_response
from app.http.routes import alerts, commands, drift, health, intake, metrics, orders, writes
from app.http.state import request_id
from app.http.waiting import MAX_WAITERS, THREADS

GUARDED = "/v1/"
METRICS = "/metrics"


def create_app(container: Container) -> FastAPI:
    """Return the API of this container. It answers every failure with a problem and leaks nothing."""
    app = bare_app()
    app.state.container = container
    app.state.waiters = BoundedSemaphore(MAX_WAITERS)
    app.state.stopping = lambda: False  # the server process replaces it
    # The one added last is outermost: the request's id, then the direct route, the API key, the body's size.
    app.add_middleware(BodyLimit, prefix=GUARDED)
    app.add_middleware(AuthenticationMiddleware, prefixes=(GUARDED, METRICS), container=container)
    app.add_middleware(DirectRoute, method="POST", path=webhooks.PATH, endpoint=webhooks.receive_delivery)
    app.add_middleware(RequestContext)
    return app


def bare_app() -> FastAPI:
    """Return the routes without a container: enough to describe them."""
    app = FastAPI(
        title="Container",
        docs_url=None,  # the pages FastAPI brings load their scripts from a CDN
        redoc_url=None,
        redirect_slashes=False,  # a redirected POST is sent twice, or not at all
        strict_content_type=False,
        generate_unique_id_function=route_name,
        lifespan=_lifespan,
    )
    for room in (webhooks, orders, writes, commands, alerts, drift, intake, health, metrics):
        app.include_router(room.router)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.openapi = lambda: document_of(app)  # type: ignore[method-assign]  # the way FastAPI documents
    return app


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class; mypy cannot know
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error.headers = {"Allow": ", ".join(_methods(request))}
    return problem_response(problem_of_http(error), request_id(request))


def _methods(request: Request) -> list[str]:
    """Return what the path takes; the router itself names the methods of its first route only."""
    asked = [
        (method, {**request.scope, "method": method}) for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
    ]
    routes = request.app.routes
    return [
        method for method, scope in asked if any(route.matches(scope)[0] is Match.FULL for route in routes)
    ]


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    return problem_response(problem_of_validation(request, error), request_id(request))
