"""Node types, and how a record of the ledger is shown as a node: defaults, selected fields, nested edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.errors import invalid
from sandbox.rules import assumed, documented

from .fields import Selected, write_fields
from .paging import envelope, page_of, window


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Context of a response: the moment, the URL of the API, the token that pages repeat."""

    now: datetime
    base_url: str
    token: str
    status_as_text: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a node: how it is read, whether it is a default, and what it is a node or an edge of."""

    read: Callable[[View, Any], Any]
    default: bool = False
    of: NodeType | None = None
    edge: bool = False  # a list of nodes with a page of its own
    wrapped: bool = False  # a list of nodes as {"data": […]}, without a page


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeType:
    """A kind of node: its name in messages, and its fields by name."""

    name: str
    fields: Mapping[str, Field]


def plain(
    name: str, *defaults: str, more: tuple[str, ...] = (), nodes: Mapping[str, NodeType] | None = None
) -> NodeType:
    """Return a node type over a dict: its default keys, those shown only when asked, and which are nodes."""
    inner = nodes or {}
    fields = {
        key: Field(read=_key(key), default=key in defaults, of=inner.get(key)) for key in (*defaults, *more)
    }
    return NodeType(name=name, fields=fields)


def absent() -> Field:
    """Return a field that exists on the platform and never has a value here; its shape is not published."""
    return Field(read=lambda _, __: None)


@documented(
    "`fields` replaces the defaults; id always comes; a field without value is left out",
    source="Using the API",
)
def show(node: NodeType, thing: Any, selected: tuple[Selected, ...] | None, view: View) -> dict[str, Any]:
    """Return the thing as a node of its type.

    Raises:
        RefusedError: a selected field does not exist on the node (code 100).
    """
    if selected is None:
        chosen = [Selected(name=name) for name, field in node.fields.items() if field.default]
    else:
        chosen = list(selected)
        if "id" in node.fields and not any(pick.name == "id" for pick in selected):
            chosen.append(Selected(name="id"))
    shown = {pick.name: _value(node, thing, pick, view) for pick in chosen}
    return {name: value for name, value in shown.items() if value is not None and value not in ("", [], {})}


def show_edge(
    field: Field, name: str, owner: Any, asked: Selected, view: View, *, most: int | None = None
) -> dict[str, Any]:
    """Return one page of an edge of `owner`, with the URLs of its neighbors."""
    node = _node_of(field)
    list_id = f"{owner.id}/{name}"
    bounds = {} if most is None else {"most": most}
    wanted = window(list_id, limit=asked.limit, after=asked.after, before=asked.before, **bounds)
    entries: Sequence[Any] = field.read(view, owner) or ()
    page = page_of(entries, wanted)
    data = [show(node, entry, asked.inner, view) for entry in page.entries]
    params = {"access_token": view.token}
    if asked.inner is not None:
        params["fields"] = write_fields(asked.inner)
    url = f"{view.base_url}/{owner.id}/{name}"
    return envelope(page, data, list_id=list_id, url=url, params=params, limit=wanted.limit)


@assumed("An unknown field is code 100: Tried accessing nonexisting field", why="Graph API practice")
def field_of(node: NodeType, name: str) -> Field:
    """Return the field with this name.

    Raises:
        RefusedError: the node has no such field (code 100).
    """
    field = node.fields.get(name)
    if field is None:
        raise invalid(f"Tried accessing nonexisting field ({name}) on node type ({node.name})")
    return field


@assumed(
    "An empty nested edge is left out, an empty list read by itself is {data: []}",
    why="docs samples omit empty keys",
)
def _value(node: NodeType, thing: Any, pick: Selected, view: View) -> Any:
    field = field_of(node, pick.name)
    if field.edge:
        page = show_edge(field, pick.name, thing, pick, view)
        return page if page["data"] or "paging" in page else None
    value = field.read(view, thing)
    if value is None or (field.of is None and pick.inner is None):
        return value
    inner = _node_of(field, asked=pick.name)
    if field.wrapped:
        shown = [show(inner, entry, pick.inner, view) for entry in value]
        return {"data": shown} if shown else None
    return show(inner, value, pick.inner, view)


def _node_of(field: Field, asked: str = "") -> NodeType:
    if field.of is None:
        raise invalid(f"Subfields are not supported by {asked}")
    return field.of


def _key(key: str) -> Callable[[View, Any], Any]:
    def read(view: View, thing: Any) -> Any:
        del view
        return thing.get(key)

    return read
