"""`python -m app.http`: the API process."""

from __future__ import annotations

import gc
import os
import signal
import sys

import uvicorn

from app.container import Container
from app.http.app import create_app
from app.settings import SettingsError, load_settings
from app.telemetry import configure_logging

# Callers that wait for a command are answered at once when we stop, so what is left takes moments; the
# supervisor kills after 10 s.
GRACE_S = 8


def main() -> int:
    """Serve the API until SIGTERM or Ctrl-C, finishing the requests under way; 2 when a setting is wrong."""
    try:
        settings = load_settings(os.environ)
        container = Container(settings, "api")
    except SettingsError as error:
        sys.stderr.write(f"The API can't start: {error}\n")
        return 2
    configure_logging(level=settings.log_level, role="api")
    app = create_app(container)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            access_log=False,  # it would print the verify token
            server_header=False,
            log_config=None,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    app.state.stopping = lambda: server.should_exit
    for told in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again once it has stopped, which would make a clean end look like a kill.
        signal.signal(told, lambda *_: None)
    # What was built stays until the end: a collection that walks it all would hold every answer for 0.1 s.
    gc.collect()
    gc.freeze()
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
