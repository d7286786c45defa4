"""A real HTTP server as an operator's address, and alerts over a real store."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest

from app.queue.jobs import Jobs, connect_queues
from app.services.alerts import Alerting
from app.services.enqueue import Enqueuer
from app.store.alerts import Alerts
from app.store.connection import Store
from tests.integration.store.samples import NOW


@dataclass(kw_only=True)
class Pager:
    """One address: what it was sent, and what it answers."""

    url: str
    status: int = 200
    messages: list[dict[str, Any]] = field(default_factory=list)


@dataclass(kw_only=True)
class Clock:
    """A clock that the test sets."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def pager() -> Iterator[Pager]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            address.messages.append(json.loads(body))
            self.send_response(address.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = Pager(url=f"json://desk:hunter2@127.0.0.1:{server.server_port}/hook/s3cret-path")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield address
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(redis_url: str) -> Iterator[Jobs]:
    connection = connect_queues(redis_url)
    yield Jobs(connection)
    connection.close()


@pytest.fixture
def alerts(redis: Store) -> Alerts:
    return Alerts(redis, telling=True)


@pytest.fixture
def alerting(alerts: Alerts, jobs: Jobs, clock: Clock) -> Alerting:
    numbers = count(1)
    return Alerting(
        alerts=alerts,
        enqueuer=Enqueuer(jobs=jobs),
        clock=clock,
        new_id=lambda: f"a{next(numbers)}",
        telling=True,
    )
