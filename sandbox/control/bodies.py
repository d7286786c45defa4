"""The request bodies of the control API: strict, with errors that name the field and what to do."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sandbox.money import ZERO

MAX_COUNT = 10_000
MAX_LINES = 250
MAX_UNITS = 100_000


def _amount(value: Any) -> Any:
    """Return the number in ``"20.00"``, ``20`` or ``{"amount": "20.00", "currency": "USD"}``."""
    if isinstance(value, dict) and set(value) <= {"amount", "currency"} and "amount" in value:
        return str(value["amount"])
    return str(value) if isinstance(value, float) else value


Amount = Annotated[Decimal, BeforeValidator(_amount), Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Body(BaseModel):
    """A body that rejects unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LineBody(Body):
    """A line of a new order."""

    retailer_id: str = Field(min_length=1, max_length=100)
    quantity: int = Field(ge=1, le=MAX_UNITS)
    price: Amount
    product_name: str | None = Field(default=None, max_length=500)
    discount: Amount = ZERO
    coupon_code: str = Field(default="", max_length=100)


class BuyerBody(Body):
    """The buyer of a new order; missing fields are invented."""

    name: str = Field(min_length=1, max_length=200)
    email: str = Field(default="k3j2h1@marketplace.facebook.com", max_length=200)
    email_remarketing_option: bool = False


class AddressBody(Body):
    """The shipping address of a new order."""

    name: str = Field(min_length=1, max_length=200)
    street1: str = Field(min_length=1, max_length=200)
    street2: str = Field(default="", max_length=200)
    city: str = Field(min_length=1, max_length=200)
    state: str = Field(default="", max_length=100)
    postal_code: str = Field(min_length=1, max_length=20)
    country: str = Field(default="US", min_length=2, max_length=2)


class NewOrders(Body):
    """New orders, `count` equal ones; in CREATED unless `state` says FB_PROCESSING."""

    items: list[LineBody] = Field(min_length=1, max_length=MAX_LINES)
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    shipping: Amount = ZERO
    tax_rate: Annotated[Decimal, BeforeValidator(_amount), Field(ge=0, le=1)] = ZERO
    channel: Literal["facebook", "instagram"] = "facebook"
    buyer: BuyerBody | None = None
    shipping_address: AddressBody | None = None
    state: Literal["FB_PROCESSING", "CREATED"] = "CREATED"
    count: int = Field(default=1, ge=1, le=MAX_COUNT)
    shop_id: str | None = None
    is_test_order: bool = False


class UnitsBody(Body):
    """Some units of one line, named by item_id or retailer_id."""

    item_id: str | None = None
    retailer_id: str | None = None
    quantity: int = Field(ge=1, le=MAX_UNITS)


class CancelBody(Body):
    """A cancellation by the buyer or by Meta; without items, of everything open."""

    by: Literal["buyer", "meta"]
    items: list[UnitsBody] | None = Field(default=None, max_length=MAX_LINES)
    reason_code: str = Field(default="CUSTOMER_REQUESTED", max_length=100)
    reason_description: str | None = Field(default=None, max_length=1_000)


class RefundBody(Body):
    """A refund by Meta: `by`, and the fields of the platform's own refunds edge."""

    model_config = ConfigDict(extra="allow", frozen=True)

    by: Literal["meta"]
    reason_code: str = "FACEBOOK_INITIATED"


class SendBody(Body):
    """Orders to notify of now; further members override the sender's policy once."""

    model_config = ConfigDict(extra="allow", frozen=True)

    order_ids: list[str] = Field(min_length=1, max_length=MAX_COUNT)
    wait: bool = False


class VerifyBody(Body):
    """The token with which the endpoint is verified."""

    verify_token: str = Field(max_length=1_000)
    url: str | None = None


class ClockBody(Body):
    """By how much the clock advances."""

    advance_s: float = Field(ge=0)


class TokenBody(Body):
    """A token's health: of one token (a new one starts being accepted), of one shop's, or of all."""

    state: Literal["ok", "expired", "revoked"]
    shop_id: str | None = None
    access_token: str | None = Field(default=None, min_length=1, max_length=500)


class ResetBody(Body):
    """The seed with which random choices start again."""

    seed: int | None = None


def plain_json(body: Body) -> dict[str, Any]:
    """Return what was sent, as the Graph side would have read it."""
    return json.loads(body.model_dump_json(exclude_unset=True), parse_float=Decimal)  # type: ignore[no-any-return]
