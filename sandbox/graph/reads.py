"""The reads: an order, its edges, a shop's orders, the shop itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sandbox.errors import invalid
from sandbox.ledger.model import Order, Shop, State
from sandbox.rules import assumed, documented

from . import coerce
from .call import Call
from .fields import Selected, parse_fields
from .nodes import ORDER
from .paging import MAX_ORDERS_LIMIT, Page, Window, envelope, window
from .schema import field_of, show, show_edge
from .shops import APP, APP_ID, CMS, PAGE, app_node

_ABOVE_ALL = 1 << 62  # a place of the book that no order reaches
_FILTERS: dict[str, Callable[[Order], bool]] = {
    "NO_SHIPMENTS": lambda order: order.open > 0,
    "HAS_FULFILLMENTS": lambda order: order.shipped > 0,
    "HAS_CANCELLATIONS": lambda order: order.cancelled > 0,
    "NO_CANCELLATIONS": lambda order: order.cancelled == 0,
    "HAS_REFUNDS": lambda order: bool(order.refunds),
    "NO_REFUNDS": lambda order: not order.refunds,
}


def read_order(call: Call, order: Order) -> dict[str, Any]:
    """``GET /{order-id}``."""
    return show(ORDER, order, parse_fields(call.params.get("fields")), call.view)


def read_order_edge(call: Call, order: Order) -> dict[str, Any]:
    """``GET /{order-id}/items`` and every other edge of an order."""
    limit = call.params.get("limit")
    asked = Selected(
        name=call.route.edge,
        inner=parse_fields(call.params.get("fields")),
        limit=None if limit in (None, "") else coerce.integer(limit, "limit"),
        after=coerce.text(call.params, "after"),
        before=coerce.text(call.params, "before"),
    )
    return show_edge(field_of(ORDER, call.route.edge), call.route.edge, order, asked, call.view)


@documented(
    "A list without state shows CREATED orders; states are OR, filters AND", source="Order API reference"
)
@assumed(
    "Orders are listed by their last change, newest first",
    why="every sample is; cursors stay true while states change",
)
def list_orders(call: Call, shop: Shop) -> dict[str, Any]:
    """``GET /{cms-id|page-id}/commerce_orders``."""
    params = call.params
    states = _states(coerce.words(params, "state"))
    tests = [_filter(word) for word in coerce.words(params, "filters")]
    list_id = f"{call.route.node}/commerce_orders"
    asked = window(
        list_id,
        limit=params.get("limit"),
        after=params.get("after"),
        before=params.get("before"),
        most=MAX_ORDERS_LIMIT,
    )
    unwalked = asked.after is None and asked.before is None
    if unwalked and call.world.settings.empty_first_page:
        page = Page(entries=(), first=_ABOVE_ALL, last=_ABOVE_ALL, more_after=True)
    else:
        page = _page(call, shop, states, tests, asked)
    fields = parse_fields(params.get("fields"))
    data = [show(ORDER, order, fields, call.view) for order in page.entries]
    return envelope(
        page,
        data,
        list_id=list_id,
        url=f"{call.view.base_url}/{list_id}",
        params={"access_token": call.view.token, **_repeated(params)},
        limit=asked.limit,
    )


def read_cms(call: Call, shop: Shop) -> dict[str, Any]:
    """``GET /{cms-id}``."""
    return show(CMS, shop, parse_fields(call.params.get("fields")), call.view)


def read_page(call: Call, shop: Shop) -> dict[str, Any]:
    """``GET /{page-id}``, also as ``/me``: the API acts as the Page."""
    return show(PAGE, shop, parse_fields(call.params.get("fields")), call.view)


def read_page_settings(call: Call, shop: Shop) -> dict[str, Any]:
    """``GET /{page-id}/commerce_merchant_settings``."""
    return {"data": [show(CMS, shop, parse_fields(call.params.get("fields")), call.view)]}


@documented("GET order_management_apps lists Application nodes", source="SDK")
def read_apps(call: Call, shop: Shop) -> dict[str, Any]:
    """``GET /{cms-id}/order_management_apps``."""
    del shop
    apps = {"ours": [app_node(APP_ID, "Sandbox app")], "other": [app_node("600000000000099", "Another app")]}
    fields = parse_fields(call.params.get("fields"))
    return {
        "data": [show(APP, app, fields, call.view) for app in apps.get(call.world.settings.managing_app, [])]
    }


def _states(words: list[str]) -> list[State]:
    unknown = [word for word in words if word not in State.__members__]
    if unknown:
        raise invalid(f"Param state must be one of {', '.join(State)}, not {unknown[0]}")
    return [State(word) for word in words] or [State.CREATED]


@documented("Filters come in lower and upper case", source="docs and connectors; SDK enum")
@documented("no_shipments means: has line items not shipped yet", source="Order API reference")
def _filter(word: str) -> Callable[[Order], bool]:
    if word not in _FILTERS:
        raise invalid(f"Param filters must be of {', '.join(_FILTERS)}, not {word}")
    return _FILTERS[word]


@assumed(
    "updated_after and updated_before are inclusive, in whole seconds, on last_updated",
    why="not published; the docs advise an overlap",
)
def _page(
    call: Call, shop: Shop, states: list[State], tests: list[Callable[[Order], bool]], asked: Window
) -> Page:
    book, params = call.world.book, call.params
    since, until = _seconds(params, "updated_after"), _seconds(params, "updated_before")

    def fitting(walk: Iterable[tuple[int, Order]], *, backwards: bool) -> Iterator[tuple[int, Order]]:
        for place, order in walk:
            updated = int(order.updated_at.timestamp())
            if backwards and since is not None and updated < since:
                return
            timely = (since is None or updated >= since) and (until is None or updated <= until)
            if timely and order.listed and all(test(order) for test in tests):
                yield place, order

    def older(than: int | None) -> Iterator[tuple[int, Order]]:
        return fitting(book.newest_first(shop.cms_id, states, below=than, not_after_s=until), backwards=True)

    def newer(than: int) -> Iterator[tuple[int, Order]]:
        return fitting(book.oldest_first(shop.cms_id, states, above=than), backwards=False)

    if asked.before is not None:
        found = list(_first(newer(asked.before), asked.limit))[::-1]
    else:
        found = list(_first(older(asked.after), asked.limit))
    if not found:
        return Page(entries=())
    first, last = found[0][0], found[-1][0]
    return Page(
        entries=[order for _, order in found],
        first=first,
        last=last,
        more_after=any(True for _ in older(last)),
        more_before=(asked.after is not None or asked.before is not None) and any(True for _ in newer(first)),
    )


def _first(walk: Iterator[tuple[int, Order]], most: int) -> Iterator[tuple[int, Order]]:
    for _, found in zip(range(most), walk, strict=False):
        yield found


@documented("updated_after and updated_before are Unix seconds", source="Order API reference")
def _seconds(params: dict[str, Any], name: str) -> int | None:
    value = params.get(name)
    return None if value in (None, "") else coerce.integer(str(value).strip("\"'"), name)


def _repeated(params: dict[str, Any]) -> dict[str, str]:
    """Return what `next` repeats of the request, as it was sent."""
    names = ("state", "filters", "updated_after", "updated_before", "fields")
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name in names
        if (value := params.get(name)) not in (None, "")
    }
