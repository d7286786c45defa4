"""The watch over a real store, and the two max_concurrency that tell it what it cannot see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.alerts import AlertKind, AlertState
from app.domain.commands import CommandStatus
from app.domain.entries import Entry, EntryHint
from app.domain.shops import Shop, Shops
from app.domain.timeline import Cause
from app.queue.jobs import Jobs
from app.services.alerts import Alerting
from app.services.enqueue import Enqueuer
from app.services.intake import DrainInbox
from app.services.monitor import Limits, Monitor
from app.store.alerts import Alerts
from app.store.commands import Commands
from app.store.connection import Store, connect, connect_async
from app.store.counters import Counters
from app.store.drift import Drift
from app.store.inbox import AsyncInbox, Inbox
from app.store.monitor import Watch
from app.store.orders import Orders
from app.store.syncs import PendingSync, Syncs
from tests.integration.notify.conftest import Clock
from tests.integration.store import samples
from tests.queues import live_jobs

Webhook = Callable[[str, str, str], None]

LIMITS = Limits(inbox_age_s=60, due_age_s=120, silence_s=3600)


def shop(shop_id: str) -> Shop:
    return Shop(id=shop_id, page_id=f"page-{shop_id}", name="", access_token="t", acknowledge="auto")


SHOPS = Shops([shop("112"), shop("113")])


class CountingStore(Store):
    """A client that counts its round trips."""

    trips = 0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self.trips += 1
        return super().execute_command(*args, **options)

    def pipeline(self, *args: Any, **options: Any) -> Any:
        pipeline = super().pipeline(*args, **options)
        execute = pipeline.execute

        def counted(*inner: Any, **named: Any) -> Any:
            self.trips += 1
            return execute(*inner, **named)

        pipeline.execute = counted  # type: ignore[method-assign]  # that is how it is counted
        return pipeline


@pytest.fixture
def conditions(redis: Store, alerting: Alerting, jobs: Jobs) -> Monitor:
    return Monitor(
        watch=Watch(redis), alerting=alerting, enqueuer=Enqueuer(jobs=jobs), shops=SHOPS, limits=LIMITS
    )


@pytest.fixture
def drain(redis: Store, jobs: Jobs, clock: Clock) -> DrainInbox:
    return DrainInbox(
        inbox=Inbox(redis),
        watch=Watch(redis),
        shops=SHOPS,
        enqueuer=Enqueuer(jobs=jobs),
        drift=Drift(redis),
        orders=Orders(redis),
        counters=Counters(redis),
        syncs=Syncs(redis),
        clock=clock,
    )


@pytest.fixture
def counted(redis_url: str) -> Iterator[CountingStore]:
    plain = connect(redis_url, timeout_s=5)
    store = CountingStore(connection_pool=plain.connection_pool)
    yield store
    plain.close()


def receive(redis_url: str, clock: Clock, *entries: tuple[str, str | None, str | None]) -> None:
    """Take in one entry for each of these (digest, order id, account id)."""

    async def accept() -> None:
        store = connect_async(redis_url, timeout_s=5)
        new = [
            Entry(
                digest=digest,
                identity="page:1",
                hints=(EntryHint(order_id=order_id, account_id=account),),
                unknown=None,
                content="{}",
            )
            for digest, order_id, account in entries
        ]
        await AsyncInbox(store).accept("d1", new, [], clock.now)
        await store.aclose()

    asyncio.run(accept())


@pytest.fixture
def webhook(redis_url: str, clock: Clock, drain: DrainInbox) -> Webhook:
    """Take in one entry and drain it."""

    def come(digest: str, order_id: str, account: str) -> None:
        receive(redis_url, clock, (digest, order_id, account))
        drain.drain()

    return come


def open_now(alerts: Alerts) -> set[tuple[str, str]]:
    page = alerts.list(state=AlertState.OPEN, limit=100)
    return {(alert.kind.value, alert.subject) for alert in page.items}


def silent(alerts: Alerts) -> set[str]:
    return {subject for kind, subject in open_now(alerts) if kind == "silence"}


def test_an_inbox_nobody_drains_opens_one_alert_that_closes_when_it_is_drained(
    conditions: Monitor, alerts: Alerts, clock: Clock, redis_url: str, drain: DrainInbox
) -> None:
    clock.now = datetime.now(UTC)  # Redis itself notes when an entry came
    receive(redis_url, clock, ("d1", "35001", "112"))
    clock.now += timedelta(seconds=50)
    assert conditions.look(clock.now) == 0
    clock.now += timedelta(seconds=11)
    assert [conditions.look(clock.now), conditions.look(clock.now)] == [1, 0]
    assert open_now(alerts) == {("inbox_old", "inbox")}
    drain.drain()
    assert conditions.look(clock.now) == 1
    assert open_now(alerts) == set()


def test_a_due_command_without_a_worker_opens_an_alert_until_it_runs(
    conditions: Monitor, alerts: Alerts, clock: Clock, redis: Store
) -> None:
    commands = Commands(redis)
    commands.accept(samples.command(change=samples.ship()), timeline=samples.note())
    clock.now += timedelta(seconds=119)
    assert conditions.look(clock.now) == 0
    clock.now += timedelta(seconds=1)
    assert conditions.look(clock.now) == 1
    assert open_now(alerts) == {("due_old", "commands")}
    assert "ship command" in alerts.list(limit=1).items[0].text
    commands.lease("c1", token="t", now=clock.now, lease_s=10)
    assert conditions.look(clock.now) == 1


def test_a_command_that_waits_for_its_time_is_not_late(
    conditions: Monitor, alerts: Alerts, clock: Clock, redis: Store
) -> None:
    commands = Commands(redis)
    commands.accept(samples.command(), timeline=samples.note())
    commands.lease("c1", token="t", now=clock.now, lease_s=10)
    later = clock.now + timedelta(hours=2)
    waiting = replace(samples.settlement(CommandStatus.WAITING), next_attempt_at=later)
    commands.settle("c1", token="t", settlement=waiting, now=clock.now)
    clock.now += timedelta(hours=1)
    assert conditions.look(clock.now) == 0
    assert open_now(alerts) == set()


def test_an_owed_read_that_nobody_does_opens_an_alert_of_its_own(
    conditions: Monitor, alerts: Alerts, clock: Clock, redis: Store
) -> None:
    syncs = Syncs(redis)
    syncs.add(PendingSync(order_id="35001", shop_id="112", cause=Cause.WEBHOOK), clock.now)
    clock.now += timedelta(seconds=121)
    conditions.look(clock.now)
    assert open_now(alerts) == {("due_old", "syncs")}
    syncs.done("35001", 1)
    conditions.look(clock.now)
    assert open_now(alerts) == set()


def test_a_value_that_hovers_at_its_limit_does_not_open_and_close_all_day(
    conditions: Monitor, clock: Clock, redis: Store
) -> None:
    syncs = Syncs(redis)
    syncs.add(PendingSync(order_id="35001", shop_id="112", cause=Cause.WEBHOOK), clock.now)
    assert conditions.look(clock.now + timedelta(seconds=121)) == 1
    assert conditions.look(clock.now + timedelta(seconds=110)) == 0
    assert conditions.look(clock.now + timedelta(seconds=122)) == 0
    assert conditions.look(clock.now + timedelta(seconds=59)) == 1


def test_a_busy_shop_without_webhooks_is_silent_until_one_comes(
    conditions: Monitor,
    alerts: Alerts,
    clock: Clock,
    redis: Store,
    webhook: Webhook,
) -> None:
    watch = Watch(redis)
    for minutes in range(0, 61, 30):
        at = clock.now + timedelta(minutes=minutes)
        watch.busy("112", at)
        conditions.look(at)
    assert silent(alerts) == {"112"}
    clock.now += timedelta(minutes=70)
    webhook("d1", "35001", "page-112")
    assert conditions.look(clock.now) == 1
    assert open_now(alerts) == set()


def test_a_shop_where_nothing_happens_is_quiet_and_not_silent(
    conditions: Monitor, alerts: Alerts, clock: Clock, redis: Store
) -> None:
    Watch(redis).heard(["112"], clock.now)
    Watch(redis).busy("112", clock.now + timedelta(minutes=5))
    conditions.look(clock.now + timedelta(days=3))
    assert open_now(alerts) == set()


def test_a_webhook_for_one_shop_does_not_break_the_silence_of_another(
    conditions: Monitor,
    alerts: Alerts,
    clock: Clock,
    redis: Store,
    webhook: Webhook,
) -> None:
    watch = Watch(redis)
    start = clock.now
    for at in (start, start + timedelta(hours=2)):
        watch.busy("112", at)
        watch.busy("113", at)
    clock.now += timedelta(hours=1, minutes=30)
    webhook("d1", "35001", "113")
    conditions.look(start + timedelta(hours=2))
    assert silent(alerts) == {"112"}


def test_a_webhook_that_names_no_shop_of_ours_counts_for_every_shop(
    conditions: Monitor,
    alerts: Alerts,
    clock: Clock,
    redis: Store,
    webhook: Webhook,
) -> None:
    watch = Watch(redis)
    start = clock.now
    watch.busy("112", start)
    clock.now += timedelta(hours=1, minutes=30)
    webhook("d1", "35001", "another-app")
    watch.busy("112", start + timedelta(hours=2))
    conditions.look(start + timedelta(hours=2))
    assert silent(alerts) == set()


def test_a_reused_entry_id_is_told_and_the_alert_closes_after_a_quiet_hour(
    conditions: Monitor, alerts: Alerts, clock: Clock, redis: Store, webhook: Webhook
) -> None:
    webhook("d1", "35001", "112")
    webhook("d2", "35001", "112")
    assert conditions.look(clock.now) == 1
    assert open_now(alerts) == {("entry_id_reused", "webhooks")}
    Syncs(redis).done("35001", 2)
    assert conditions.look(clock.now + timedelta(minutes=59)) == 0
    assert conditions.look(clock.now + timedelta(minutes=60)) == 1
    assert open_now(alerts) == set()


def test_an_unknown_code_not_seen_for_a_day_counts_as_ended(
    conditions: Monitor, alerts: Alerts, clock: Clock
) -> None:
    start = clock.now
    conditions.alerting.open(AlertKind.UNKNOWN_CODE, "4711", "The platform answered 4711.")
    clock.now += timedelta(hours=12)
    conditions.alerting.open(AlertKind.UNKNOWN_CODE, "4711", "The platform answered 4711.")
    assert conditions.look(start + timedelta(hours=35, minutes=59)) == 0
    assert conditions.look(start + timedelta(hours=36)) == 1
    assert open_now(alerts) == set()
    assert conditions.look(start + timedelta(hours=37)) == 0


def test_a_look_costs_two_round_trips(
    counted: CountingStore, alerting: Alerting, jobs: Jobs, clock: Clock
) -> None:
    watched = Monitor(
        watch=Watch(counted),
        alerting=replace(alerting, alerts=Alerts(counted, telling=True)),
        enqueuer=Enqueuer(jobs=jobs),
        shops=SHOPS,
        limits=LIMITS,
    )
    watched.look(clock.now)  # the server learns the scripts
    counted.trips = 0
    watched.look(clock.now)
    assert counted.trips == 2


def test_news_that_a_teller_dropped_is_woken_again(
    conditions: Monitor, alerts: Alerts, jobs: Jobs, clock: Clock, redis: Store
) -> None:
    conditions.alerting.open(AlertKind.DRIFT, "112", "One order differed.")
    alerts.claim(clock.now, until=clock.now + timedelta(seconds=180), limit=10)
    redis.execute_command("DEL", "rq:job:tell_operators", "rq:queue:sync")
    conditions.look(clock.now + timedelta(seconds=10))
    assert live_jobs(jobs, ["tell_operators"]) == set()
    conditions.look(clock.now + timedelta(seconds=180))
    assert live_jobs(jobs, ["tell_operators"]) == {"tell_operators"}
