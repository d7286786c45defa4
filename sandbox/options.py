"""Start options of the sandbox: shops, secrets and addresses, from the environment or the command line.

Secrets belong in the environment (``SANDBOX_APP_SECRET``, ``SANDBOX_SHOPS``): anyone can read a command line.

    Exception
    └── BadOptionsError     the options can't be understood; the message names the option and the cure
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from .ledger.model import Shop

MAX_SHOPS = 1_000
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class BadOptionsError(Exception):
    """The options are invalid; the message names the option and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopAccess:
    """A shop with its access token."""

    shop: Shop
    access_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one run of the sandbox starts with; `port` 0 takes a free one."""

    app_secret: str = "sandbox-app-secret"  # noqa: S105 - valid in the sandbox only
    shops: tuple[ShopAccess, ...] = ()
    webhook_url: str | None = None
    allow_any_url: bool = False
    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 0

    def __post_init__(self) -> None:
        if not self.shops:
            object.__setattr__(
                self, "shops", (shop_access("900000000000017", "800000000000017", "sandbox-token"),)
            )


def shop_access(cms_id: str, page_id: str, access_token: str, name: str = "Sandbox shop") -> ShopAccess:
    """Return a shop that the sandbox can start with.

    Raises:
        BadOptionsError: an id is not made of digits, or the token is empty.
    """
    if not (cms_id.isascii() and cms_id.isdigit() and page_id.isascii() and page_id.isdigit()):
        raise BadOptionsError(f"Shop {cms_id!r}: the CMS id and the page id are made of digits")
    if not access_token:
        raise BadOptionsError(f"Shop {cms_id}: the access token is empty")
    shop = Shop(cms_id=cms_id, page_id=page_id, name=name, business_id=f"7{cms_id[1:]}")
    return ShopAccess(shop=shop, access_token=access_token)


def read_options(argv: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Return the options of one run: the command line first, then ``SANDBOX_…`` variables, then defaults.

    Raises:
        BadOptionsError: a shop, a URL or a number can't be understood.
    """
    given = _parser(environ).parse_args(argv)
    shops = tuple(_shop_argument(text) for text in given.shop) or _environment_shops(environ)
    if given.cms_id or given.page_id or given.access_token:
        standing = Options().shops[0]
        cms_id = given.cms_id or standing.shop.cms_id
        page_id = given.page_id or standing.shop.page_id
        shops = (shop_access(cms_id, page_id, given.access_token or standing.access_token), *shops)
    _check_shops(shops)
    if given.webhook_url:
        check_callback(given.webhook_url, allow_any=given.allow_any_url)
    return Options(
        app_secret=given.app_secret,
        shops=shops,
        webhook_url=given.webhook_url or None,
        allow_any_url=given.allow_any_url,
        seed=given.seed,
        host=given.host,
        port=given.port,
    )


def check_callback(url: str, *, allow_any: bool) -> None:
    """Accept a callback URL: http or https, and on loopback unless any address is allowed.

    Raises:
        BadOptionsError: the URL is none, or leaves this machine without leave.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadOptionsError(
            f"{url!r} is not a callback URL; write it like http://127.0.0.1:8000/webhooks/facebook"
        )
    if not allow_any and parts.hostname not in _LOOPBACK:
        raise BadOptionsError(
            f"The callback host {parts.hostname} is not loopback; start with --allow-any-url to send there"
        )


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The Commerce Platform, emulated.")
    parser.add_argument("--host", default=environ.get("SANDBOX_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=environ.get("SANDBOX_PORT", "0"), help="0: a free one")
    parser.add_argument("--app-secret", default=environ.get("SANDBOX_APP_SECRET", Options().app_secret))
    parser.add_argument("--access-token", default=environ.get("SANDBOX_ACCESS_TOKEN"))
    parser.add_argument("--shop-id", dest="cms_id", default=environ.get("SANDBOX_SHOP_ID"), help="the CMS id")
    parser.add_argument("--page-id", default=environ.get("SANDBOX_PAGE_ID"))
    parser.add_argument("--shop", action="append", default=[], metavar="CMS:PAGE:TOKEN", help="one more shop")
    parser.add_argument("--webhook-url", default=environ.get("SANDBOX_WEBHOOK_URL"))
    parser.add_argument("--allow-any-url", action="store_true", help="let webhooks leave this machine")
    parser.add_argument("--seed", type=int, default=environ.get("SANDBOX_SEED", "1"))
    return parser


def _shop_argument(text: str) -> ShopAccess:
    cms_id, _, rest = text.partition(":")
    page_id, _, token = rest.partition(":")
    return shop_access(cms_id, page_id, token)


def _environment_shops(environ: Mapping[str, str]) -> tuple[ShopAccess, ...]:
    text = environ.get("SANDBOX_SHOPS")
    if not text:
        return ()
    try:
        return tuple(
            shop_access(
                str(shop["cms_id"]), str(shop["page_id"]), shop["access_token"], shop.get("name", "Shop")
            )
            for shop in json.loads(text)
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadOptionsError(
            'SANDBOX_SHOPS is a JSON list like [{"cms_id":"1","page_id":"2","access_token":"t","name":"A"}]'
        ) from error


def _check_shops(shops: tuple[ShopAccess, ...]) -> None:
    ids = [node for access in shops for node in (access.shop.cms_id, access.shop.page_id)]
    tokens = [access.access_token for access in shops]
    if len(shops) > MAX_SHOPS or len(set(ids)) < len(ids) or len(set(tokens)) < len(tokens):
        raise BadOptionsError(
            f"At most {MAX_SHOPS} shops, each with a CMS id, a page id and a token of its own"
        )
