"""Serves the sandbox over real HTTP: in this process until a signal, or in a thread for tests."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sys
import threading
from collections.abc import Iterator

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .app import build_app
from .graph.gateway import CUT_EXTENSION
from .options import Options

BACKLOG = 2_048
START_TIMEOUT_S = 10.0
# Longer than any client keeps an idle connection: a close that crosses a request looks like a lost answer.
KEEP_ALIVE_S = 120
GRACE_S = 2  # open calls get this long to finish; a slow fault may sleep for minutes


class CuttableProtocol(HttpToolsProtocol):
    """HTTP whose application can cut the connection without an answer, as a network failure does."""

    def on_message_begin(self) -> None:
        """Let each request cut its own connection."""
        super().on_message_begin()
        self.scope["extensions"] = {CUT_EXTENSION: self.transport.abort}  # type: ignore[dict-item]


def serve(options: Options) -> None:
    """Serve until SIGTERM or SIGINT; prints ``{"url": …}`` on one line once it accepts calls."""
    for told in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops at these signals and raises them again afterwards, when everything has ended.
        signal.signal(told, lambda *_: None)
    with _listen(options) as listener:
        sys.stdout.write(json.dumps({"url": _url(listener)}) + "\n")
        sys.stdout.flush()
        _server(options).run(sockets=[listener])


@contextlib.contextmanager
def running(options: Options) -> Iterator[str]:
    """Serve from a thread of this process, for as long as the block lasts; yields the URL.

    Raises:
        TimeoutError: the server did not start in time.
    """
    with _listen(options) as listener:
        server = _server(options)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        started = threading.Event()
        for _ in range(int(START_TIMEOUT_S / 0.01)):
            if server.started or started.wait(0.01):
                break
        else:
            raise TimeoutError(f"The sandbox did not start within {START_TIMEOUT_S} s")
        try:
            yield _url(listener)
        finally:
            server.should_exit = True
            thread.join(START_TIMEOUT_S)


def _listen(options: Options) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    listener.listen(BACKLOG)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(options: Options) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            build_app(options),
            loop="uvloop",
            http=CuttableProtocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
