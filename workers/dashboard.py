"""The RQ dashboard: queues, registries and failed jobs in a browser, with its requeue button.

    python -m workers.dashboard [--port N]

rq-dashboard is a Flask app, mounted under uvicorn. Its door is ours: rq-dashboard trusts every caller,
requeues all failed jobs on a plain GET, and keeps the Redis URL where its pages can show it.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import os
import secrets
import sys
from urllib.parse import urlsplit

import uvicorn
from a2wsgi import WSGIMiddleware
from rq.serializers import JSONSerializer
from rq_dashboard import web
from rq_dashboard.cli import make_flask_app
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.queue.jobs import connect_queues
from app.settings import LOOPBACK_HOSTS, Settings, SettingsError, load_settings
from app.telemetry import configure_logging

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
POLL_INTERVAL_MS = 2500


class Door:
    """Lets in: callers of a loopback name or the configured host, with the password when one is set.

    What changes something must come from the dashboard's own pages, and never by GET.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], password: str | None) -> None:
        """`hosts` are names without a port; `password` None asks for none."""
        self._app = app
        self._hosts = hosts
        self._password = password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it to rq-dashboard."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        answer = refusal if refusal is not None else self._app
        await answer(scope, receive, send)

    def _refusal(self, method: str, path: str, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            return PlainTextResponse("This dashboard does not answer to that host name.\n", 421)
        if path == "/livez":
            return PlainTextResponse("ok\n")
        if self._password is not None and not _knows(headers.get("authorization"), self._password):
            challenge = {"WWW-Authenticate": 'Basic realm="Orderwire RQ dashboard", charset="UTF-8"'}
            return PlainTextResponse("The dashboard's password is needed.\n", 401, challenge)
        if method in SAFE_METHODS:
            if path.strip("/").split("/")[0] == "requeue":
                return PlainTextResponse("Requeueing needs a POST.\n", 405, {"Allow": "POST"})
            return None
        if not _same_origin(headers, host):
            return PlainTextResponse("This must come from the dashboard's own pages.\n", 403)
        return None


def create_dashboard(settings: Settings) -> Door:
    """Return the dashboard as an ASGI app. Raises SettingsError when it would be open to the network."""
    password = settings.dashboard_password.get_secret_value() if settings.dashboard_password else None
    if settings.host not in LOOPBACK_HOSTS and password is None:
        raise SettingsError(
            f"ORDERWIRE_HOST is {settings.host}, so the dashboard would be open to the network; "
            "set ORDERWIRE_DASHBOARD_PASSWORD, or bind to 127.0.0.1"
        )
    hosts = LOOPBACK_HOSTS | {settings.host}
    return Door(_flask_app(settings.require_redis_url()), hosts=hosts, password=password)


def main(argv: list[str] | None = None) -> int:
    """Serve the dashboard until SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m workers.dashboard")
    parser.add_argument("--port", type=int)
    port: int | None = parser.parse_args(argv).port
    try:
        settings = load_settings(os.environ, partial=True)
        app = create_dashboard(settings)
    except SettingsError as error:
        sys.stderr.write(f"The dashboard can't start: {error}\n")
        return 2
    configure_logging(level=settings.log_level, role="dashboard")
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.dashboard_port if port is None else port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
    )
    return 0


def _flask_app(redis_url: str) -> ASGIApp:
    flask = make_flask_app(config=None, username=None, password=None, url_prefix="")
    flask.config["RQ_DASHBOARD_POLL_INTERVAL"] = POLL_INTERVAL_MS
    # What pages show of it; the connection below is the one that is used.
    flask.config["RQ_DASHBOARD_REDIS_URL"] = ("redis",)
    web.config.serializer = JSONSerializer
    connection = connect_queues(redis_url)
    flask.redis_conn = connection  # where rq-dashboard looks for it
    # It would connect anew for each page, from the URL it shows.
    web.from_url = lambda *_args, **_kwargs: (None, connection)
    mounted: ASGIApp = WSGIMiddleware(flask)  # type: ignore[assignment]  # a2wsgi spells ASGI's types its own way
    return mounted


def _name(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").lower()


def _knows(header: str | None, password: str) -> bool:
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        _, _, given = base64.b64decode(encoded, validate=True).partition(b":")
    except binascii.Error:
        return False
    return secrets.compare_digest(given, password.encode())


def _same_origin(headers: Headers, host: str) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    source = headers.get("origin") or headers.get("referer")
    if source is None:
        return site == "same-origin"
    return urlsplit(source).netloc.lower() == host.lower()


if __name__ == "__main__":
    sys.exit(main())
