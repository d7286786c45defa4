"""The `orderwire` command. It starts fast: a command imports what it needs when it runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import EXIT_FAILED, EXIT_MISCONFIGURED, become, explained, fail, say
from app.cli.keys import keys

OPENAPI_FILE = Path("openapi/orderwire.json")
STATES_FILE = Path("docs/states.md")

app = typer.Typer(
    name="orderwire",
    help="Connects a merchant's own systems to Facebook and Instagram commerce.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.add_typer(keys, name="keys")
shops = typer.Typer(help="The shops that are served.", no_args_is_help=True)
app.add_typer(shops, name="shops")
docs = typer.Typer(help="Documents that are generated from the code.", no_args_is_help=True)
app.add_typer(docs, name="docs")


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
    from app.devstack.stack import UpOptions  # noqa: PLC0415
    from app.devstack.stack import up as run_stack  # noqa: PLC0415

    options = UpOptions(
        port=port,
        sandbox_port=sandbox_port,
        dashboard_port=dashboard_port,
        data_dir=data_dir,
        sandbox=sandbox,
        ready_file=ready_file,
    )
    with explained():
        raise typer.Exit(run_stack(options, os.environ, say))


@app.command()
def api(*, port: Annotated[int | None, typer.Option(help="Instead of ORDERWIRE_PORT.")] = None) -> None:
    """Run the API alone: webhooks in, REST routes."""
    become(["app.http"], {} if port is None else {"ORDERWIRE_PORT": str(port)})


@app.command()
def worker(
    *,
    queue: Annotated[
        str | None, typer.Option(help="One worker of this queue; default: those of every queue.")
    ] = None,
) -> None:
    """Run RQ workers alone."""
    if queue is not None:
        become(["workers.worker", "--queue", queue])
    become(["workers.pool"])


@app.command()
def scheduler() -> None:
    """Run the scheduler alone: retries on time, and the periodic jobs."""
    become(["workers.schedule"])


@app.command()
def dashboard(
    *, port: Annotated[int | None, typer.Option(help="Instead of ORDERWIRE_DASHBOARD_PORT.")] = None
) -> None:
    """Run the RQ dashboard alone."""
    become(["workers.dashboard"], {} if port is None else {"ORDERWIRE_DASHBOARD_PORT": str(port)})


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def sandbox(context: typer.Context) -> None:
    """Run the emulated Commerce Platform alone; --help shows its own options."""
    become(["sandbox", *context.args])


@app.command()
def openapi(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say whether the file is up to date.")] = False,
    file: Annotated[Path, typer.Option(help="Where it is.")] = OPENAPI_FILE,
) -> None:
    """Write the OpenAPI document of the REST API."""
    from app.http.app import bare_app  # noqa: PLC0415
    from app.http.openapi import document_of  # noqa: PLC0415

    text = json.dumps(document_of(bare_app()), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    _write_or_check(file, text, check=check, remedy="`make openapi`")


@docs.command()
def states(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say whether the file is up to date.")] = False,
    file: Annotated[Path, typer.Option(help="Where it is.")] = STATES_FILE,
) -> None:
    """Write the table of what each order state allows."""
    from app.cli.states import table  # noqa: PLC0415

    _write_or_check(file, table(), check=check, remedy="`orderwire docs states`")


@docs.callback()
def _docs() -> None:
    """Keep `states` a subcommand although it is the only one."""


@app.command()
def healthcheck(role: Annotated[str, typer.Argument(help="api, dashboard, worker or scheduler")]) -> None:
    """Exit 0 when that role works: it answers, or its heartbeat is recent."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from app.devstack.stack import answers  # noqa: PLC0415
    from app.queue.jobs import connect_queues, live_workers, scheduler_alive  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    with explained():
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
            fail(f"There is no health check for {role}; see --help.", EXIT_MISCONFIGURED)
        raise typer.Exit(0 if well else EXIT_FAILED)


@app.command()
def doctor() -> None:
    """Check Redis, the workers and every shop's token; a valid token resumes what an invalid one paused."""
    with explained():
        from app.cli.doctor import examine  # noqa: PLC0415
        from app.settings import load_settings  # noqa: PLC0415

        raise typer.Exit(0 if examine(load_settings(os.environ), say) else EXIT_FAILED)


@app.command()
def archive() -> None:
    """Move orders that ended long ago from Redis to the archive, until none is left that may move."""
    with explained():
        from app.cli.archive import archive_all  # noqa: PLC0415
        from app.settings import load_settings  # noqa: PLC0415

        archive_all(load_settings(os.environ), say)


@shops.command("token")
def shops_token(shop_id: Annotated[str, typer.Argument(help="The commerce account (CMS) id.")]) -> None:
    """Store a new access token, read from standard input; no process has to be restarted."""
    with explained():
        from app.cli.doctor import put_token  # noqa: PLC0415
        from app.settings import load_settings  # noqa: PLC0415

        text = typer.get_text_stream("stdin").read(10_000)
        well = put_token(load_settings(os.environ), shop_id, text, say)
        raise typer.Exit(0 if well else EXIT_FAILED)


def _write_or_check(file: Path, text: str, *, check: bool, remedy: str) -> None:
    if not check:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {file}")
    elif not file.exists() or file.read_text(encoding="utf-8") != text:
        fail(f"{file} is not up to date; run {remedy} and commit it.")
