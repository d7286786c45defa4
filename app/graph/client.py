"""The platform as Orderwire uses it: commands sent, orders read and listed, a token tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from app.domain.commands import CommandKind, WireRequest
from app.domain.orders import PlatformOrder
from app.domain.outcomes import Accepted, Busy, Refused, Throttled, Unknown
from app.domain.shops import Shop
from app.graph.errors import NOT_FOUND
from app.graph.failures import OrderNotFound, ReadFailed, ReadHeld, ReadRefused, UnreadableOrder
from app.graph.orders import ORDER_FIELDS, parse_order
from app.graph.paging import moved_cursor, nodes_of, with_all_pages
from app.graph.transport import Call, Reply, Transport, open_http
from app.graph.usage import Usage

__all__ = ["GraphClient", "OrderPage", "Reply", "open_http"]

# The platform's default and maximum of one page of orders (Using the API).
LIST_PAGE = 25
# A hundred thousand orders in one listing; the window of a reconciliation has to be cut smaller before that.
MAX_LIST_PAGES = 4000
# A probe asks for one id; what takes longer than this is not well.
PROBE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """One page of a listing, newest order first. An order that makes no sense stands as its own failure.

    `following` is the cursor that the listing goes on from, None on the last page.
    """

    orders: tuple[PlatformOrder | UnreadableOrder, ...]
    usage: Usage | None
    following: str | None = None


class Observer(Protocol):
    """Told of every answer, right after it came; it must not raise."""

    def __call__(self, shop: Shop, reply: Reply, *, probe: bool) -> None:
        """Learn from the answer to one call made for the shop; `probe` says that it was a probe."""


class GraphClient:
    """The platform at one address. One a process, shared by its threads; built after any fork."""

    def __init__(
        self,
        base_url: str,
        version: str,
        app_secret: str | None,
        http: httpx.Client,
        observe: Observer | None = None,
    ) -> None:
        self._transport = Transport(base_url, version, app_secret, http)
        self._observe = observe

    def send(self, shop: Shop, request: WireRequest, *, timeout_s: float, kind: CommandKind) -> Reply:
        """Send a command's exact request once, and return what it came to; trouble is an Unknown."""
        call = Call(
            method="POST",
            path=request.path,
            params={},
            body=request.body,
            access_token=shop.access_token,
            kind=kind,
        )
        return self._exchange(shop, call, timeout_s)

    def probe(self, shop: Shop, *, timeout_s: float = PROBE_TIMEOUT_S) -> Reply:
        """Ask for the shop's own id: the cheapest call that shows whether platform and token are well."""
        return self._ask(shop, f"/{quote(shop.id, safe='')}", {"fields": "id"}, timeout_s, probe=True)

    def read_order(self, shop: Shop, order_id: str, *, timeout_s: float) -> PlatformOrder:
        """Return the order with all pages of all its edges; `timeout_s` is for each call of the read.

        Raises:
            OrderNotFound: the platform does not know it (code 100 with subcode 33, or 803).
            ReadRefused, ReadHeld, ReadFailed: as `failures` tells.
            UnreadableOrder: the platform's answer makes no sense.
        """
        what = f"order {order_id}"
        reply = self._ask(shop, f"/{quote(order_id, safe='')}", {"fields": ORDER_FIELDS}, timeout_s)
        if isinstance(reply.outcome, Refused) and reply.outcome.code in NOT_FOUND:
            raise OrderNotFound(order_id, reply.outcome)
        return self._parsed(shop, _answer(reply, what), timeout_s)

    def list_orders(
        self,
        shop: Shop,
        *,
        states: Sequence[str],
        updated_after: datetime | None,
        filters: Sequence[str] = (),
        after: str = "",
        timeout_s: float,
    ) -> Iterator[OrderPage]:
        """Yield every page of the shop's orders in these states, whole orders, all edges complete.

        An order that cannot be read stands in its page as `UnreadableOrder`, and stops nothing.

        `filters` are the platform's words, such as `has_refunds`; `after` goes on where an earlier listing of
        the same orders stopped. Each page is read when it is asked for, so
        a caller can stop between two; `timeout_s` is for each call.

        Raises:
            ReadRefused, ReadHeld, ReadFailed: as `failures` tells; also when the list exceeds 4000 pages.
        """
        what = f"the orders of shop {shop.id}"
        path = f"/{quote(shop.id, safe='')}/commerce_orders"
        params = {"state": ",".join(states), "fields": ORDER_FIELDS, "limit": str(LIST_PAGE)}
        if filters:
            params["filters"] = ",".join(filters)
        if updated_after is not None:
            params["updated_after"] = str(int(updated_after.timestamp()))
        for _ in range(MAX_LIST_PAGES):
            reply = self._ask(shop, path, params | ({"after": after} if after else {}), timeout_s)
            page = _answer(reply, what)
            orders = tuple(self._order_or_failure(shop, raw, timeout_s) for raw in nodes_of(page, what))
            following = moved_cursor(after, page, what)
            yield OrderPage(orders=orders, usage=reply.usage, following=following)
            if following is None:
                return
            after = following
        raise ReadFailed(what, Unknown(message=f"the list has more than {MAX_LIST_PAGES} pages"))

    def close(self) -> None:
        """Close the connections."""
        self._transport.http.close()

    def _ask(
        self, shop: Shop, path: str, params: Mapping[str, str], timeout_s: float, *, probe: bool = False
    ) -> Reply:
        call = Call(
            method="GET", path=path, params=params, body=None, access_token=shop.access_token, kind=None
        )
        return self._exchange(shop, call, timeout_s, probe=probe)

    def _exchange(self, shop: Shop, call: Call, timeout_s: float, *, probe: bool = False) -> Reply:
        reply = self._transport.exchange(call, timeout_s=timeout_s)
        if self._observe is not None:
            self._observe(shop, reply, probe=probe)
        return reply

    def _order_or_failure(self, shop: Shop, raw: object, timeout_s: float) -> PlatformOrder | UnreadableOrder:
        if not isinstance(raw, dict):
            return UnreadableOrder("", "it is not a JSON object")
        try:
            return self._parsed(shop, raw, timeout_s)
        except UnreadableOrder as failure:
            return failure
        except (ReadRefused, ReadFailed) as failure:
            # One order whose further pages fail must not hide the others of its page.
            return UnreadableOrder(str(raw.get("id", "")), str(failure))

    def _parsed(self, shop: Shop, raw: Mapping[str, Any], timeout_s: float) -> PlatformOrder:
        def get(path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
            return _answer(self._ask(shop, path, params, timeout_s), f"the list {path}")

        return parse_order(with_all_pages(raw, get), shop.id)


def _answer(reply: Reply, what: str) -> Mapping[str, Any]:
    match reply.outcome:
        case Accepted(answer=answer):
            return answer
        case Refused() as refused:
            raise ReadRefused(what, refused)
        case Throttled() as throttled:
            raise ReadHeld(what, throttled)
        case Busy(code=code, message=message):
            raise ReadFailed(what, Unknown(message=f"{message} (code {code})"))
        case Unknown() as unknown:
            raise ReadFailed(what, unknown)
