"""How every command speaks: lines on standard output, failures as one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import typer

EXIT_FAILED = 1
EXIT_MISCONFIGURED = 2


def say(line: str) -> None:
    """Print one line at once, also into a pipe."""
    typer.echo(line)
    sys.stdout.flush()


def fail(message: str, code: int = EXIT_FAILED) -> NoReturn:
    """Print the message to standard error and exit with the code."""
    typer.echo(f"orderwire: {message}", err=True)
    raise typer.Exit(code)


def become(module: Sequence[str], env: dict[str, str] | None = None) -> NoReturn:
    """Replace this process with `python -m <module>`, so that signals and exit codes stay what they are."""
    os.execve(sys.executable, [sys.executable, "-m", *module], {**os.environ, **(env or {})})  # noqa: S606


@contextmanager
def explained() -> Iterator[None]:
    """Turn a known failure into its text and an exit code: 2 for a wrong setting, 1 for the rest."""
    from app.devstack.embedded import EmbeddedError  # noqa: PLC0415
    from app.devstack.supervisor import StartFailed  # noqa: PLC0415
    from app.domain.codec import RecordError  # noqa: PLC0415
    from app.queue.jobs import QueueUnavailable  # noqa: PLC0415
    from app.settings import SettingsError  # noqa: PLC0415
    from app.store.connection import StoreUnavailable  # noqa: PLC0415
    from app.store.failures import ArchiveBroken  # noqa: PLC0415

    try:
        yield
    except (SettingsError, EmbeddedError) as error:
        fail(str(error), EXIT_MISCONFIGURED)
    except (StartFailed, StoreUnavailable, ArchiveBroken, QueueUnavailable, RecordError) as error:
        fail(str(error))
