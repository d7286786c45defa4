"""A read that shows a change of our own, before our command is settled or its own read was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from app.domain.commands import Acknowledge, Change, CommandKind, Ship
from app.domain.orders import ItemQuantity, Tracking
from app.domain.timeline import Cause
from app.graph.client import GraphClient
from app.services.enqueue import BURST
from app.services.submit import Submitted
from app.store.commands import Lease
from tests.integration.bursts.conftest import SHOP, Market

SHIP = Ship(ship_all_remaining=True, tracking=Tracking(carrier="UPS", tracking_number="1Z999"))


@pytest.fixture
def after_effect(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return what sets the action to take between the platform's effect and our settling of it."""

    def at_effect(action: Callable[[], object]) -> None:
        send = GraphClient.send

        def wrapped(self: GraphClient, *args: Any, **options: Any) -> Any:
            reply = send(self, *args, **options)
            action()
            return reply

        monkeypatch.setattr(GraphClient, "send", wrapped)

    return at_effect


def submit(market: Market, order_id: str, change: Change) -> str:
    submission = market.orderwire.submit_change.submit(
        order_id, lambda _order: change, cause=Cause.REST, operation_id=f"{change.kind}_{order_id}"
    )
    assert isinstance(submission, Submitted), submission
    return submission.command.id


def acknowledged(market: Market) -> str:
    """Return an order that was imported and acknowledged, so that later news of it may be drift."""
    [order_id] = market.place(1)
    market.orderwire.reconcile.reconcile(SHOP)
    market.run(market.acknowledgement(order_id).id)
    market.orderwire.sync_order.process(order_id)
    market.orderwire.reconcile.reconcile(SHOP)
    return order_id


def causes(market: Market, order_id: str, *words: str) -> dict[str, str]:
    entries = market.orderwire.orders.timeline(order_id, limit=100).items
    return {entry.what: entry.cause for entry in entries if entry.what in words}


def test_a_reconciliation_between_effect_and_settling_leaves_the_change_to_our_command(
    market: Market, after_effect: Callable[[Callable[[], object]], None]
) -> None:
    order_id = acknowledged(market)
    runs = []
    after_effect(lambda: runs.append(market.orderwire.reconcile.reconcile(SHOP)))
    market.run(submit(market, order_id, SHIP))
    assert [(run.changed, run.suspects) for run in runs] == [(1, 0)]
    assert causes(market, order_id, "shipment.added", "order.state_changed") == {
        "shipment.added": "command",
        "order.state_changed": "command",
    }


def test_a_reconciliation_before_the_read_of_a_settled_command_finds_no_drift(market: Market) -> None:
    order_id = acknowledged(market)
    command_id, now = submit(market, order_id, SHIP), datetime.now(UTC)
    taken = market.orderwire.commands.lease(command_id, token="t", now=now, lease_s=30)
    assert isinstance(taken, Lease)
    # With so many commands waiting, the read after this one is left to a burst.
    assert market.orderwire.run_command.run_leased(replace(taken, waiting=BURST), "t").read_pending
    run = market.orderwire.reconcile.reconcile(SHOP)
    assert (run.changed, run.suspects) == (1, 0)
    assert causes(market, order_id, "shipment.added") == {"shipment.added": "command"}


def test_a_change_by_somebody_else_on_such_an_order_keeps_its_cause(
    market: Market, after_effect: Callable[[Callable[[], object]], None]
) -> None:
    order_id = acknowledged(market)
    [item] = market.reads([order_id])[0].order.items
    market.control(
        "POST",
        f"/orders/{order_id}/cancel",
        {"by": "buyer", "items": [{"item_id": item.id, "quantity": 1}]},
    )
    unit = (ItemQuantity(item_id=item.id, quantity=1),)
    one_unit = submit(market, order_id, structs.replace(SHIP, items=unit, ship_all_remaining=False))
    after_effect(lambda: market.orderwire.reconcile.reconcile(SHOP))
    market.run(one_unit)
    assert causes(market, order_id, "shipment.added", "cancellation.added") == {
        "shipment.added": "command",
        "cancellation.added": "reconciliation",
    }


def test_a_reconciliation_during_a_batch_leaves_its_acknowledgements_to_our_commands(
    market: Market, after_effect: Callable[[Callable[[], object]], None]
) -> None:
    order_ids = market.place(3)
    market.record(market.reads(order_ids))
    batch_id = market.formed()
    after_effect(lambda: market.orderwire.reconcile.reconcile(SHOP))
    market.run(batch_id)
    assert market.command(batch_id).kind is CommandKind.ACKNOWLEDGE_BATCH
    for order_id in order_ids:
        assert isinstance(market.acknowledgement(order_id).change, Acknowledge)
        assert causes(market, order_id, "order.state_changed", "order.reference_set") == {
            "order.state_changed": "command",
            "order.reference_set": "command",
        }
