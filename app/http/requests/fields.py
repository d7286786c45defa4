"""The kinds of field that requests are made of, each with its limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.domain.carriers import CARRIERS, nearest_carriers
from app.domain.money import Money

# Far more lines than a cart holds; a longer list is a mistake.
MAX_ITEMS = 500
# More than this of one item in one request is a slip of the finger.
MAX_QUANTITY = 100_000
# The platform's own amounts have two decimals; unit prices of some currencies have up to four.
MAX_DECIMALS = 4


class Body(BaseModel):
    """A request body: strict and frozen; blanks around texts taken off, unknown fields refused by name."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, str_strip_whitespace=True)


def printable(text: str) -> str:
    """Return the text; one with line ends, tabs or other control characters is refused."""
    if not text.isprintable():
        raise PydanticCustomError(
            "control_characters",
            "has characters that cannot be printed, such as line ends or tabs",
            {"hint": "Take them out."},
        )
    return text


def _carrier(text: str) -> str:
    code = text.upper()
    if code in CARRIERS:
        return code
    nearest = nearest_carriers(text)
    named = f"Did you mean {' or '.join(nearest)}? " if nearest else ""
    raise PydanticCustomError(
        "unknown_carrier",
        "'{carrier}' is not a carrier code of the platform",
        {"carrier": text, "hint": f"{named}OTHER stands for a carrier that has no code."},
    )


def _amount(text: object) -> object:
    if isinstance(text, str) and _DECIMAL.fullmatch(text):
        return text
    raise PydanticCustomError(
        "amount",
        "is not a positive decimal amount in text, with at most {decimals} decimals",
        {"decimals": MAX_DECIMALS, "hint": 'Write it like "5.00", in quotes, without a sign.'},
    )


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        if _UNIX_SECONDS.fullmatch(value):
            return datetime.fromtimestamp(int(value), UTC)
        # A plus sign that a caller forgot to encode arrives as a blank.
        moment = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise PydanticCustomError(
            "moment",
            "is neither an ISO 8601 time with its zone nor Unix seconds",
            {"hint": "Write it like 2026-01-31T12:00:00Z or 1769860800."},
        )
    return moment.astimezone(UTC)


# Twelve digits before the point is where domain.money ends.
_DECIMAL = re.compile(rf"(?!0+(\.0+)?$)\d{{1,12}}(\.\d{{1,{MAX_DECIMALS}}})?", re.ASCII)
_UNIX_SECONDS = re.compile(r"\d{1,12}", re.ASCII)

PlatformId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An id the platform made; the narrow alphabet keeps it harmless in a URL's path."""

ExternalShipmentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,64}$")]
"""The caller's own id of a parcel (Fulfillment API: letters, digits, underscore)."""

RetailerId = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]
Reference = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]
TrackingNumber = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]
ShippingMethod = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]
# The buyer may be shown these texts.
ReasonText = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(printable)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
Carrier = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_carrier)]
Moment = Annotated[datetime, BeforeValidator(_moment)]

CancelReason = Literal[
    "CUSTOMER_REQUESTED", "OUT_OF_STOCK", "INVALID_ADDRESS", "SUSPICIOUS_ORDER", "CANCEL_REASON_OTHER"
]
"""Cancellation and Refund API, cancellation reasons."""

RefundReason = Literal[
    "BUYERS_REMORSE",
    "DAMAGED_GOODS",
    "NOT_AS_DESCRIBED",
    "QUALITY_ISSUE",
    "REFUND_REASON_OTHER",
    "WRONG_ITEM",
    "REFUND_COMPROMISED",
    "REFUND_FOR_RETURN",
    "REFUND_SFI_FAKE",
    "REFUND_SFI_REAL",
]
"""Cancellation and Refund API and, the last four, the SDK; FACEBOOK_INITIATED is Meta's alone."""


class Amount(Body):
    """Money a caller names: a positive decimal in text, and its currency's three letters."""

    amount: Annotated[
        str, BeforeValidator(_amount), Field(json_schema_extra={"pattern": r"^\d{1,12}(\.\d{1,4})?$"})
    ] = Field(examples=["5.00"])
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(examples=["USD"])

    def money(self) -> Money:
        """Return the amount as money."""
        return Money.parse(self.amount, self.currency)
