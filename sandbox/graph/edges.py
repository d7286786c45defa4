"""The routing table of the Graph API: which method on which edge of which node does what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.errors import invalid, missing_object
from sandbox.ledger.model import Order, Shop
from sandbox.rules import assumed, documented
from sandbox.world import World

from . import reads, writes
from .call import Route

NodeKind = Literal["order", "cms", "page"]
_NAMES: dict[NodeKind, str] = {"order": "CommerceOrder", "cms": "CommerceMerchantSettings", "page": "Page"}
_ORDER_EDGES = ("items", "payments", "promotion_details", "shipments", "cancellations", "refunds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What a method on an edge does, and whether it needs an idempotency key."""

    act: Callable[..., dict[str, Any]]
    keyed: bool = False


EDGES: dict[tuple[str, NodeKind, str], Edge] = {
    ("GET", "order", ""): Edge(act=reads.read_order),
    **{("GET", "order", edge): Edge(act=reads.read_order_edge) for edge in _ORDER_EDGES},
    ("GET", "cms", ""): Edge(act=reads.read_cms),
    ("GET", "cms", "commerce_orders"): Edge(act=reads.list_orders),
    ("GET", "cms", "order_management_apps"): Edge(act=reads.read_apps),
    ("GET", "page", ""): Edge(act=reads.read_page),
    ("GET", "page", "commerce_orders"): Edge(act=reads.list_orders),
    ("GET", "page", "commerce_merchant_settings"): Edge(act=reads.read_page_settings),
    ("POST", "order", "acknowledge_order"): Edge(act=writes.acknowledge_one, keyed=True),
    ("POST", "cms", "acknowledge_orders"): Edge(act=writes.acknowledge_many, keyed=True),
    ("POST", "page", "acknowledge_orders"): Edge(act=writes.acknowledge_many, keyed=True),
    ("POST", "order", "shipments"): Edge(act=writes.add_shipment, keyed=True),
    ("POST", "order", "update_shipment"): Edge(act=writes.change_tracking, keyed=True),
    ("POST", "order", "cancellations"): Edge(act=writes.add_cancellation, keyed=True),
    ("POST", "order", "refunds"): Edge(act=writes.add_refund, keyed=True),
    ("POST", "cms", "order_management_apps"): Edge(act=writes.associate_app),
    ("DELETE", "cms", "order_management_apps"): Edge(act=writes.dissociate_app),
}
_KEYED_EDGES = frozenset(edge for (_, _, edge), found in EDGES.items() if found.keyed)


@documented(
    "A key is required on acknowledge(s), shipments, update_shipment, cancellations, refunds only",
    source="SPEC",
)
def needs_key(method: str, edge: str) -> bool:
    """Return whether a call on this edge needs an idempotency key, whatever its node."""
    return method == "POST" and edge in _KEYED_EDGES


@documented(
    "An id decides the node type; an edge it does not have is an error",
    source="Graph API; code 100 is assumed",
)
def find_edge(method: str, kind: NodeKind, route: Route) -> Edge:
    """Return what the call means on a node of this kind.

    Raises:
        RefusedError: a node of this kind has no such edge, or not with this method (code 100).
    """
    edge = EDGES.get((method, kind, route.edge)) if not route.rest else None
    if edge is not None:
        return edge
    if method == "GET":
        raise invalid(
            f"Tried accessing nonexisting field ({route.edge or route.rest}) on node type ({_NAMES[kind]})"
        )
    raise invalid(
        f"Unsupported {method.lower()} request: {_NAMES[kind]} has no {route.edge or 'such'} edge for it"
    )


@assumed(
    "A shop's token sees the shop, its Page, its orders, and nothing of other shops",
    why="tokens act as one Page",
)
def find_node(world: World, shop: Shop, method: str, route: Route) -> tuple[NodeKind, Order | Shop]:
    """Return the node with the call's id, seen with the shop's token.

    Raises:
        RefusedError: the id is unknown or foreign (code 100, subcode 33).
    """
    if route.node in {"me", shop.page_id}:
        return "page", shop
    if route.node == shop.cms_id:
        return "cms", shop
    order = world.order_of(shop, route.node)
    if order is None:
        raise missing_object(route.node, verb=method.lower())
    return "order", order
