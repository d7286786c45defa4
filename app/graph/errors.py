"""What an answer of the platform comes to: the table of its error codes, and how an answer is read by it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Any, NoReturn

from app.domain.commands import CommandKind
from app.domain.outcomes import Accepted, Busy, Outcome, Refused, ThrottleCause, Throttled, Unknown
from app.graph.usage import read_usage

# Enough for every text the platform is known to send; a longer one is cut, because it is stored and shown.
MAX_MESSAGE = 500


class Treatment(Enum):
    """What a code means for the attempt that got it."""

    REFUSED = auto()
    BUSY = auto()
    USAGE = auto()
    TOKEN = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One code. `done_for` names the kinds of command for which the code says that it has happened."""

    code: int
    meaning: str
    treatment: Treatment
    source: str
    done_for: frozenset[CommandKind] = frozenset()


def outcome_of(status: int, headers: Mapping[str, str], body: bytes, *, kind: CommandKind | None) -> Outcome:
    """Return what this answer comes to; `kind` is None for a read.

    The body decides, never the status alone: an `error` counts in a 200 too, its subcode is read before its
    code (Commerce Error Codes; Graph API, Handle Errors). What cannot be read, or says nothing of success, is
    Unknown, and so is a 5xx unless a code proves that nothing was executed. Decimals in the answer are exact.
    """
    answer = _parsed(body)
    if answer is None:
        return Unknown(message=f"HTTP {status} with a body that is no JSON object: {_shown(body)}")
    error = answer.get("error")
    if isinstance(error, dict):
        return _outcome_of_error(status, headers, error, kind)
    if error is not None or not _is_success(status):
        return Unknown(message=f"HTTP {status} without a readable error: {_shown(body)}")
    if kind is not None and not _says_done(answer):
        return Unknown(message=f"HTTP {status} that does not say the change was made: {_shown(body)}")
    return Accepted(answer=answer)


def outcome_of_entry(entry: Mapping[str, Any]) -> Outcome:
    """Return what one entry of a bulk acknowledgement's answer comes to.

    An entry carries `state`, or `error{error_code, error_message}` (Acknowledgement API reference).
    """
    error = entry.get("error")
    if isinstance(error, dict):
        named = {
            "code": error.get("error_code", error.get("code")),
            "error_subcode": error.get("error_subcode"),
        }
        named["message"] = error.get("error_message", error.get("message"))
        return _outcome_of_error(_OK, {}, named, CommandKind.ACKNOWLEDGE)
    if error is not None or not isinstance(entry.get("state"), str):
        return Unknown(message="The platform's answer for this order in the batch says nothing of its state.")
    return Accepted(answer=entry)


_OK = 200
_SERVER_ERRORS = 500


def _is_success(status: int) -> bool:
    return _OK <= status < _OK + 100


def _says_done(answer: Mapping[str, Any]) -> bool:
    if "success" in answer:
        return answer["success"] in (True, "true")
    return any(key in answer for key in ("id", "state", "orders"))


def _outcome_of_error(
    status: int, headers: Mapping[str, str], error: Mapping[str, Any], kind: CommandKind | None
) -> Outcome:
    code, subcode = _integer(error.get("code")), _integer(error.get("error_subcode"))
    message = _message(error)
    commerce = _COMMERCE.get(subcode) or _COMMERCE.get(code)
    row = commerce or _general(code)
    treatment = row.treatment if row else Treatment.REFUSED
    if treatment is Treatment.REFUSED and not commerce and _uncertain(status, error):
        treatment = Treatment.UNKNOWN
    if treatment is Treatment.UNKNOWN:
        return Unknown(message=f"HTTP {status}, code {code}: {message}")
    # An unheard-of subcode says more than the general code it came with, and nobody here knows what.
    known = row is not None and (commerce is not None or subcode == 0)
    named = commerce.code if commerce else (subcode if subcode and not known else code)
    if treatment is Treatment.BUSY:
        return Busy(code=named, message=message, payment_pending=named == _PAYMENT_PENDING)
    if treatment is Treatment.REFUSED:
        done = row is not None and kind in row.done_for
        return Refused(
            code=named,
            message=message,
            already_done=done,
            already_refunded=named in _ALREADY_REFUNDED,
            not_created=named == _NOT_CREATED,
            known=known,
        )
    if treatment is Treatment.TOKEN:
        return Throttled(cause=ThrottleCause.TOKEN, code=code, message=message)
    usage = read_usage(headers)
    wait_s = usage.regain_s if usage else None
    return Throttled(cause=ThrottleCause.USAGE, code=code, message=message, wait_s=wait_s)


def _uncertain(status: int, error: Mapping[str, Any]) -> bool:
    return status >= _SERVER_ERRORS or error.get("is_transient") in (True, "true", 1)


def _general(code: int) -> Row | None:
    for codes, row in RANGES:
        if code in codes:
            return row
    return _GENERAL.get(code)


def _message(error: Mapping[str, Any]) -> str:
    texts = (error.get("error_user_msg"), error.get("message"))
    text = next((text for text in texts if isinstance(text, str) and text.strip()), "no message")
    return text.strip()[:MAX_MESSAGE]


def _integer(value: object) -> int:
    try:
        return int(value) if isinstance(value, int | str) else 0
    except ValueError:
        return 0


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _shown(body: bytes) -> str:
    # A glimpse to recognize a proxy's page by; short, because an answer may hold a buyer's name.
    return repr(body[:60].decode("utf-8", "replace"))


_BATCH = "Acknowledgement API reference, bulk answer"
_CODES = "Commerce Error Codes"
_GRAPH = "Graph API, Handle Errors"
_LIMITS = "Graph API, Rate Limits"
_CANCELLING = frozenset({CommandKind.CANCEL})
_NOT_CREATED = 2361009
_PAYMENT_PENDING = 2361076
_ALREADY_REFUNDED = frozenset({2382319, 2382323})


def _refused(
    code: int, meaning: str, source: str = _CODES, done_for: frozenset[CommandKind] = frozenset()
) -> Row:
    return Row(code=code, meaning=meaning, treatment=Treatment.REFUSED, source=source, done_for=done_for)


def _busy(code: int, meaning: str) -> Row:
    return Row(code=code, meaning=meaning, treatment=Treatment.BUSY, source=_CODES)


def _usage(code: int, meaning: str) -> Row:
    return Row(code=code, meaning=meaning, treatment=Treatment.USAGE, source=_LIMITS)


def _token(code: int, meaning: str) -> Row:
    return Row(code=code, meaning=meaning, treatment=Treatment.TOKEN, source=_GRAPH)


# Read as subcode, as code, and as the error_code of a batch entry.
COMMERCE_CODES: tuple[Row, ...] = (
    _refused(1818015, "The payment is captured: it can be neither cancelled nor shipped again"),
    _refused(1818048, "The order is already cancelled", done_for=_CANCELLING),
    _refused(1818049, "The order is already cancelled", done_for=_CANCELLING),
    _refused(1818050, "Already shipped: refund instead of cancelling"),
    _refused(1818105, "A cancelled order cannot be refunded"),
    _refused(1818107, "The buyer was not charged: nothing to refund"),
    _refused(1818111, "A cancelled order cannot be shipped"),
    _refused(1818214, "The order is already fulfilled, cancelled or refunded"),
    _refused(1818215, "The chosen items are already fulfilled, cancelled or refunded"),
    _refused(2361003, "The order id is not valid", _BATCH),
    _refused(_NOT_CREATED, "The order cannot be acknowledged: it is not in CREATED"),
    _busy(2361050, "Two requests change the order at once"),
    # Nothing is held, but the hint is the same: wait (minutes here) and send it under a new key.
    _busy(_PAYMENT_PENDING, "The buyer is not charged yet: the refund has to wait for the capture"),
    _busy(2361081, "The order is being changed by a parallel request"),
    _refused(2361084, "The postal code the shipment starts from is missing or wrong"),
    _refused(2361086, "The tax is above what was authorized with the order"),
    _refused(2361091, "The refunded tax is above what was charged and not yet refunded"),
    _refused(2361126, "Another app manages this shop's orders", "Onboarding via Redirect"),
    _refused(2361163, "The Instagram user belongs to another commerce account"),
    _refused(2361357, "A shipment needs at least one item"),
    _refused(2382021, "The retailer id in the refund is not in the order"),
    _refused(2382022, "The shipping refund is above what was charged"),
    _refused(2382023, "The item refund is above what was charged"),
    _refused(2382030, "The refund comes to nothing"),
    _refused(
        2382045,
        "A shipment of this order has that tracking already",
        # Sending the same tracking again answers this; Meta's own Magento connector takes it as success.
        done_for=frozenset({CommandKind.UPDATE_TRACKING}),
    ),
    _refused(2382052, "The commerce account is disabled"),
    # "Already refunded" may be somebody else's refund: only a read of the order can tell.
    _refused(2382319, "The item is already refunded"),
    _refused(2382322, "A shipment needs at least one item"),
    _refused(2382323, "The item is already refunded"),
    _refused(2382324, "The retailer id in the refund is not in the order"),
    _refused(2382325, "The refund comes to nothing"),
    _refused(2382326, "The shipping refund is above what was charged"),
    # A subcode of 100 only; as a code of its own it does not exist.
    _refused(33, "The object does not exist, or this token may not see it", _GRAPH),
)

# Read as code only: as a subcode the same number means something else.
GENERAL_CODES: tuple[Row, ...] = (
    Row(code=1, meaning="Unknown error", treatment=Treatment.UNKNOWN, source=_GRAPH),
    Row(code=2, meaning="Service down", treatment=Treatment.UNKNOWN, source=_GRAPH),
    _refused(3, "The app lacks the capability", _GRAPH),
    _usage(4, "App rate limit"),
    _token(10, "Permission missing or withdrawn"),
    _usage(17, "User rate limit"),
    _usage(32, "Page rate limit"),
    _refused(100, "Invalid parameter", _GRAPH),
    _token(102, "The session is over"),
    _token(190, "The access token is bad or expired"),
    _usage(341, "App limit"),
    _usage(368, "Temporarily blocked for policy"),
    _refused(506, "Duplicate post", _GRAPH),
    _usage(613, "Custom rate limit"),
    _refused(803, "The id does not exist", _GRAPH),
)

# Whole ranges of codes that are treated alike.
RANGES: tuple[tuple[range, Row], ...] = (
    (range(200, 300), _token(200, "Permission missing")),
    (range(80000, 80015), _usage(80001, "Business use case rate limit")),
)

# The codes by which the platform says that it does not know an object, or does not show it.
NOT_FOUND = frozenset({33, 803})

TABLE: tuple[Row, ...] = (*COMMERCE_CODES, *GENERAL_CODES, *(row for _, row in RANGES))

_COMMERCE = {row.code: row for row in COMMERCE_CODES}
_GENERAL = {row.code: row for row in GENERAL_CODES}
