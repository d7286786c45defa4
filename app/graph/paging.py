"""Lists that come in pages: where the next page is, and all pages of an order's edges gathered into one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from app.domain.outcomes import Unknown
from app.graph.failures import ReadFailed
from app.graph.orders import EDGE_PAGE, EDGES, LINE_FIELDS

# Reads one path with its parameters; raises the room's GraphError.
Get = Callable[[str, Mapping[str, str]], Mapping[str, Any]]

# Pages of one edge of one order: 40 of 25 or more are a thousand lines, beyond any order of a consumer.
MAX_EDGE_PAGES = 40


def next_cursor(page: Mapping[str, Any], what: str) -> str | None:
    """Return the cursor of the page after this one, None on the last one.

    Only a missing `next` ends a list: a page may be short or empty and still have one. The `next` address
    itself is never followed, because it carries the access token (Graph API, Paginated Results).

    Raises:
        ReadFailed: more is announced, but no cursor leads there.
    """
    paging = page.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    if isinstance(after, str) and after:
        return after
    raise ReadFailed(what, Unknown(message="a page says that more follow, but gives no cursor to them"))


def nodes_of(page: object, what: str) -> list[Any]:
    """Return the nodes of a page.

    Raises:
        ReadFailed: there is no list of nodes; taken for an empty one it would hide what is in it.
    """
    data = page.get("data") if isinstance(page, dict) else page
    if isinstance(data, list):
        return data
    raise ReadFailed(what, Unknown(message="a list came without its nodes"))


def with_all_pages(order: Mapping[str, Any], get: Get) -> dict[str, Any]:
    """Return the order with every page of its edges in place, and of the lines inside these edges.

    Raises:
        GraphError: a further page could not be read, or there are more than `MAX_EDGE_PAGES`.
    """
    whole = dict(order)
    order_id = quote(str(order.get("id", "")), safe="")
    for edge, fields in EDGES.items():
        if edge not in whole:
            continue
        nodes = _gathered(whole[edge], f"/{order_id}/{edge}", fields, get)
        if edge in LINE_FIELDS:
            nodes = [_with_all_lines(node, LINE_FIELDS[edge], get) for node in nodes]
        whole[edge] = {"data": nodes}
    return whole


def _with_all_lines(node: object, fields: str, get: Get) -> object:
    if not isinstance(node, dict) or "items" not in node:
        return node
    path = f"/{quote(str(node.get('id', '')), safe='')}/items"
    return node | {"items": {"data": _gathered(node["items"], path, fields, get)}}


def _gathered(first: object, path: str, fields: str, get: Get) -> list[Any]:
    what = f"the list {path}"
    nodes = list(nodes_of(first, what))
    after = next_cursor(first, what) if isinstance(first, dict) else None
    for _ in range(MAX_EDGE_PAGES):
        if after is None:
            return nodes
        page = get(path, {"fields": fields, "limit": str(EDGE_PAGE), "after": after})
        nodes += nodes_of(page, what)
        after = moved_cursor(after, page, what)
    if after is None:
        return nodes
    raise ReadFailed(what, Unknown(message=f"it has more than {MAX_EDGE_PAGES} pages"))


def moved_cursor(before: str, page: Mapping[str, Any], what: str) -> str | None:
    """Return the next cursor like `next_cursor`, and refuse one that leads to the same page again.

    Raises:
        ReadFailed: the list turns in a circle, or gives no cursor.
    """
    after = next_cursor(page, what)
    if after == before:
        raise ReadFailed(what, Unknown(message="its pages turn in a circle"))
    return after
