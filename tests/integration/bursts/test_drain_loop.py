"""A job goes on with the due commands of its kind; what that spares, and what it must not lose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs
from redis import Redis

from app.domain.commands import Acknowledge, Change, CommandKind, CommandStatus, Ship
from app.domain.orders import OrderState, Tracking
from app.domain.timeline import Cause
from app.queue.jobs import connect_queues, queue_of
from app.queue.specs import LIFECYCLE, THREADS, command_job
from app.services.drain_loop import ACTIVE_S
from app.services.enqueue import BURST
from app.services.submit import Submitted
from app.store import keys
from app.store.commands import LeaseDenied, LeaseDeniedReason
from tests.integration.bursts.conftest import SHOP, Market
from tests.integration.store import samples

SHIP = CommandKind.SHIP
PARCEL = Ship(
    items=None,
    ship_all_remaining=True,
    tracking=Tracking(carrier="UPS", tracking_number="1Z999", shipping_method_name=None),
    external_shipment_id=None,
    merchant_order_reference=None,
)


@pytest.fixture
def rq(redis_url: str) -> Iterator[Redis]:
    connection = connect_queues(redis_url)
    yield connection
    connection.close()


def queued(rq: Redis) -> list[str]:
    return queue_of(LIFECYCLE, rq).get_job_ids()


def in_progress(market: Market, count: int) -> list[str]:
    """Return orders that are acknowledged on the platform, and known so."""
    order_ids = market.place(count)
    for order_id in order_ids:
        command_id = submit(market, order_id, Acknowledge(merchant_order_reference=order_id))
        market.orderwire.run_command.run(command_id)
    copies = market.orderwire.orders.get_many(order_ids)
    assert {copy.order.state for copy in copies if copy} == {OrderState.IN_PROGRESS}
    return order_ids


def submit(market: Market, order_id: str, change: Change, name: str = "c") -> str:
    """Return the id of the command that will make the change; `name` tells those of one order apart."""
    submission = market.orderwire.submit_change.submit(
        order_id, lambda _order: change, cause=Cause.REST, operation_id=f"{name}_{change.kind}_{order_id}"
    )
    assert isinstance(submission, Submitted), submission
    return submission.command.id


def active_count(rq: Redis, count: int) -> None:
    """Have so many jobs go on with ship commands, as the ledger counts them."""
    rq.delete(keys.active_consumers("ship", SHOP))
    rq.zadd(
        keys.active_consumers("ship", SHOP), {f"job{number} token command": 9e15 for number in range(count)}
    )


def drain_loop(market: Market) -> int:
    return market.orderwire.drain_loop.drain(SHIP, SHOP, stopped=lambda: False)


def active_consumers(market: Market, *, after_s: float = 0) -> int:
    now = datetime.now(UTC) + timedelta(seconds=after_s)
    return market.orderwire.commands.active_consumers([(SHIP, SHOP)], now)[SHIP, SHOP]


def test_it_takes_what_is_due_in_turn_and_takes_the_jobs_of_it_back(market: Market, rq: Redis) -> None:
    commands = [submit(market, order_id, PARCEL) for order_id in in_progress(market, 3)]
    assert queued(rq) == [f"ship-{one}" for one in commands]
    assert drain_loop(market) == 3
    assert queued(rq) == []
    ended = [market.command(one) for one in commands]
    assert [one.status for one in ended] == [CommandStatus.SUCCEEDED] * 3
    assert sorted(one.attempts[0].started_at for one in ended) == [
        one.attempts[0].started_at for one in ended
    ]
    assert active_consumers(market) == 0


def test_a_retry_that_became_due_is_taken_out_of_the_scheduled_registry(market: Market, rq: Redis) -> None:
    [command_id] = [submit(market, order_id, PARCEL) for order_id in in_progress(market, 1)]
    later = datetime.now(UTC) + timedelta(hours=1)
    market.orderwire.enqueuer.enqueue(command_job(SHIP, command_id, "1", later))
    assert drain_loop(market) == 1
    assert queue_of(LIFECYCLE, rq).scheduled_job_registry.count == 0
    assert not rq.exists(f"rq:job:ship-{command_id}")


def test_no_job_is_written_while_as_many_go_on_as_can_run(market: Market, rq: Redis) -> None:
    first, second = in_progress(market, 2)
    max_concurrency = market.orderwire.submit_change.max_concurrency
    assert max_concurrency == 2 * THREADS[LIFECYCLE]
    active_count(rq, max_concurrency)
    submit(market, first, PARCEL)
    assert queued(rq) == []
    active_count(rq, max_concurrency - 1)
    command_id = submit(market, second, PARCEL)
    assert queued(rq) == [f"ship-{command_id}"]


def test_a_sweep_leaves_a_kind_alone_that_enough_jobs_go_on_with(market: Market, rq: Redis) -> None:
    [order_id] = in_progress(market, 1)
    max_concurrency = market.orderwire.submit_change.max_concurrency
    active_count(rq, max_concurrency)
    command_id = submit(market, order_id, PARCEL)
    assert market.orderwire.sweep.sweep().commands == 0
    assert queued(rq) == []
    active_count(rq, max_concurrency - 1)
    assert market.orderwire.sweep.sweep().commands == 1
    assert queued(rq) == [f"ship-{command_id}"]


def test_s27_a_shop_with_one_command_does_not_wait_behind_the_burst_of_another(
    market: Market, rq: Redis
) -> None:
    burst = [submit(market, order_id, PARCEL) for order_id in in_progress(market, 2)]
    max_concurrency = market.orderwire.submit_change.max_concurrency
    active_count(rq, max_concurrency)
    one = structs.replace(
        samples.command("lone", change=samples.ship(), at=datetime.now(UTC)), shop_id="another"
    )
    commands = market.orderwire.commands
    acceptance = commands.accept(one, timeline=samples.note())
    assert acceptance.head
    assert acceptance.active_consumers == 0
    assert market.orderwire.sweep.sweep().commands == 1
    assert "ship-lone" in queued(rq)
    taken = commands.lease_next(
        SHIP, "another", job="j", token="t", now=datetime.now(UTC), lease_s=30, active_s=1
    )
    assert taken is not None
    assert taken.command.id == "lone"
    assert [due.id for due in commands.due(datetime.now(UTC), kind=SHIP, limit=10)] == burst


def test_a_job_that_died_counts_only_a_moment(market: Market) -> None:
    [order_id] = in_progress(market, 1)
    submit(market, order_id, PARCEL)
    taken = market.orderwire.commands.lease_next(
        SHIP, SHOP, job="died", token="t", now=datetime.now(UTC), lease_s=30, active_s=ACTIVE_S
    )
    assert taken is not None
    assert active_consumers(market) == 1
    assert active_consumers(market, after_s=ACTIVE_S + 0.1) == 0


def test_told_to_stop_it_wakes_the_job_of_what_is_left(market: Market, rq: Redis) -> None:
    first, second = (submit(market, order_id, PARCEL) for order_id in in_progress(market, 2))
    rq.delete(queue_of(LIFECYCLE, rq).key)
    told = iter([False, True])
    assert market.orderwire.drain_loop.drain(SHIP, SHOP, stopped=lambda: next(told)) == 1
    assert market.command(first).status is CommandStatus.SUCCEEDED
    assert queued(rq) == [f"ship-{second}"]
    assert active_consumers(market) == 0


def test_its_turn_over_it_queues_behind_the_jobs_of_other_kinds(market: Market, rq: Redis) -> None:
    [command_id] = [submit(market, order_id, PARCEL) for order_id in in_progress(market, 1)]
    rq.delete(queue_of(LIFECYCLE, rq).key)
    market.orderwire.enqueuer.enqueue(command_job(CommandKind.REFUND, "refund1", "1"))
    clock = iter([datetime.now(UTC), datetime.now(UTC) + timedelta(seconds=60)])
    over = replace(market.orderwire.drain_loop, clock=lambda: next(clock, datetime.now(UTC)))
    assert over.drain(SHIP, SHOP, stopped=lambda: False) == 0
    assert queued(rq) == ["refund-refund1", f"ship-{command_id}"]


def test_one_that_gives_up_gets_a_job_of_its_own_and_the_others_go_on(market: Market, rq: Redis) -> None:
    first, second = in_progress(market, 2)
    dead, good = submit(market, first, PARCEL), submit(market, second, PARCEL)
    market.faults({"path": f"/{first}/shipments", "kind": "error", "code": 2})
    later = replace(market.orderwire.run_command, clock=lambda: datetime.now(UTC) + timedelta(seconds=600))
    later.run(dead)
    once_more = replace(market.orderwire.drain_loop, run_command=later, clock=later.clock)
    assert once_more.drain(SHIP, SHOP, stopped=lambda: False) == 2
    assert market.command(dead).status is CommandStatus.DEAD
    assert market.command(good).status is CommandStatus.SUCCEEDED
    assert queued(rq) == [f"ship-{dead}"]
    again = market.orderwire.run_command.run(dead)
    assert again == LeaseDenied(reason=LeaseDeniedReason.DONE, due_at=None)
    assert again.shop_id == SHOP  # so that its job goes on with what is due there


def test_with_many_more_to_come_the_read_after_is_owed_and_bought_by_list(market: Market, rq: Redis) -> None:
    order_ids = in_progress(market, BURST + 2)
    for order_id in order_ids:
        submit(market, order_id, PARCEL)
    before = {order_id: reads_of(market, order_id) for order_id in order_ids}
    assert drain_loop(market) == BURST + 2
    syncs = market.orderwire.sync_order.syncs
    pending = {one.order_id for one in syncs.due_of(SHOP, datetime.now(UTC), limit=100)}
    assert pending == set(order_ids[:2])
    read = {order_id for order_id in order_ids if reads_of(market, order_id) > before[order_id]}
    assert read == set(order_ids[2:])
    assert queue_of("sync", rq).get_job_ids() == [f"sync_burst-{SHOP}"]


def reads_of(market: Market, order_id: str) -> int:
    return len([call for call in market.calls(f"/{order_id}") if call["method"] == "GET"])


def test_what_follows_in_the_lane_is_decided_on_what_the_platform_says(market: Market) -> None:
    [order_id] = in_progress(market, 1)
    command_id, second_id = submit(market, order_id, PARCEL), submit(market, order_id, PARCEL, "second")
    commands, now = market.orderwire.commands, datetime.now(UTC)
    taken = commands.lease_next(SHIP, SHOP, job="j", token="t", now=now, lease_s=30, active_s=1)
    assert taken is not None
    assert market.orderwire.run_command.run_leased(replace(taken, waiting=BURST), "t").read_pending
    assert shipments(market, order_id) == 0
    assert drain_loop(market) == 1
    assert market.command(command_id).status is CommandStatus.SUCCEEDED
    assert market.command(second_id).status is CommandStatus.FAILED
    assert shipments(market, order_id) == 1


def shipments(market: Market, order_id: str) -> int:
    copy = market.orderwire.orders.get(order_id)
    assert copy is not None
    return len(copy.order.shipments)


def test_whoever_waits_for_the_command_finds_the_change_in_the_copy(market: Market) -> None:
    [order_id] = in_progress(market, 1)
    command_id = submit(market, order_id, PARCEL)
    now = datetime.now(UTC)
    taken = market.orderwire.commands.lease_next(
        SHIP, SHOP, job="j", token="t", now=now, lease_s=30, active_s=1
    )
    assert taken is not None
    market.orderwire.run_command.run_leased(replace(taken, waiting=BURST), "t")
    ended = market.orderwire.await_command.wait(command_id, 5)
    assert ended is not None
    assert ended.status is CommandStatus.SUCCEEDED
    assert shipments(market, order_id) == 1
    assert market.orderwire.sync_order.syncs.get(order_id) is None


def test_what_a_command_raises_says_which_one_it_was(market: Market) -> None:
    [order_id] = in_progress(market, 1)
    command_id = submit(market, order_id, PARCEL)

    def broken() -> datetime:
        raise ArithmeticError("a bug")

    bug = replace(
        market.orderwire.drain_loop, run_command=replace(market.orderwire.run_command, clock=broken)
    )
    with pytest.raises(ArithmeticError) as raised:
        bug.drain(SHIP, SHOP, stopped=lambda: False)
    assert raised.value.__notes__ == [f"while draining: ship command {command_id} of order {order_id}"]


def test_those_whose_worker_died_twice_are_woken_a_second_apart(market: Market, rq: Redis) -> None:
    once, *twice = (submit(market, order_id, PARCEL) for order_id in in_progress(market, 3))
    queue = queue_of(LIFECYCLE, rq)
    rq.delete(queue.key)
    for number, command_id in enumerate([once, *twice, *twice]):
        market.orderwire.commands.lease(command_id, token=f"t{number}", now=datetime.now(UTC), lease_s=-1)
    assert market.orderwire.sweep.sweep().commands == 3
    assert queued(rq) == [f"ship-{once}"]
    waiting = queue.scheduled_job_registry
    assert waiting.get_job_ids() == [f"ship-{command_id}" for command_id in twice]
    first, second = (waiting.get_scheduled_time(job_id) for job_id in waiting.get_job_ids())
    assert second - first == timedelta(seconds=1)
