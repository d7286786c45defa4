"""Telemetry: one JSON line a log event (readable on a terminal), with what is secret taken out.

The library loggers (uvicorn, RQ, redis) are routed through the same chain.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

_SECRET_KEYS = re.compile(
    r"(?i)(access_?token|appsecret_?proof|authorization|verify_?token|secret|password|api_?key|sealing_?key|cookie)"
)
# In texts: query parameters, headers and credentials in URLs.
_SECRET_TEXTS = (
    (
        re.compile(r"(?i)(access_token|appsecret_proof|hub(?:\.|%2E)verify_token)=[^&\s\"']+"),
        r"\1=",
    ),
    (re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?)(bearer|basic)?\s*[^\s\"',]+"), r"\1"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=|-]{8,}"), r"\1 "),
    (re.compile(r"(?i)\b((?:rediss?|https?)://)[^/\s@]*@"), r"\1"),
    (re.compile(r"\b(ow_)[A-Za-z0-9_-]{20,}"), r"\1"),
)
_QUIET = {"uvicorn.access": logging.CRITICAL, "rq.worker": logging.WARNING, "httpx": logging.WARNING}
_MAX_TEXT = 8_000  # characters of one logged text


def configure_logging(*, level: str, role: str) -> None:
    """Send every log line of this process to stderr: JSON, or columns when stderr is a terminal.

    `role` (api, worker, …) is on every line. May be called again.
    """
    on_terminal = sys.stderr.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(default=str)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "rq.worker", "rq.scheduler"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
    structlog.contextvars.bind_contextvars(role=role)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return the event without secrets: by the name of a key, and by shape inside texts."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    if key.startswith("_"):  # structlog's own
        return value
    if _SECRET_KEYS.search(key):
        return REDACTED
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, dict):
        return {str(name): _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean("", inner) for inner in value]
    return value


def _clean_text(text: str) -> str:
    text = text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"
    for pattern, kept in _SECRET_TEXTS:
        text = pattern.sub(kept + REDACTED, text)
    return text
