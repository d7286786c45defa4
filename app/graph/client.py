"""The client of Meta's API: sends commands, reads and lists orders, probes a shop; asks admission itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NewType, Protocol
from urllib.parse import quote

import httpx

from app.domain.admission import Paused, Purpose
from app.domain.commands import CommandKind, WireRequest
from app.domain.orders import PlatformOrder
from app.domain.outcomes import Accepted, Busy, Refused, Throttled, Unknown
from app.domain.shops import Shop
from app.graph.errors import NOT_FOUND
from app.graph.failures import OrderNotFound, ReadFailed, ReadPaused, ReadRefused, UnreadableOrder
from app.graph.orders import ORDER_FIELDS, parse_order
from app.graph.paging import moved_cursor, nodes_of, with_all_pages
from app.graph.transport import Call, Reply, Transport, open_http

__all__ = ["GraphClient", "OrderPage", "Reply", "open_http"]

# The platform's default and maximum of one page of orders (Using the API).
LIST_PAGE = 25
# A hundred thousand orders in one listing; the window of a reconciliation has to be cut smaller before that.
MAX_LIST_PAGES = 4000
# A probe asks for one id; a platform that takes longer than this does not work.
PROBE_TIMEOUT_S = 10.0
# A throttled read that does not say how long to wait is tried again after this: usage moves by the minute.
THROTTLED_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """One page of a listing, newest order first; an order that cannot be read is its own failure.

    `following` is the cursor of the next page, None on the last one.
    """

    orders: tuple[PlatformOrder | UnreadableOrder, ...]
    following: str | None = None


AdmittedShop = NewType("AdmittedShop", Shop)
"""A shop, with its current token, for which one call may go out; only `GraphClient.admit` makes one."""


class CallAdmission(Protocol):
    """Decides whether a call may go out for a shop, and learns from every answer."""

    def admit(self, shop: Shop, purpose: Purpose) -> Shop | Paused:
        """Return the shop with its current token when a call may go out now, or why it may not."""

    def learn(self, shop: Shop, reply: Reply, *, probe: bool) -> None:
        """Learn from the answer to one call, right after it came; never raises."""


class GraphClient:
    """The platform at one address. One per process, shared by its threads; built after any fork.

    Every call needs admission. A write takes two steps, because a paused command must not cost an attempt:
    `admit` returns the only value that `send` accepts, and the attempt is recorded in between. A read asks
    before each of its calls and raises `ReadPaused`. Only `probe` goes out without admission.
    """

    def __init__(
        self,
        base_url: str,
        version: str,
        app_secret: str | None,
        http: httpx.Client,
        *,
        admission: CallAdmission,
        clock: Callable[[], datetime],
    ) -> None:
        self._transport = Transport(base_url, version, app_secret, http)
        self._admission = admission
        self._clock = clock

    def admit(self, shop: Shop, purpose: Purpose = Purpose.COMMAND) -> AdmittedShop | Paused:
        """Return what `send` needs for one call of the shop, or why and until when the shop is paused.

        Raises:
            StoreUnavailable: the state of the shop's admission cannot be read.
        """
        admitted = self._admission.admit(shop, purpose)
        return admitted if isinstance(admitted, Paused) else AdmittedShop(admitted)

    def send(self, shop: AdmittedShop, request: WireRequest, *, timeout_s: float, kind: CommandKind) -> Reply:
        """Send a command's exact request once and return its outcome; network trouble is an Unknown."""
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
        """Ask for the shop's own id: the cheapest call that shows whether platform and token work."""
        path = f"/{quote(shop.id, safe='')}"
        return self._get(AdmittedShop(shop), path, {"fields": "id"}, timeout_s, probe=True)

    def read_order(self, shop: Shop, order_id: str, *, purpose: Purpose, timeout_s: float) -> PlatformOrder:
        """Return the order with all pages of all its edges; `timeout_s` is for each call of the read.

        Raises:
            OrderNotFound: the platform does not know it (code 100 with subcode 33, or 803).
            ReadPaused, ReadRefused, ReadFailed: see `failures`.
            UnreadableOrder: the platform's answer makes no sense.
            StoreUnavailable: the state of the shop's admission cannot be read.
        """
        reader = _Reader(shop=shop, purpose=purpose, timeout_s=timeout_s)
        reply = self._read(reader, f"/{quote(order_id, safe='')}", {"fields": ORDER_FIELDS})
        if isinstance(reply.outcome, Refused) and reply.outcome.code in NOT_FOUND:
            raise OrderNotFound(order_id, reply.outcome)
        return self._parsed(reader, _answer(reply, f"order {order_id}"))

    def list_orders(
        self,
        shop: Shop,
        *,
        states: Sequence[str],
        updated_after: datetime | None,
        purpose: Purpose,
        filters: Sequence[str] = (),
        after: str = "",
        timeout_s: float,
    ) -> Iterator[OrderPage]:
        """Yield every page of the shop's orders in these states, whole orders, all edges complete.

        An order that cannot be read is an `UnreadableOrder` in its page and stops nothing.

        `filters` are the platform's words, such as `has_refunds`; `after` is the cursor at which an earlier
        listing of the same orders stopped. A page is admitted and read when the caller asks for it, so a
        caller can stop between two pages; `timeout_s` is for each call.

        Raises:
            ReadPaused, ReadRefused, ReadFailed: see `failures`; also when the list exceeds 4000 pages.
            StoreUnavailable: the state of the shop's admission cannot be read.
        """
        reader = _Reader(shop=shop, purpose=purpose, timeout_s=timeout_s)
        what = f"the orders of shop {shop.id}"
        path = f"/{quote(shop.id, safe='')}/commerce_orders"
        params = {"state": ",".join(states), "fields": ORDER_FIELDS, "limit": str(LIST_PAGE)}
        if filters:
            params["filters"] = ",".join(filters)
        if updated_after is not None:
            params["updated_after"] = str(int(updated_after.timestamp()))
        for _ in range(MAX_LIST_PAGES):
            page = _answer(self._read(reader, path, params | ({"after": after} if after else {})), what)
            orders = tuple(self._order_or_failure(reader, raw) for raw in nodes_of(page, what))
            following = moved_cursor(after, page, what)
            yield OrderPage(orders=orders, following=following)
            if following is None:
                return
            after = following
        raise ReadFailed(what, Unknown(message=f"the list has more than {MAX_LIST_PAGES} pages"))

    def close(self) -> None:
        """Close the connections."""
        self._transport.http.close()

    def _read(self, reader: _Reader, path: str, params: Mapping[str, str]) -> Reply:
        """Make one call of a read once it is admitted.

        Raises:
            ReadPaused: admission does not let it through, or the platform throttles it.
        """
        admitted = self.admit(reader.shop, reader.purpose)
        if isinstance(admitted, Paused):
            raise ReadPaused(reader.shop.id, admitted.until, admitted.text)
        reply = self._get(admitted, path, params, reader.timeout_s)
        if isinstance(reply.outcome, Throttled):
            until = self._clock() + timedelta(seconds=reply.outcome.wait_s or THROTTLED_S)
            reason = f"the platform throttles it ({reply.outcome.cause}): {reply.outcome.message}"
            raise ReadPaused(reader.shop.id, until, reason)
        return reply

    def _get(
        self,
        shop: AdmittedShop,
        path: str,
        params: Mapping[str, str],
        timeout_s: float,
        *,
        probe: bool = False,
    ) -> Reply:
        call = Call(
            method="GET", path=path, params=params, body=None, access_token=shop.access_token, kind=None
        )
        return self._exchange(shop, call, timeout_s, probe=probe)

    def _exchange(self, shop: AdmittedShop, call: Call, timeout_s: float, *, probe: bool = False) -> Reply:
        reply = self._transport.exchange(call, timeout_s=timeout_s)
        self._admission.learn(shop, reply, probe=probe)
        return reply

    def _order_or_failure(self, reader: _Reader, raw: object) -> PlatformOrder | UnreadableOrder:
        if not isinstance(raw, dict):
            return UnreadableOrder("", "it is not a JSON object")
        try:
            return self._parsed(reader, raw)
        except UnreadableOrder as failure:
            return failure
        except (ReadRefused, ReadFailed) as failure:
            # One order whose further pages fail must not hide the others of its page.
            return UnreadableOrder(str(raw.get("id", "")), str(failure))

    def _parsed(self, reader: _Reader, raw: Mapping[str, Any]) -> PlatformOrder:
        def get(path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
            return _answer(self._read(reader, path, params), f"the list {path}")

        return parse_order(with_all_pages(raw, get), reader.shop.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """For whom a read is made, what for, and how long each of its calls may take."""

    shop: Shop
    purpose: Purpose
    timeout_s: float


def _answer(reply: Reply, what: str) -> Mapping[str, Any]:
    match reply.outcome:
        case Accepted(answer=answer):
            return answer
        case Refused() as refused:
            raise ReadRefused(what, refused)
        case Busy(code=code, message=message) | Throttled(code=code, message=message):
            raise ReadFailed(what, Unknown(message=f"{message} (code {code})"))
        case Unknown() as unknown:
            raise ReadFailed(what, unknown)
