"""Batches of acknowledgements against the sandbox: one call, and each order's own end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from app.domain.admission import Paused
from app.domain.commands import Attempt, CommandKind, CommandStatus
from app.domain.orders import OrderState
from app.graph.requests import wire_batch
from app.services.settle import Ending
from app.store.batches import Alone, Gathering
from app.store.commands import LeaseDenied, LeaseDeniedReason, Settlement
from tests.integration.bursts.conftest import SHOP, Market

LATER_S = 100.0


def test_s17_a_batch_of_100_settles_each_order_by_its_own_entry(market: Market) -> None:
    created, held = market.place(95), market.place(2, state="FB_PROCESSING")
    reads = market.reads([*created, *held])
    unknown = [f"7400000000000000{number}" for number in range(3)]
    stray = [replace(reads[0], order=replace(reads[0].order, id=order_id)) for order_id in unknown]
    # Our copies say that all of them are CREATED; the platform knows better.
    early = [replace(one, order=replace(one.order, state=OrderState.CREATED)) for one in reads[95:]]
    market.record([*reads[:95], *early, *stray])
    batch_id = market.formed()
    market.run(batch_id)

    [call] = market.calls("/acknowledge_orders")
    assert {effect["order_id"] for effect in market.effects()} == set(created)
    key = call["idempotency_key"]
    for order_id in created:
        command = market.acknowledgement(order_id)
        assert command.status is CommandStatus.SUCCEEDED
        assert [attempt.idempotency_key for attempt in command.attempts] == [key]
        copy = market.orderwire.orders.get(order_id)
        assert copy is not None
        assert (copy.order.state, copy.order.merchant_order_reference) == (OrderState.IN_PROGRESS, order_id)
    for order_id in unknown:
        command = market.acknowledgement(order_id)
        assert command.status is CommandStatus.FAILED
        assert command.error
        assert "Invalid" in command.error
    pending = market.orderwire.sync_order.syncs.due_of(SHOP, datetime.now(UTC), limit=100)
    assert {one.order_id for one in pending} == set(unknown)  # what was refused may have an old copy
    for order_id in held:
        command = market.acknowledgement(order_id)
        assert command.status is CommandStatus.WAITING
        assert command.idempotency_key != key
        market.control("POST", f"/orders/{order_id}/release")
        ended = market.run_alone(command.id, after_s=LATER_S)
        assert ended.status is CommandStatus.SUCCEEDED
    assert len(market.effects()) == 97
    assert len({effect["idempotency_key"] for effect in market.effects()}) == 3


def test_an_order_that_is_still_held_when_it_runs_alone_waits_on_and_is_not_refused(market: Market) -> None:
    [held] = market.place(1, state="FB_PROCESSING")
    reads = market.reads([held, *market.place(1)])
    early = replace(reads[0], order=replace(reads[0].order, state=OrderState.CREATED))
    market.record([early, reads[1]])
    market.run(market.formed())
    waiting = market.run_alone(market.acknowledgement(held).id, after_s=LATER_S)
    assert waiting.status is CommandStatus.DEAD  # two attempts are all that this shop's policy has
    assert "FB_PROCESSING" in (waiting.error or "")


def test_a_batch_whose_answer_was_lost_is_read_back_and_not_sent_twice(market: Market) -> None:
    batch_id = market.batch_of(30)
    market.faults({"path": "*/acknowledge_orders", "kind": "drop_after", "times": 1})
    market.run(batch_id)
    waiting = market.orderwire.batches.members(batch_id)
    assert {member.status for member in waiting} == {CommandStatus.WAITING}
    assert {member.attempts[0].outcome for member in waiting} == {"unknown"}
    market.run(batch_id, after_s=LATER_S)
    assert market.orderwire.batches.members(batch_id) == []
    left = market.orderwire.batches.members(batch_id, left=True)
    assert {member.status for member in left} == {CommandStatus.SUCCEEDED}
    assert len(market.effects()) == 30
    assert len(market.calls("/acknowledge_orders")) == 1


def test_a_batch_that_never_arrived_is_sent_again_byte_for_byte(market: Market) -> None:
    batch_id = market.batch_of(10)
    market.faults({"path": "*/acknowledge_orders", "kind": "drop_before", "times": 1})
    market.run(batch_id)
    before = market.command(batch_id).wire
    market.run(batch_id, after_s=LATER_S)
    assert market.command(batch_id).wire == before
    calls = market.calls("/acknowledge_orders")
    assert len({(call["idempotency_key"], str(call["request"])) for call in calls}) == 1
    assert len(market.effects()) == 10
    left = market.orderwire.batches.members(batch_id, left=True)
    assert {member.status for member in left} == {CommandStatus.SUCCEEDED}
    assert {len(member.attempts) for member in left} == {2}


def test_a_worker_killed_after_the_call_leaves_a_batch_that_the_next_one_ends_once(market: Market) -> None:
    batch_id = market.batch_of(10)
    orderwire, now = market.orderwire, datetime.now(UTC)
    members = orderwire.batches.members(batch_id)
    orderwire.commands.lease(batch_id, token="dead", now=now, lease_s=5)
    attempt = Attempt(number=1, started_at=now, timeout_s=2, idempotency_key="key-of-batch1")
    wire = wire_batch(SHOP, [(one.order_id, one.order_id) for one in members], "key-of-batch1")
    assert orderwire.commands.begin_attempt(batch_id, token="dead", attempt=attempt, wire=wire)
    shop = orderwire.shops.get(SHOP)
    assert shop is not None
    graph = orderwire.sync_order.graph
    admitted = graph.admit(shop)
    assert not isinstance(admitted, Paused)
    graph.send(admitted, wire, timeout_s=2, kind=CommandKind.ACKNOWLEDGE)
    assert market.run(batch_id) == LeaseDenied(
        reason=LeaseDeniedReason.LEASED, due_at=now + timedelta(seconds=5)
    )
    market.run(batch_id, after_s=LATER_S)
    assert len(market.effects()) == 10
    left = orderwire.batches.members(batch_id, left=True)
    assert {member.status for member in left} == {CommandStatus.SUCCEEDED}


def test_a_worker_killed_while_it_settled_leaves_the_rest_to_the_next_one(market: Market) -> None:
    batch_id = market.batch_of(10)
    orderwire, now = market.orderwire, datetime.now(UTC)
    members = orderwire.batches.members(batch_id)
    orderwire.commands.lease(batch_id, token="dead", now=now, lease_s=5)
    attempt = Attempt(number=1, started_at=now, timeout_s=2, idempotency_key="key-of-batch1")
    settled = [
        (member, Ending(settlement=Settlement(status=CommandStatus.SUCCEEDED, attempt=attempt)))
        for member in members[:4]
    ]
    orderwire.run_command.settle.settle_many(settled, token=batch_id)
    market.run(batch_id, after_s=LATER_S)
    assert {effect["order_id"] for effect in market.effects()} == {one.order_id for one in members[4:]}
    assert market.command(batch_id).status is CommandStatus.SUCCEEDED


def test_a_coded_error_for_the_whole_batch_lets_each_order_go_on_alone(market: Market) -> None:
    batch_id = market.batch_of(3)
    market.faults({"path": "*/acknowledge_orders", "kind": "busy", "times": 1})
    market.run(batch_id)
    left = market.orderwire.batches.members(batch_id, left=True)
    assert {member.status for member in left} == {CommandStatus.WAITING}
    assert len({member.idempotency_key for member in left} - {"key-of-batch1"}) == 3
    for member in left:
        assert market.run_alone(member.id, after_s=LATER_S).status is CommandStatus.SUCCEEDED
    assert len(market.effects()) == 3


def test_a_batch_that_gives_up_leaves_a_dead_letter_an_order_each_replayed_alone(market: Market) -> None:
    batch_id = market.batch_of(3)
    market.faults({"path": "*/acknowledge_orders", "kind": "drop_before", "times": 2})
    market.run(batch_id)
    ran = market.run(batch_id, after_s=LATER_S)
    assert not isinstance(ran, LeaseDenied)
    assert ran.dead == 3
    dead = market.orderwire.batches.members(batch_id, left=True)
    assert {member.status for member in dead} == {CommandStatus.DEAD}
    assert len(market.orderwire.alerts.list(limit=10).items) == 3
    for member in dead:
        assert market.orderwire.replay_command.replay(member.id)
        assert market.run_alone(member.id, after_s=LATER_S).status is CommandStatus.SUCCEEDED
    assert len(market.effects()) == 3


def test_an_acknowledgement_that_nobody_joins_is_due_alone(market: Market) -> None:
    [order_id] = market.place(1)
    market.record(market.reads([order_id]))
    formed = market.orderwire.batches.form(
        SHOP, batch_id="b", idempotency_key="k", now=datetime.now(UTC), window_s=0, most=100
    )
    command = market.acknowledgement(order_id)
    assert formed == Alone(command_id=command.id, order_id=order_id)
    assert market.run_alone(command.id, after_s=0).status is CommandStatus.SUCCEEDED


def test_what_gathers_waits_for_its_window_and_nobody_runs_a_member_meanwhile(market: Market) -> None:
    order_ids = market.place(2)
    market.record(market.reads(order_ids))
    orderwire, now = market.orderwire, datetime.now(UTC)
    waits = orderwire.batches.form(SHOP, batch_id="b", idempotency_key="k", now=now, window_s=60, most=100)
    assert isinstance(waits, Gathering)
    assert orderwire.commands.due(now + timedelta(seconds=LATER_S), limit=10) == []
    market.formed()
    member = market.acknowledgement(order_ids[0])
    assert isinstance(orderwire.run_command.run(member.id), LeaseDenied)
    assert market.effects() == []


def test_a_closed_gate_parks_the_batch_and_costs_no_attempt(market: Market) -> None:
    batch_id = market.batch_of(3)
    market.control("POST", "/token", {"state": "expired"})
    market.run(batch_id)
    market.run(batch_id, after_s=1000)
    assert len(market.calls("/acknowledge_orders")) == 1
    waiting = market.orderwire.batches.members(batch_id)
    assert {member.status for member in waiting} == {CommandStatus.WAITING}
    market.control("POST", "/token", {"state": "ok"})
    market.orderwire.probe.probe(SHOP, forced=True)
    market.run(batch_id, after_s=2000)
    assert len(market.effects()) == 3
    assert market.orderwire.batches.members(batch_id) == []
