"""What a delivery says: its bytes taken apart into entries, each with its hints and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

from app.domain.entries import Entry, EntryEvent, EntryHint

# The platform sends up to 1000 updates a delivery (Webhooks guide); the rest is room for a change of mind.
MAX_ENTRIES = 5000
# The event of an entry that announces an acknowledgement, in the sandbox's word; Meta's is not public.
_ACKNOWLEDGED = "ORDER_ACKNOWLEDGED"
# One entry that names more changes than a whole delivery may hold is taken as a hint at its account.
MAX_CHANGES = 1000


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

# Platform ids are digits today and may change; these letters are safe in a path and in a key. An id of
# nothing but zeros is what the dashboard's test button sends.
_is_id = re.compile(r"(?!0+\Z)[A-Za-z0-9_-]{1,64}").fullmatch
_is_word = re.compile(r"[\x21-\x7e]{1,128}").fullmatch
# The year 2100 in Unix seconds: what claims to be later is no time.
_LATEST_S = 4_102_444_800

# msgspec writes ASCII as json does, in a fifth of the time, except that json escapes DEL. What has DEL or is
# not ASCII is left to json. What was read from text holds no circle, so none is looked for.
_sorted = msgspec.json.Encoder(order="sorted").encode
_escaped = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, check_circular=False
).encode


def _canonical(value: object) -> str:
    try:
        text = _sorted(value).decode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return _escaped(value)
    return text if text.isascii() and "\x7f" not in text else _escaped(value)


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
    word = _word(body.get("object"))
    # Every digest begins with the delivery's object, so that one id under two objects is two entries.
    began = f"{_canonical(word)}\n"
    return Delivery(entries=tuple([_entry(word, began, raw) for raw in entries]), object=word)


def _entry(word: str | None, began: str, raw: object) -> Entry:
    members: dict[str, Any] = raw if isinstance(raw, dict) else {}
    given = members.get("id")
    entry_id = _word(given) or ""
    content = _canonical(members | {"id": entry_id} if entry_id and entry_id is not given else raw)
    digest = hashlib.sha256((began + content).encode()).hexdigest()
    is_order = word == "commerce_order"
    hints, odd = _hints(members.get("changes"), entry_id if is_order else "", "" if is_order else entry_id)
    return Entry(digest, f"{word or ''}:{entry_id}", hints, _oddity(word, members) or odd, content)


def _oddity(word: str | None, members: dict[str, Any]) -> str | None:
    if word not in KNOWN_OBJECTS:
        return "unknown_object"
    return None if type(members.get("time")) is int and "id" in members else "unknown_shape"


def _hints(changes: object, order_id: str, account_id: str) -> tuple[tuple[EntryHint, ...], str | None]:
    """Return what the changes hint at, at least one thing, and what is odd about the first odd one."""
    if not isinstance(changes, list) or not 0 < len(changes) <= MAX_CHANGES:
        changes = [None]
    hints: list[EntryHint] = []
    first_odd = None
    for change in changes:
        hint, odd = _change(change, order_id, account_id)
        hints.append(hint)
        first_odd = first_odd or odd
    return tuple(hints if len(hints) == 1 else dict.fromkeys(hints)), first_odd


def _change(change: object, order_id: str, account_id: str) -> tuple[EntryHint, str | None]:
    """Return what a change hints at, by one of these ids where it names nothing itself, and what is odd."""
    value = change.get("value") if isinstance(change, dict) else None
    if not isinstance(change, dict) or not isinstance(value, dict):
        return EntryHint(_id(order_id), _id(account_id)), "unknown_shape"
    named, field = value.get, change.get("field")
    updated_s, order = named("updated_time"), named("order")
    hint = EntryHint(
        _id(named("order_id"))
        or _id(named("orderId"))
        or _id(named("commerce_order_id"))
        or _id(order.get("id") if isinstance(order, dict) else order)
        or _id(order_id),
        _id(named("commerce_account_id"))
        or _id(named("commerce_merchant_settings_id"))
        or _id(named("cms_id"))
        or _id(account_id),
        updated_s if type(updated_s) is int and 0 < updated_s < _LATEST_S else None,
        _word(named("state")),
        EntryEvent.ACKNOWLEDGED if named("event") == _ACKNOWLEDGED else None,
    )
    return hint, None if isinstance(field, str) and field in KNOWN_FIELDS else "unknown_field"


def _id(value: object) -> str | None:
    text = str(value) if type(value) is int else value  # JSON makes exactly this type of numbers
    return text if isinstance(text, str) and _is_id(text) else None


def _word(value: object) -> str | None:
    text = str(value) if type(value) is int else value
    return text if isinstance(text, str) and _is_word(text) else None
