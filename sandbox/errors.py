"""The refusals of the emulated platform, and the one exception that carries a refusal.

    Exception
    └── RefusedError        the platform answers a coded error; its `refusal` says which

Codes and their meaning: Commerce Platform, Error Codes; the outer code, title and wording are our own words.
"""

from __future__ import annotations

from dataclasses import dataclass

from .rules import assumed, documented

INVALID_PARAMETER = 100
MISSING_OBJECT = 33  # subcode of 100

ALREADY_CAPTURED = 1818015
ALREADY_CANCELLED = 1818048
ALREADY_SHIPPED = 1818050
REFUND_OF_CANCELLED = 1818105
NOTHING_CHARGED = 1818107
SHIPMENT_OF_CANCELLED = 1818111
ORDER_DONE = 1818214
ITEMS_DONE = 1818215
INVALID_ORDER_ID = 2361003
NOT_CREATED = 2361009
CONCURRENT_CHANGE = 2361050
CAPTURE_PENDING = 2361076
PENDING_ACTION = 2361081
BAD_ORIGIN_POSTAL_CODE = 2361084
OTHER_APP = 2361126
SHIPMENT_WITHOUT_ITEMS = 2361357
UNKNOWN_REFUND_ITEM = 2382021
SHIPPING_REFUND_TOO_HIGH = 2382022
ITEM_REFUND_TOO_HIGH = 2382023
EMPTY_REFUND = 2382030
TRACKING_USED = 2382045
ITEM_ALREADY_REFUNDED = 2382319

# code: (title, what the platform tells people)
_COMMERCE: dict[int, tuple[str, str]] = {
    ALREADY_CAPTURED: (
        "Payment captured",
        "The payment is already captured: the order can't be cancelled or shipped again.",
    ),
    ALREADY_CANCELLED: ("Order already cancelled", "This order has already been cancelled."),
    ALREADY_SHIPPED: (
        "Order already shipped",
        "What has been shipped can't be cancelled; refund it instead.",
    ),
    REFUND_OF_CANCELLED: ("Order cancelled", "A cancelled order can't be refunded."),
    NOTHING_CHARGED: ("Nothing to refund", "The buyer has not been charged, so there is nothing to refund."),
    SHIPMENT_OF_CANCELLED: ("Order cancelled", "A cancelled order can't be shipped."),
    ORDER_DONE: ("Order already processed", "This order has already been fulfilled, cancelled or refunded."),
    ITEMS_DONE: (
        "Items already processed",
        "The chosen items have already been fulfilled, cancelled or refunded.",
    ),
    INVALID_ORDER_ID: ("Invalid order", "Invalid Order ID"),
    NOT_CREATED: (
        "Order can't be acknowledged",
        "Only an order in state CREATED can be acknowledged, not one already cancelled, shipped or refunded.",
    ),
    CONCURRENT_CHANGE: (
        "Parallel requests",
        "Two requests are changing this order at once. Send them one after the other.",
    ),
    CAPTURE_PENDING: (
        "Buyer not charged yet",
        "The order can't be refunded until the buyer has been charged.",
    ),
    PENDING_ACTION: ("Pending action", "The order is being changed by another request. Try again."),
    BAD_ORIGIN_POSTAL_CODE: ("Invalid postal code", "The shipment origin postal code is missing or invalid."),
    OTHER_APP: ("Another app manages orders", "Another app already manages the orders of this shop."),
    SHIPMENT_WITHOUT_ITEMS: ("Empty shipment", "A shipment needs at least one item."),
    UNKNOWN_REFUND_ITEM: ("Item not found", "The retailer_id to refund is not part of this order."),
    SHIPPING_REFUND_TOO_HIGH: (
        "Shipping refund too high",
        "The shipping refund is above the shipping that was charged.",
    ),
    ITEM_REFUND_TOO_HIGH: ("Item refund too high", "The refund is above what was charged for the item."),
    EMPTY_REFUND: ("Empty refund", "The refund adds up to 0."),
    TRACKING_USED: (
        "Duplicate tracking details",
        "These tracking details are already used by a shipment of this order.",
    ),
    ITEM_ALREADY_REFUNDED: ("Item already refunded", "The item has already been refunded."),
}

# Answers that say "not now" about the service, not about the request: never stored under an idempotency key.
_THROTTLE_CODES = frozenset({4, 17, 32, 341, 613, *range(80000, 80015)})
_SERVICE_CODES = frozenset({1, 2})
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A coded error of the platform, before it is formatted in one of the two error styles."""

    code: int
    message: str
    subcode: int | None = None
    title: str | None = None
    user_message: str | None = None
    http_status: int = 400
    transient: bool = False
    commerce: bool = False

    @property
    def storable(self) -> bool:
        """Whether an idempotency key keeps this answer: coded failures yes, throttling and outages no."""
        return self.http_status < _SERVER_ERROR and self.code not in _THROTTLE_CODES | _SERVICE_CODES


class RefusedError(Exception):
    """The platform answers a coded error; the `refusal` says which."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@assumed(
    "A parameter that is missing, malformed or out of range is code 100 with HTTP 400",
    why="Graph API practice; the commerce pages publish no number for these cases",
)
def invalid(message: str, *, subcode: int | None = None, user_message: str | None = None) -> RefusedError:
    """Return the answer to a request that is wrong in itself: code 100."""
    return RefusedError(
        Refusal(
            code=INVALID_PARAMETER,
            subcode=subcode,
            message=f"(#100) {message}",
            title="Invalid parameter",
            user_message=user_message or message,
        )
    )


@documented(
    "Each commerce refusal has its number",
    source="Error Codes page; Acknowledgement API reference for 2361003",
)
def commerce_refusal(code: int, detail: str = "") -> Refusal:
    """Return the refusal with a commerce code, worded for people; `detail` says which order or item."""
    title, text = _COMMERCE.get(code, ("Request refused", "The platform refused the request."))
    told = f"{text} {detail}".strip()
    return Refusal(
        code=INVALID_PARAMETER,
        subcode=code,
        message=told,
        title=title,
        user_message=told,
        transient=code in {PENDING_ACTION, CONCURRENT_CHANGE},
        commerce=True,
    )


def commerce(code: int, detail: str = "") -> RefusedError:
    """`commerce_refusal`, ready to be raised."""
    return RefusedError(commerce_refusal(code, detail))


@assumed(
    "An unknown or foreign id is code 100 with subcode 33",
    why="general Graph API practice; 803 is the other number seen",
)
def missing_object(node_id: str, *, verb: str = "get") -> RefusedError:
    """Return the answer about an id that is unknown or belongs to another shop."""
    return RefusedError(
        Refusal(
            code=INVALID_PARAMETER,
            subcode=MISSING_OBJECT,
            message=(
                f"Unsupported {verb} request. Object with ID '{node_id}' does not exist, cannot be loaded "
                "due to missing permissions, or does not support this operation"
            ),
        )
    )
