"""The writes: acknowledge, ship, change tracking, cancel, refund, associate an app."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sandbox.errors import INVALID_ORDER_ID, OTHER_APP, Refusal, RefusedError, commerce_refusal, invalid
from sandbox.ledger.acknowledging import acknowledge
from sandbox.ledger.cancelling import CancelRequest, cancel
from sandbox.ledger.model import By, Order, Shop, State, Tracking
from sandbox.ledger.refunding import RefundPick, RefundRequest, refund
from sandbox.ledger.shipping import Parcel, ship, update_tracking
from sandbox.ledger.units import Pick
from sandbox.money import ZERO
from sandbox.rules import assumed, documented

from . import coerce
from .call import Call

MAX_BATCH = 100  # Acknowledgement API reference
MAX_ITEMS = 1_000  # more lines than any order of the sandbox has

CANCEL_REASONS = frozenset(
    {"CUSTOMER_REQUESTED", "OUT_OF_STOCK", "INVALID_ADDRESS", "SUSPICIOUS_ORDER", "CANCEL_REASON_OTHER"}
)
REFUND_REASONS = frozenset(
    {
        *("BUYERS_REMORSE", "DAMAGED_GOODS", "NOT_AS_DESCRIBED", "QUALITY_ISSUE", "REFUND_REASON_OTHER"),
        *("WRONG_ITEM", "FACEBOOK_INITIATED"),
        *("REFUND_COMPROMISED", "REFUND_FOR_RETURN", "REFUND_SFI_FAKE", "REFUND_SFI_REAL"),
    }
)
_CARRIER = re.compile(r"[A-Z0-9_]{1,100}")


@assumed(
    "Acknowledging an IN_PROGRESS order again is 2361009, or its state by setting acknowledge_again",
    why="2361009's own text; no connector tries it",
)
def acknowledge_one(call: Call, order: Order) -> dict[str, Any]:
    """``POST /{order-id}/acknowledge_order``."""
    return _acknowledged(call, order, reference=coerce.text(call.params, "merchant_order_reference"))


@documented(
    "Bulk: each entry answers state or error{error_code,error_message}, in the order sent, within HTTP 200",
    source="Acknowledgement API reference; the order is inferred",
)
@documented(
    "At most 100 orders a batch", source="Acknowledgement API reference; code 100 for more is assumed"
)
def acknowledge_many(call: Call, shop: Shop) -> dict[str, Any]:
    """``POST /{cms-id|page-id}/acknowledge_orders``."""
    entries = coerce.listing(call.params.get("orders"), "orders", most=MAX_BATCH)
    if not entries:
        raise invalid("The parameter orders is required: a list of {id, merchant_order_reference}")
    asked = [coerce.mapping(entry, "orders") for entry in entries]
    ids = [coerce.text(entry, "id", required=True) for entry in asked]
    return {
        "orders": [
            _entry(call, shop, str(order_id), entry) for order_id, entry in zip(ids, asked, strict=True)
        ]
    }


def add_shipment(call: Call, order: Order) -> dict[str, Any]:
    """``POST /{order-id}/shipments``."""
    params = call.params
    _check_fulfillment(params)
    tracking = params.get("tracking_info")
    parcel = Parcel(
        items=_picks(params),
        tracking=None if tracking in (None, "") else _tracking(tracking),
        external_id=coerce.text(params, "external_shipment_id"),
        reference=coerce.text(params, "merchant_order_reference"),
        origin_postal_code=coerce.text(params, "shipment_origin_postal_code"),
    )
    coerce.boolean(params, "should_use_default_fulfillment_location")
    world = call.world
    changed = ship(
        order,
        parcel,
        book=world.book,
        now=call.view.now,
        capture_delay=timedelta(seconds=world.settings.capture_delay_s),
        mint=world.mint,
    )
    return _done(call, changed, "ship")


@documented(
    "update_shipment names its shipment by external_shipment_id, shipment_id or fulfillment_id", source="SPEC"
)
def change_tracking(call: Call, order: Order) -> dict[str, Any]:
    """``POST /{order-id}/update_shipment``."""
    params = call.params
    shipment_id = coerce.text(params, "shipment_id") or coerce.text(params, "fulfillment_id")
    external_id = coerce.text(params, "external_shipment_id")
    if not shipment_id and not external_id:
        raise invalid("One of external_shipment_id and shipment_id is required")
    if params.get("tracking_info") in (None, ""):
        raise invalid("The parameter tracking_info is required")
    tracking = _tracking(params["tracking_info"])
    changed = update_tracking(
        order,
        shipment_id=shipment_id,
        external_id=None if shipment_id else external_id,
        tracking=tracking,
        now=call.view.now,
    )
    return _done(call, changed, "update_tracking")


@documented(
    "restock_items is false unless said; cancel_reason may be left out", source="Cancellation and Refund API"
)
def add_cancellation(call: Call, order: Order) -> dict[str, Any]:
    """``POST /{order-id}/cancellations``."""
    params = call.params
    given = params.get("cancel_reason")
    reason = {} if given in (None, "") else coerce.mapping(given, "cancel_reason")
    request = CancelRequest(
        items=_picks(params) or (),
        reason_code=_reason(reason, "reason_code", CANCEL_REASONS),
        reason_description=coerce.text(reason, "reason_description"),
        restock=coerce.boolean(params, "restock_items"),
        by=By.MERCHANT,
    )
    return _done(call, cancel(order, request, now=call.view.now, mint=call.world.mint), "cancel")


def add_refund(call: Call, order: Order) -> dict[str, Any]:
    """``POST /{order-id}/refunds``."""
    request = read_refund(call.params, currency=order.currency, by=By.MERCHANT)
    return _done(call, refund(order, request, now=call.view.now, mint=call.world.mint), "refund")


@documented(
    "shipping is doubly nested, deductions are RETURN_SHIPPING only", source="Cancellation and Refund API"
)
@documented("reason_code of a refund is required", source="Cancellation and Refund API")
def read_refund(params: dict[str, Any], *, currency: str, by: By) -> RefundRequest:
    """Return a refund as its parameters ask for it.

    Raises:
        RefusedError: a parameter is missing or malformed (code 100).
    """
    reason_code = _reason(params, "reason_code", REFUND_REASONS)
    if reason_code is None:
        raise invalid("The parameter reason_code is required")
    shipping = params.get("shipping")
    nested = {} if shipping in (None, "", []) else coerce.mapping(shipping, "shipping")
    deductions = coerce.listing(params.get("deductions"), "deductions", most=MAX_ITEMS) or []
    entries = coerce.listing(params.get("items"), "items", most=MAX_ITEMS)
    return RefundRequest(
        items=None if entries is None else tuple(_refund_pick(entry, currency) for entry in entries),
        shipping=_positive(nested.get("shipping_refund"), "shipping_refund", currency),
        adjustment=_positive(params.get("adjustment_amount"), "adjustment_amount", currency),
        deductions=sum((_deduction(entry, currency) for entry in deductions), ZERO),
        reason_code=reason_code,
        reason_text=coerce.text(params, "reason_text"),
        by=by,
    )


@documented(
    "One app manages a shop's orders; a second is refused with 2361126 under code -1", source="Onboarding"
)
def associate_app(call: Call, shop: Shop) -> dict[str, Any]:
    """``POST /{cms-id}/order_management_apps``: again by the same app is a success (inferred)."""
    del shop
    world = call.world
    if world.settings.managing_app == "other":
        told = commerce_refusal(OTHER_APP)
        raise RefusedError(
            Refusal(
                code=-1, subcode=OTHER_APP, message="Fatal", title=told.title, user_message=told.user_message
            )
        )
    world.settings = world.settings.model_copy(update={"managing_app": "ours"})
    return {"success": True}


@documented(
    "DELETE order_management_apps hands the shop back to manual work", source="Best practices: Orders"
)
def dissociate_app(call: Call, shop: Shop) -> dict[str, Any]:
    """``DELETE /{cms-id}/order_management_apps``."""
    del shop
    call.world.settings = call.world.settings.model_copy(update={"managing_app": "none"})
    return {"success": True}


def _acknowledged(call: Call, order: Order, *, reference: str | None) -> dict[str, Any]:
    world = call.world
    if order.state is State.IN_PROGRESS and world.settings.acknowledge_again == "state":
        return {"id": order.id, "state": order.state.value}
    changed = acknowledge(order, reference=reference, book=world.book, now=call.view.now)
    _done(call, changed, "acknowledge", request={"id": order.id, "merchant_order_reference": reference})
    return {"id": changed.id, "state": changed.state.value}


@documented("An unknown order in a batch is 2361003 in its entry", source="Acknowledgement API reference")
@assumed(
    "An order still in FB_PROCESSING, or named twice, is 2361009 in its entry",
    why='the docs say "coded exception"',
)
def _entry(call: Call, shop: Shop, order_id: str, entry: dict[str, Any]) -> dict[str, Any]:
    order = call.world.order_of(shop, order_id)
    if order is None:
        return _entry_error(order_id, commerce_refusal(INVALID_ORDER_ID))
    try:
        return _acknowledged(call, order, reference=coerce.text(entry, "merchant_order_reference"))
    except RefusedError as error:
        return _entry_error(order_id, error.refusal)


def _entry_error(order_id: str, refusal: Refusal) -> dict[str, Any]:
    code = refusal.subcode or refusal.code
    return {"id": order_id, "error": {"error_code": code, "error_message": refusal.message}}


@documented(
    "Action edges answer {success: true} and no id", source="Fulfillment, Cancellation and Refund APIs"
)
def _done(call: Call, changed: Order, kind: str, *, request: dict[str, Any] | None = None) -> dict[str, Any]:
    call.world.change(
        changed, kind=kind, by=By.MERCHANT, key=call.key, request=call.params if request is None else request
    )
    return {"success": True}


def _picks(params: dict[str, Any]) -> tuple[Pick, ...] | None:
    entries = coerce.listing(params.get("items"), "items", most=MAX_ITEMS)
    if entries is None:
        return None
    items = [coerce.mapping(entry, "items") for entry in entries]
    return tuple(
        Pick(
            item_id=coerce.text(item, "item_id"),
            retailer_id=coerce.text(item, "retailer_id"),
            quantity=coerce.integer(item.get("quantity"), "quantity"),
        )
        for item in items
    )


def _refund_pick(entry: Any, currency: str) -> RefundPick:
    item = coerce.mapping(entry, "items")
    units, money = item.get("item_refund_quantity"), item.get("item_refund_amount")
    return RefundPick(
        item_id=coerce.text(item, "item_id"),
        retailer_id=coerce.text(item, "retailer_id"),
        quantity=None if units in (None, "") else coerce.integer(units, "item_refund_quantity"),
        amount=None if money in (None, "") else coerce.amount(money, "item_refund_amount", currency=currency),
    )


@documented(
    "tracking_info needs carrier and tracking_number; an empty number is fine with OTHER",
    source="Fulfillment API reference; Magento sends OTHER with an empty number",
)
@assumed(
    "Any carrier written like a carrier code is known", why="the list of 508 codes is the client's to keep"
)
def _tracking(value: Any) -> Tracking:
    told = coerce.mapping(value, "tracking_info")
    carrier = (coerce.text(told, "carrier", required=True) or "").strip().upper()
    number = coerce.text(told, "tracking_number") or ""
    if not _CARRIER.fullmatch(carrier):
        raise invalid(
            f"Param tracking_info[carrier] must be a carrier code such as UPS or OTHER, not {carrier}"
        )
    if not number and carrier != "OTHER":
        raise invalid("The parameter tracking_info[tracking_number] is required")
    return Tracking(
        carrier=carrier.lower(),
        tracking_number=number,
        shipping_method_name=coerce.text(told, "shipping_method_name"),
    )


@documented(
    "fulfillment holds a location id or an address, one of the two",
    source="Fulfillment API reference, fulfillment",
)
def _check_fulfillment(params: dict[str, Any]) -> None:
    if params.get("fulfillment") in (None, "", []):
        return
    told = coerce.mapping(params["fulfillment"], "fulfillment")
    if ("fulfillment_location_id" in told) == ("fulfillment_address" in told):
        raise invalid(
            "Param fulfillment needs exactly one of fulfillment_location_id and fulfillment_address"
        )
    if "fulfillment_address" in told:
        address = coerce.mapping(told["fulfillment_address"], "fulfillment_address")
        for name in ("street_1", "city", "state", "country", "postal_code"):
            coerce.text(address, name, required=True)


@assumed("A reason_code that is not in the list is code 100", why="no number is published")
def _reason(params: dict[str, Any], name: str, known: frozenset[str]) -> str | None:
    code = coerce.text(params, name)
    if code is not None and code.upper() not in known:
        raise invalid(f"Param {name} must be one of {', '.join(sorted(known))}, not {code}")
    return None if code is None else code.upper()


def _positive(value: Any, name: str, currency: str) -> Decimal:
    if value in (None, "", []):
        return ZERO
    amount = coerce.amount(value, name, currency=currency)
    if amount < 0:
        raise invalid(f"Param {name} must be 0 or more")
    return amount


def _deduction(entry: Any, currency: str) -> Decimal:
    told = coerce.mapping(entry, "deductions")
    if str(told.get("deduction_type", "")).upper() != "RETURN_SHIPPING":
        raise invalid("Param deduction_type must be RETURN_SHIPPING")
    return _positive(told.get("deduction_amount"), "deduction_amount", currency)
