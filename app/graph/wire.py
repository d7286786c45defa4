"""What a delivery says: its bytes taken apart into entries, each with its hints and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from app.domain.hints import EntryHint

if TYPE_CHECKING:
    from collections.abc import Callable

# The platform sends up to 1000 updates a delivery (Webhooks guide); the rest is room for a change of mind.
MAX_ENTRIES = 5000
# One entry that names more changes than a whole delivery may hold is taken as a hint at its account.
MAX_CHANGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry, the unit of de-duplication.

    `digest` is equal when, and only when, object, id, time and changes are: hex of a SHA-256 over canonical
    JSON. `identity` is `object:id`, with empty parts where they are absent. `unknown` says why the entry is
    kept for a person: `unknown_object`, `unknown_field` or `unknown_shape`; None when nothing is odd.
    `content` is the entry as canonical JSON (ASCII, keys sorted, exact integers, decimals as text).
    """

    hints: tuple[EntryHint, ...]
    digest: str
    identity: str
    unknown: str | None
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery's entries in their order, and its object word where it has one."""

    entries: tuple[Entry, ...]
    object: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Signed bytes that are no delivery, and why: to be quarantined, never dropped."""

    reason: str


def read_delivery(raw: bytes) -> Delivery | Unreadable:
    """Return the delivery in these bytes, or why there is none. Raises nothing, whatever the bytes are.

    Ids may be numbers of any size or text; `changes` may be missing, or be `changed_fields`; unknown
    objects, fields and shapes are entries like any other (Webhooks guide; Order best practices).
    """
    try:
        body = json.loads(
            raw.decode("utf-8-sig"),
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_float=str,
        )
        return _delivery(body)
    except UnicodeDecodeError:
        return Unreadable(reason="the body is not UTF-8")
    except json.JSONDecodeError as error:
        return Unreadable(reason=f"the body is not JSON: {error.msg} at character {error.pos}")
    except ValueError as error:
        return Unreadable(reason=f"the body is not sound JSON: {error}"[:200])
    except RecursionError:
        return Unreadable(reason="the body is nested too deeply")


# Meta publishes no commerce topic today; these are the words seen in its documents and in partners' code.
KNOWN_OBJECTS = frozenset({"commerce_account", "commerce_merchant_settings", "commerce_order", "page"})
KNOWN_FIELDS = frozenset(
    {
        "orders",
        "order",
        "commerce_order",
        "commerce_orders",
        "order_status",
        "shipments",
        "cancellations",
        "refunds",
        "returns",
    }
)

_ORDER_KEYS = ("order_id", "orderId", "commerce_order_id")
_ACCOUNT_KEYS = ("commerce_account_id", "commerce_merchant_settings_id", "cms_id")
# Platform ids are digits today and may change; these letters are safe in a path and in a key. An id of
# nothing but zeros is what the dashboard's test button sends.
_is_id = re.compile(r"(?!0+\Z)[A-Za-z0-9_-]{1,64}").fullmatch
_is_word = re.compile(r"[\x21-\x7e]{1,128}").fullmatch
# The year 2100 in Unix seconds: what claims to be later is no time.
_LATEST_S = 4_102_444_800
_NOTHING: dict[str, Any] = {}

# msgspec writes ASCII as json does, in a fifth of the time; what is not ASCII is left to json. What was read
# from text holds no circle, so none is looked for.
_sorted = msgspec.json.Encoder(order="sorted").encode
_escaped = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, check_circular=False
).encode


def _canonical(value: object) -> str:
    try:
        text = _sorted(value).decode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return _escaped(value)
    return text if text.isascii() else _escaped(value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Two readers could see two different orders in it.
        raise ValueError("a key stands twice in one object")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _delivery(body: object) -> Delivery | Unreadable:
    if not isinstance(body, dict):
        return Unreadable(reason="the body is not a JSON object")
    entries = body.get("entry")
    if not isinstance(entries, list):
        return Unreadable(reason="the body has no list of entries")
    if len(entries) > MAX_ENTRIES:
        return Unreadable(reason=f"the body has {len(entries)} entries; at most {MAX_ENTRIES} are read")
    word = _text(body.get("object"), _is_word)
    # Every digest begins with the delivery's object, so that one id under two objects is two entries.
    began = f"{_canonical(word)}\n"
    return Delivery(entries=tuple(_entry(word, began, raw) for raw in entries), object=word)


def _entry(word: str | None, began: str, raw: object) -> Entry:
    members: dict[str, Any] = raw if isinstance(raw, dict) else {}
    given = members.get("id")
    entry_id = _text(given, _is_word) or ""
    content = _canonical(members | {"id": entry_id} if entry_id and entry_id is not given else raw)
    named, unknown = _read(word, members)
    whole = _account(word, entry_id)
    hints = [
        EntryHint(
            object=word or "",
            entry_id=entry_id,
            order_id=order_id,
            account_id=account_id or whole,
            updated_s=updated_s,
            state=state,
            event=event,
        )
        for order_id, account_id, updated_s, state, event in named
    ]
    return Entry(
        hints=tuple(dict.fromkeys(hints)) if len(hints) > 1 else tuple(hints),
        digest=hashlib.sha256((began + content).encode()).hexdigest(),
        identity=f"{word or ''}:{entry_id}",
        unknown=unknown,
        content=content,
    )


# The order and the account one change names, how new the order is and what happened, where it names them.
_Named = tuple[str | None, str | None, int | None, str | None, str | None]
_NO_NAMES: _Named = (None, None, None, None, None)


def _read(word: str | None, members: dict[str, Any]) -> tuple[list[_Named], str | None]:
    """Return what the entry's changes name, at least one thing, and what is unknown about it."""
    own = _text(members.get("id"), _is_id) if word == "commerce_order" else None
    oddity = _oddity(word, members)
    changes = members.get("changes")
    if not isinstance(changes, list) or not 0 < len(changes) <= MAX_CHANGES:
        return [(own, *_NO_NAMES[1:])], oddity or "unknown_shape"
    found: list[_Named] = []
    for change in changes:
        odd, named = _change(change)
        found.append(named if named[0] or own is None else (own, *named[1:]))
        oddity = oddity or odd
    return found, oddity


def _oddity(word: str | None, members: dict[str, Any]) -> str | None:
    if word not in KNOWN_OBJECTS:
        return "unknown_object"
    return None if type(members.get("time")) is int and "id" in members else "unknown_shape"


def _change(change: object) -> tuple[str | None, _Named]:
    """Return what is odd about one change, and what it names."""
    if not isinstance(change, dict):
        return "unknown_shape", _NO_NAMES
    value = change.get("value", _NOTHING)
    if not isinstance(value, dict):
        return "unknown_shape", _NO_NAMES
    field = change.get("field")
    odd = None if isinstance(field, str) and field in KNOWN_FIELDS else "unknown_field"
    order_id = _first(value, _ORDER_KEYS)
    if order_id is None and "order" in value:
        order = value["order"]
        order_id = _text(order.get("id") if isinstance(order, dict) else order, _is_id)
    updated_s, state = value.get("updated_time"), value.get("state")
    if type(updated_s) is not int or not 0 < updated_s < _LATEST_S:
        updated_s = None
    event = _text(value.get("event"), _is_word)
    return odd, (order_id, _first(value, _ACCOUNT_KEYS), updated_s, _text(state, _is_word), event)


def _first(value: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        if key in value:
            found = _text(value[key], _is_id)
            if found is not None:
                return found
    return None


def _account(word: str | None, entry_id: str) -> str | None:
    if word == "commerce_order" or not _is_id(entry_id):
        return None
    return entry_id


def _text(value: object, allowed: Callable[[str], object]) -> str | None:
    if type(value) is int:  # JSON makes exactly this type of numbers, and true is of another
        value = str(value)
    return value if isinstance(value, str) and allowed(value) else None
