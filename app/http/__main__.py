"""`python -m app.http`: the API process."""

from __future__ import annotations

import os

import uvicorn

from app.http.app import create_app
from app.settings import load_settings
from app.wiring import build

# A request that waits for its command may take 30 s; a supervisor that stops us waits no longer than this.
GRACE_S = 10


def main() -> None:
    """Serve the API until SIGTERM or Ctrl-C, finishing the requests under way."""
    settings = load_settings(os.environ)
    uvicorn.run(
        create_app(build(settings, "api")),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,  # it would print the verify token
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=GRACE_S,
    )


if __name__ == "__main__":
    main()
