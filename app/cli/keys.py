"""`orderwire keys`: API keys are made, listed and revoked directly in the store."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from app.cli.console import EXIT_MISCONFIGURED, explained, fail
from app.settings import load_settings
from app.store.apikeys import SCOPES, ApiKeys
from app.store.connection import connect

TIMEOUT_S = 5.0

keys = typer.Typer(help="The API keys of the REST routes.", no_args_is_help=True)


@keys.command()
def create(
    *,
    name: Annotated[str, typer.Option(help="Who uses the key; shown by `keys list`.")],
    scope: Annotated[list[str], typer.Option(help="orders:read, orders:write or admin; repeat for more.")],
) -> None:
    """Create a key and print it once; only its digest is stored."""
    unknown = [one for one in scope if one not in SCOPES]
    if unknown:
        fail(f"{unknown[0]} is not a scope; choose from {', '.join(SCOPES)}.", EXIT_MISCONFIGURED)
    secret = "ow_" + secrets.token_urlsafe(32)
    key_id = f"key_{secrets.token_hex(8)}"
    with _open_keys() as store:
        store.create(name, tuple(dict.fromkeys(scope)), secret=secret, key_id=key_id, now=datetime.now(UTC))
    typer.echo(secret)


@keys.command("list")
def list_() -> None:
    """List the keys: id, creation time, scopes and name. Never the keys themselves."""
    with _open_keys() as store:
        for key in store.list():
            scopes = ",".join(key.scopes)
            typer.echo(f"{key.id}  {key.created_at:%Y-%m-%d %H:%M}  {scopes:<30}  {key.name}")


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows.")]) -> None:
    """Revoke a key; it stops working at once."""
    with _open_keys() as store:
        if not store.revoke(key_id):
            fail(f"There is no key {key_id}; `orderwire keys list` shows them.")
    typer.echo(f"{key_id} is revoked")


@contextmanager
def _open_keys() -> Iterator[ApiKeys]:
    with explained():
        redis = connect(load_settings(os.environ, partial=True).require_redis_url(), timeout_s=TIMEOUT_S)
        try:
            yield ApiKeys(redis)
        finally:
            redis.close()
