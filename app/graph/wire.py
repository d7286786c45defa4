"""What a delivery says: its bytes taken apart into entries, each with its hints and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from app.domain.hints import EntryHint

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_ID = re.compile(r"(?!0+\Z)[A-Za-z0-9_-]{1,64}")
_WORD = re.compile(r"[\x21-\x7e]{1,128}")


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
    word = _text(body.get("object"), _WORD)
    return Delivery(entries=tuple(_entry(word, raw) for raw in entries), object=word)


def _entry(word: str | None, raw: object) -> Entry:
    members: dict[str, Any] = raw if isinstance(raw, dict) else {}
    entry_id = _text(members.get("id"), _WORD) or ""
    content = _canonical(members | {"id": entry_id} if entry_id else raw)
    named, unknown = _read(word, members)
    hints = dict.fromkeys(
        EntryHint(
            object=word or "",
            entry_id=entry_id,
            order_id=order_id,
            account_id=account_id or _account(word, entry_id),
        )
        for order_id, account_id in named
    )
    return Entry(
        hints=tuple(hints),
        digest=hashlib.sha256(f"{_canonical(word)}\n{content}".encode()).hexdigest(),
        identity=f"{word or ''}:{entry_id}",
        unknown=unknown,
        content=content,
    )


# The order and the account one change names, where it names them.
_Named = tuple[str | None, str | None]


def _read(word: str | None, members: dict[str, Any]) -> tuple[list[_Named], str | None]:
    """Return the (order id, account id) pairs the entry names, at least one, and what is unknown about it."""
    own = _text(members.get("id"), _ID) if word == "commerce_order" else None
    changes = members.get("changes")
    if not isinstance(changes, list) or not 0 < len(changes) <= MAX_CHANGES:
        return [(own, None)], _oddity(word, members) or "unknown_shape"
    named = [_named(change.get("value")) if isinstance(change, dict) else (None, None) for change in changes]
    pairs = [(order_id or own, account_id) for order_id, account_id in named]
    return pairs, _oddity(word, members) or next(_odd_changes(changes), None)


def _oddity(word: str | None, members: dict[str, Any]) -> str | None:
    if word not in KNOWN_OBJECTS:
        return "unknown_object"
    time = members.get("time")
    if isinstance(time, bool) or not isinstance(time, int) or "id" not in members:
        return "unknown_shape"
    return None


def _odd_changes(changes: list[Any]) -> Iterator[str]:
    for change in changes:
        if not isinstance(change, dict) or not isinstance(change.get("value", {}), dict):
            yield "unknown_shape"
        elif _text(change.get("field"), _WORD) not in KNOWN_FIELDS:
            yield "unknown_field"


def _named(value: object) -> _Named:
    if not isinstance(value, dict):
        return None, None
    order = value.get("order")
    nested = order.get("id") if isinstance(order, dict) else order
    orders = (_text(part, _ID) for part in (*(value.get(key) for key in _ORDER_KEYS), nested))
    accounts = (_text(value.get(key), _ID) for key in _ACCOUNT_KEYS)
    return next(filter(None, orders), None), next(filter(None, accounts), None)


def _account(word: str | None, entry_id: str) -> str | None:
    if word == "commerce_order" or not _ID.fullmatch(entry_id):
        return None
    return entry_id


def _text(value: object, allowed: re.Pattern[str]) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and allowed.fullmatch(value) else None


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
