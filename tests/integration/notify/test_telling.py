from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from app.domain.alerts import AlertKind, AlertState, Severity
from app.notify.operators import Message, Operators
from app.queue.jobs import Jobs
from app.services.alerts import MAX_AGE, RETRY, Alerting, TellOperators
from app.services.enqueue import Enqueuer
from app.store.alerts import Alerts
from app.store.connection import connect
from tests.integration.notify.conftest import Clock, Pager
from tests.queues import live_jobs

# apprise tries a module that Python is about to drop when it loads its services.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOBODY = "json://desk:hunter2@127.0.0.1:9/hook/s3cret-path"
TEXT = "The platform refuses the token of shop 112 (code 190); put a new one in."


@pytest.fixture
def tell(alerts: Alerts, pager: Pager, clock: Clock) -> TellOperators:
    return TellOperators(alerts=alerts, operators=Operators([pager.url]), clock=clock)


def test_an_alert_is_told_once_however_often_its_cause_is_noticed(
    alerting: Alerting, tell: TellOperators, pager: Pager
) -> None:
    assert alerting.open(AlertKind.TOKEN_DEAD, "112", TEXT, shop_id="112")
    assert not alerting.open(AlertKind.TOKEN_DEAD, "112", TEXT, shop_id="112")
    assert [tell.tell(), tell.tell()] == [1, 0]
    assert [message["title"] for message in pager.messages] == ["Orderwire: token_dead critical: 112"]
    assert TEXT in pager.messages[0]["message"]
    assert pager.messages[0]["type"] == "failure"


def test_the_end_of_an_alert_is_told_too_and_the_same_cause_may_open_again(
    alerting: Alerting, tell: TellOperators, pager: Pager
) -> None:
    alerting.open(AlertKind.BREAKER_OPEN, "112", "The platform fails.")
    tell.tell()
    assert alerting.close(AlertKind.BREAKER_OPEN, "112")
    assert not alerting.close(AlertKind.BREAKER_OPEN, "112")
    assert alerting.open(AlertKind.BREAKER_OPEN, "112", "The platform fails again.")
    assert tell.tell() == 2
    assert pager.messages[1]["title"] == "Orderwire: alerts: 1 opened, 1 ended"
    assert "ENDED breaker_open 112" in pager.messages[1]["message"]


def test_many_alerts_make_one_message_with_the_worst_first(
    alerting: Alerting, tell: TellOperators, pager: Pager
) -> None:
    for number in range(30):
        alerting.open(AlertKind.DEAD_LETTER, f"c{number}", "A refund gave up.", shop_id="112")
    alerting.open(AlertKind.TOKEN_DEAD, "112", TEXT)
    assert tell.tell() == 31
    assert len(pager.messages) == 1
    assert pager.messages[0]["message"].startswith("CRITICAL token_dead 112")
    assert pager.messages[0]["message"].count("WARNING dead_letter") == 30


def test_news_no_address_takes_is_told_again_later(
    alerting: Alerting, tell: TellOperators, pager: Pager, clock: Clock
) -> None:
    pager.status = 500
    alerting.open(AlertKind.TOKEN_DEAD, "112", TEXT)
    assert tell.tell() == 0
    pager.status = 200
    assert tell.tell() == 0  # another teller may be at it
    clock.now += RETRY
    assert tell.tell() == 1
    assert len(pager.messages) == 2


def test_one_address_that_works_is_enough_and_the_other_is_logged_by_its_number(
    alerting: Alerting, alerts: Alerts, pager: Pager, clock: Clock
) -> None:
    tell = TellOperators(alerts=alerts, operators=Operators([NOBODY, pager.url]), clock=clock)
    alerting.open(AlertKind.TOKEN_DEAD, "112", TEXT)
    with capture_logs() as logs:
        assert tell.tell() == 1
    assert {"event": "alert.address_failed", "log_level": "warning", "address": 1, "of": 2} in logs
    assert len(pager.messages) == 1


def test_news_of_yesterday_is_dropped_loudly(
    alerting: Alerting, tell: TellOperators, pager: Pager, clock: Clock
) -> None:
    alerting.open(AlertKind.TOKEN_DEAD, "112", TEXT)
    clock.now += MAX_AGE + timedelta(seconds=1)
    with capture_logs() as logs:
        assert tell.tell() == 0
    assert [entry["event"] for entry in logs] == ["alert.never_told"]
    assert pager.messages == []


def test_no_log_line_ever_holds_an_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    unreadable = "nosuch://desk:hunter2@127.0.0.1/s3cret-path"
    with capture_logs() as logs:
        delivered = Operators([unreadable, NOBODY]).tell(Message(title="t", body="b", severity=Severity.INFO))
    assert (delivered.reached, delivered.missed) == (0, 2)
    assert [entry["event"] for entry in logs] == ["alert.address_unreadable", "alert.address_failed"]
    assert "s3cret-path" not in caplog.text + repr(logs)
    assert "hunter2" not in caplog.text + repr(logs)


def test_what_opens_and_closes_is_logged_and_wakes_one_teller(alerting: Alerting, jobs: Jobs) -> None:
    with capture_logs() as logs:
        alerting.open(AlertKind.QUARANTINE, "c1", "It killed its worker three times.")
        alerting.open(AlertKind.QUARANTINE, "c1", "It killed its worker three times.")
        alerting.close(AlertKind.QUARANTINE, "c1")
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("alert.opened", "warning"),
        ("alert.closed", "info"),
    ]
    assert live_jobs(jobs, ["tell_operators"]) == {"tell_operators"}


def test_without_addresses_alerts_are_kept_and_no_job_is_written(
    redis_url: str, jobs: Jobs, clock: Clock
) -> None:
    store = connect(redis_url, timeout_s=5)
    alerts = Alerts(store)
    quiet = Alerting(
        alerts=alerts, enqueuer=Enqueuer(jobs=jobs), clock=clock, new_id=lambda: "a1", telling=False
    )
    assert quiet.open(AlertKind.DRIFT, "112", "One order differed.")
    assert [alert.subject for alert in alerts.list(state=AlertState.OPEN, limit=10).items] == ["112"]
    assert live_jobs(jobs, ["tell_operators"]) == set()
    store.close()


def test_a_store_that_is_away_costs_the_caller_nothing_and_leaves_a_log_line(
    jobs: Jobs, clock: Clock
) -> None:
    store = connect("redis://127.0.0.1:9/0", timeout_s=0.2)
    away = Alerting(
        alerts=Alerts(store), enqueuer=Enqueuer(jobs=jobs), clock=clock, new_id=lambda: "a1", telling=True
    )
    with capture_logs() as logs:
        assert not away.open(AlertKind.DEAD_LETTER, "c1", "A refund gave up.")
    assert [entry["event"] for entry in logs] == ["alert.not_recorded"]
    store.close()
