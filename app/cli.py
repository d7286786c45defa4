"""The command line. Starts fast: a command imports what it needs when it runs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

OPENAPI_FILE = Path("openapi/orderwire.json")
EXIT_FAILED = 1
EXIT_MISCONFIGURED = 2

app = typer.Typer(
    name="orderwire",
    help="Connects a merchant's own systems to Facebook and Instagram commerce.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
keys = typer.Typer(help="The API keys of the internal REST routes.", no_args_is_help=True)
app.add_typer(keys, name="keys")
shops = typer.Typer(help="The shops that are served.", no_args_is_help=True)
app.add_typer(shops, name="shops")


def main() -> None:
    """Run the command line."""
    app()


def _show_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415

        typer.echo(f"orderwire {version('orderwire')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=lambda value: _show_version(wanted=value), is_eager=True)
    ] = False,
) -> None:
    pass


@app.command()
def up(
    *,
    port: Annotated[int | None, typer.Option(help="Of the API; 0: a free one.")] = None,
    sandbox_port: Annotated[int, typer.Option(help="0: a free one.")] = 0,
    dashboard_port: Annotated[int | None, typer.Option(help="0: a free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where Redis and generated secrets live.")] = None,
    sandbox: Annotated[
        bool | None,
        typer.Option(
            "--sandbox/--no-sandbox", help="The emulated platform; default: when no shop is configured."
        ),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written, private, once all is ready: URLs, keys and pids as JSON.")
    ] = None,
) -> None:
    """Start and supervise everything: Redis, API, workers, scheduler, RQ dashboard, sandbox."""
    from app.stack import UpOptions  # noqa: PLC0415
    from app.stack import up as run_stack  # noqa: PLC0415

    options = UpOptions(
        port=port,
        sandbox_port=sandbox_port,
        dashboard_port=dashboard_port,
        data_dir=data_dir,
        sandbox=sandbox,
        ready_file=ready_file,
    )
    with _explained():
        raise typer.Exit(run_stack(options, os.environ, _say))


@app.command()
def api(*, port: Annotated[int | None, typer.Option(help="Instead of ORDERWIRE_PORT.")] = None) -> None:
    """Run the API alone: webhooks in, REST routes."""
    _become(["app.http"], {} if port is None else {"ORDERWIRE_PORT": str(port)})


@app.command()
def worker(
    *,
    queue: Annotated[
        str | None, typer.Option(help="One worker of this queue; default: those of every queue.")
    ] = None,
) -> None:
    """Run RQ workers alone."""
    if queue is not None:
        _become(["workers.worker", "--queue", queue])
    _become(["workers.pool"])


@app.command()
def scheduler() -> None:
    """Run the scheduler alone: retries on time, and the periodic jobs."""
    _become(["workers.schedule"])


@app.command()
def dashboard(
    *, port: Annotated[int | None, typer.Option(help="Instead of ORDERWIRE_DASHBOARD_PORT.")] = None
) -> None:
    """Run the RQ dashboard alone."""
    _become(["workers.dashboard"], {} if port is None else {"ORDERWIRE_DASHBOARD_PORT": str(port)})


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def sandbox(context: typer.Context) -> None:
    """Run the emulated Commerce Platform alone; --help shows its own options."""
    _become(["sandbox", *context.args])


@app.command()
def openapi(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say whether the file is up to date.")] = False,
    file: Annotated[Path, typer.Option(help="Where it is.")] = OPENAPI_FILE,
) -> None:
    """Write the OpenAPI document of the REST routes."""
    from app.http.openapi import openapi_document  # noqa: PLC0415

    text = json.dumps(openapi_document(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    if not check:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        typer.echo(f"wrote {file}")
    elif not file.exists() or file.read_text() != text:
        _fail(f"{file} is not what the routes say; run `make openapi` and commit it.", EXIT_FAILED)


@app.command()
def healthcheck(role: Annotated[str, typer.Argument(help="api, dashboard, worker or scheduler")]) -> None:
    """Exit 0 when that role is well: it answers, or has been heard of lately."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from app.queues import connect_queues, live_workers, scheduler_alive  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415
    from app.stack import answers  # noqa: PLC0415

    with _explained():
        settings = load_settings(os.environ, partial=True)
        if role in ("api", "dashboard"):
            port = settings.port if role == "api" else settings.dashboard_port
            raise typer.Exit(0 if answers(f"http://127.0.0.1:{port}", "/livez")() else EXIT_FAILED)
        connection = connect_queues(settings.require_redis_url())
        if role == "scheduler":
            well = scheduler_alive(connection)
        elif role == "worker":
            well = all(live_workers(connection, now=datetime.now(UTC)).values())
        else:
            _fail(f"There is no health check for {role}; see --help.", EXIT_MISCONFIGURED)
        raise typer.Exit(0 if well else EXIT_FAILED)


@app.command()
def doctor() -> None:
    """Check Redis, the workers and every shop's token; a token found good lets what waited for it go on."""
    with _explained():
        from app.doctor import examine  # noqa: PLC0415
        from app.settings import load_settings  # noqa: PLC0415

        raise typer.Exit(0 if examine(load_settings(os.environ), _say) else EXIT_FAILED)


@app.command()
def archive() -> None:
    """Move orders that are long over from Redis to the archive, now and all of them."""
    with _explained():
        from app.archiving import archive_all  # noqa: PLC0415
        from app.settings import load_settings  # noqa: PLC0415

        archive_all(load_settings(os.environ), _say)


@shops.command("token")
def shops_token(shop_id: Annotated[str, typer.Argument(help="The commerce account (CMS) id.")]) -> None:
    """Put in a new access token, read from standard input; nothing has to be restarted."""
    with _explained():
        from app.doctor import put_token  # noqa: PLC0415
        from app.settings import load_settings  # noqa: PLC0415

        text = typer.get_text_stream("stdin").read(10_000)
        well = put_token(load_settings(os.environ), shop_id, text, _say)
        raise typer.Exit(0 if well else EXIT_FAILED)


@keys.command("create")
def keys_create(
    *,
    name: Annotated[str, typer.Option(help="Whose key it is, for the list.")],
    scope: Annotated[list[str], typer.Option(help="orders:read, orders:write or admin; repeat for more.")],
) -> None:
    """Make a key and print it; it can't be shown again."""
    with _explained():
        from app.operator_keys import SCOPES, make_key, open_keys  # noqa: PLC0415
        from app.settings import load_settings  # noqa: PLC0415

        unknown = [one for one in scope if one not in SCOPES]
        if unknown:
            _fail(f"{unknown[0]} is not a scope; choose from {', '.join(SCOPES)}.", EXIT_MISCONFIGURED)
        with open_keys(load_settings(os.environ, partial=True)) as store:
            typer.echo(make_key(store, name=name, scopes=tuple(dict.fromkeys(scope))))


@keys.command("list")
def keys_list() -> None:
    """List the keys: id, name, scopes, since when. Never the keys themselves."""
    with _explained():
        from app.operator_keys import open_keys  # noqa: PLC0415
        from app.settings import load_settings  # noqa: PLC0415

        with open_keys(load_settings(os.environ, partial=True)) as store:
            for key in store.list():
                scopes = ",".join(key.scopes)
                typer.echo(f"{key.id}  {key.created_at:%Y-%m-%d %H:%M}  {scopes:<30}  {key.name}")


@keys.command("revoke")
def keys_revoke(key_id: Annotated[str, typer.Argument(help="As `keys list` shows it.")]) -> None:
    """Take a key back, at once."""
    with _explained():
        from app.operator_keys import open_keys  # noqa: PLC0415
        from app.settings import load_settings  # noqa: PLC0415

        with open_keys(load_settings(os.environ, partial=True)) as store:
            if not store.revoke(key_id):
                _fail(f"There is no key {key_id}; `orderwire keys list` shows them.", EXIT_FAILED)
        typer.echo(f"{key_id} is revoked")


def _become(module: Sequence[str], env: dict[str, str] | None = None) -> NoReturn:
    # The process itself, not a parent of it: signals and exit codes stay what they are.
    os.execve(sys.executable, [sys.executable, "-m", *module], {**os.environ, **(env or {})})  # noqa: S606


def _say(line: str) -> None:
    typer.echo(line)
    sys.stdout.flush()


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"orderwire: {message}", err=True)
    raise typer.Exit(code)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what went wrong into a text for people and an exit code."""
    from app.embedded import EmbeddedError  # noqa: PLC0415
    from app.queues import QueueUnavailable  # noqa: PLC0415
    from app.settings import SettingsError  # noqa: PLC0415
    from app.store.connection import StoreUnavailable  # noqa: PLC0415
    from app.store.failures import ArchiveBroken  # noqa: PLC0415
    from app.supervisor import StartFailed  # noqa: PLC0415

    try:
        yield
    except (SettingsError, EmbeddedError) as error:
        _fail(str(error), EXIT_MISCONFIGURED)
    except (StartFailed, StoreUnavailable, ArchiveBroken, QueueUnavailable) as error:
        _fail(str(error), EXIT_FAILED)
