"""One Graph call: its path, token and parameters, and the world it runs in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sandbox.errors import Refusal, RefusedError
from sandbox.ledger.model import Shop
from sandbox.rules import documented
from sandbox.world import World

from .params import read_params
from .schema import View

_VERSION = re.compile(r"v\d{1,3}\.\d{1,2}")
_SECRETS = frozenset({"access_token", "appsecret_proof"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A Graph path in parts: ``/v25.0/{node}/{edge}``; `rest` is the part that does not belong there."""

    version: str
    node: str
    edge: str
    rest: str = ""

    @property
    def path(self) -> str:
        """The path without its version, as faults and idempotency compare it."""
        return "/" + "/".join(part for part in (self.node, self.edge, self.rest) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it was received; `unreadable` says why its parameters are missing, if they are."""

    method: str
    route: Route
    token: str | None
    proof: str | None
    params: dict[str, Any]  # without the secrets
    base_url: str
    unreadable: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call with a valid token, ready to run on its node; `key` is empty where none is needed."""

    world: World
    shop: Shop
    route: Route
    params: dict[str, Any]
    key: str
    view: View


@documented(
    "Any /vNN.N and no version at all lead to the same API", source="Using the API; unversioned samples"
)
def read_route(path: str) -> Route:
    """Return the parts of a path; missing ones are empty."""
    parts = [part for part in path.split("/") if part]
    version = parts.pop(0) if parts and _VERSION.fullmatch(parts[0]) else ""
    node, edge, *rest = [*parts, "", ""]
    return Route(version=version, node=node, edge=edge, rest="/".join(part for part in rest if part))


@documented(
    "The token comes in the query, in the body or as Bearer header", source="SDK 26; WooCommerce; docs"
)
def read_request(
    *, method: str, path: str, query: bytes, scheme: str, headers: dict[bytes, str], body: bytes
) -> Request:
    """Return the request behind the HTTP; parameters that can't be read make it `unreadable`."""
    route = read_route(path)
    params: dict[str, Any] = {}
    unreadable: Refusal | None = None
    try:
        params = read_params(query=query, content_type=headers.get(b"content-type", ""), body=body)
    except RefusedError as error:
        unreadable = error.refusal
    base = f"{scheme}://{headers.get(b'host', 'localhost')}"
    return Request(
        method=method,
        route=route,
        token=_given(params, "access_token") or _bearer(headers),
        proof=_given(params, "appsecret_proof"),
        params={name: value for name, value in params.items() if name not in _SECRETS},
        base_url=f"{base}/{route.version}" if route.version else base,
        unreadable=unreadable,
    )


def _given(params: dict[str, Any], name: str) -> str | None:
    value = params.get(name)
    return None if value in (None, "") else str(value)


def _bearer(headers: dict[bytes, str]) -> str | None:
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() in {"bearer", "oauth"} else None
