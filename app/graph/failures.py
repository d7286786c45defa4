"""What reading from the platform can fail with.

GraphError
├── ReadPaused        the shop is paused, or the platform throttles it: later   .until .reason
├── OrderNotFound     the platform does not know the order, or not for this shop's token
├── ReadRefused       a coded error: final, or to be fixed by a person     .outcome
├── ReadFailed        no answer, or none that can be read: later again     .outcome
└── UnreadableOrder   an answer came, but the order in it makes no sense   .order_id

Writes never raise these: their outcome is a value (`client.GraphClient.send`).
"""

from __future__ import annotations

from datetime import datetime

from app.domain.outcomes import Refused, Unknown


class GraphError(Exception):
    """A read from the platform did not give what was asked for."""


class OrderNotFound(GraphError):
    """The platform does not know that order, or does not show it to this shop's token."""

    def __init__(self, order_id: str, outcome: Refused) -> None:
        super().__init__(f"The platform does not know order {order_id}: {outcome.message}")
        self.order_id = order_id
        self.outcome = outcome


class ReadRefused(GraphError):
    """The platform answered the read with a coded error."""

    def __init__(self, what: str, outcome: Refused) -> None:
        super().__init__(f"The platform refused to read {what}: {outcome.message} (code {outcome.code})")
        self.outcome = outcome


class ReadPaused(GraphError):
    """Nothing failed: the shop is paused, or the platform throttles its calls; try again at `until`."""

    def __init__(self, shop_id: str, until: datetime, reason: str) -> None:
        super().__init__(f"shop {shop_id}: {reason}")
        self.until = until
        self.reason = reason


class ReadFailed(GraphError):
    """The platform did not answer the read, or not readably."""

    def __init__(self, what: str, outcome: Unknown) -> None:
        super().__init__(f"Reading {what} failed: {outcome.message}")
        self.outcome = outcome


class UnreadableOrder(GraphError):
    """The platform sent an order that makes no sense. `order_id` is "" when even that was missing."""

    def __init__(self, order_id: str, reason: str) -> None:
        super().__init__(f"Order {order_id or 'without an id'} cannot be read: {reason}")
        self.order_id = order_id
        self.reason = reason
