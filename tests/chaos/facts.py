"""What the judge looks at, gathered when all is over; plain values, so that tests can invent them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
UNANSWERED = "unanswered"  # the refusal of an ask that never got an answer that stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One thing the OMS wanted done once. `mark` is unique and travels to the platform inside the request.

    `command_ids` are those of every 2xx answer; `refusal` the problem code that ended it, UNANSWERED, or
    None; `unexpected` an answer that no good service gives, such as a 500 that stays.
    """

    mark: str
    kind: str
    order_id: str
    command_ids: tuple[str, ...] = ()
    refusal: str | None = None
    unexpected: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook body: how many entries it had, and what the answers to it said.

    `accepted` counts entries over all its 200 answers; `found_new` those that a last copy, sent when all was
    over, found to be new although the webhook had been answered 200 before.
    """

    number: int
    order_ids: tuple[str, ...]
    entries: int
    acknowledged: bool
    accepted: int
    found_new: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Both sides when all is over.

    `commands` and `ours` as the REST routes show them, `effects`, `writes` and `theirs` as the sandbox does;
    `timelines` what happened, by order; `stuck` the lanes that did not move when a harmless command was
    put at their end, with what was seen; `undone` what the metrics say still waits, by name.
    """

    asks: Sequence[Ask] = ()
    deliveries: Sequence[Delivery] = ()
    commands: Sequence[Json] = ()
    effects: Sequence[Json] = ()
    writes: Sequence[Json] = ()
    ours: Mapping[str, Json] = field(default_factory=dict)
    theirs: Mapping[str, Json] = field(default_factory=dict)
    timelines: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    stuck: Mapping[str, str] = field(default_factory=dict)
    undone: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault found: by which check, on which order, and what was seen."""

    check: str
    order_id: str | None
    detail: str


def ask_mark(kind: str, request: Json) -> str | None:
    """Return the mark inside a request, in the words of our REST routes or of the platform."""
    match kind:
        case "ship" | "update_tracking":
            tracking = _mapping(request.get("tracking") or request.get("tracking_info"))
            return tracking.get("tracking_number")
        case "cancel":
            reason = _mapping(request.get("cancel_reason"))
            return request.get("reason_description") or reason.get("reason_description")
        case "refund":
            return request.get("reason_text")
    return None


def _mapping(value: Any) -> Json:
    # The platform's journal shows a map as it came: as a map, or as JSON text in a form field.
    if isinstance(value, str):
        value = json.loads(value)
    return value if isinstance(value, dict) else {}
