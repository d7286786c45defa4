"""The scripts of alerts against a model in Python."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.domain.alerts import Alert, AlertKind, AlertState
from app.store import alerts as limits
from app.store.alerts import Alerts, Ended, Notice, Opening
from app.store.connection import Store
from app.store.counters import Counters
from tests.integration.store.samples import NOW

CAUSES = [(kind, subject) for kind in (AlertKind.SILENCE, AlertKind.DRIFT) for subject in ("112", "a:b")]
MAX_OPEN, MAX_CLOSED = 3, 2
RETRY = timedelta(seconds=10)


class AlertBook(RuleBasedStateMachine):
    """Causes that come, stay and go, tellers that succeed or die, and every call sent twice."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.store.flushdb()
        self.alerts = Alerts(self.store, telling=True)
        self.now = NOW
        self.number = 0
        self.open: dict[tuple[AlertKind, str], Alert] = {}
        self.closed: list[Alert] = []
        self.untold: dict[str, float] = {}
        self.opened = 0

    @rule(seconds=st.integers(1, 8))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(cause=st.sampled_from(CAUSES), text=st.sampled_from(("bad", "worse")))
    def notice(self, cause: tuple[AlertKind, str], text: str) -> None:
        self.tick()
        kind, subject = cause
        notice = Notice(id=self.name("n"), kind=kind, subject=subject, text=text, shop_id=None)
        known = self.open.get(cause)
        if known is not None:
            expected = Opening.AGAIN
            self.open[cause] = changed(known, text=text, last_at=self.now, count=known.count + 1)
        elif len(self.open) == MAX_OPEN:
            expected = Opening.FULL
        else:
            expected = Opening.OPENED
            self.opened += 1
            self.open[cause] = Alert(
                id=notice.id,
                kind=kind,
                subject=subject,
                shop_id=None,
                text=text,
                state=AlertState.OPEN,
                first_at=self.now,
                last_at=self.now,
                closed_at=None,
                count=1,
            )
            self.untold[f"{notice.id}:opened"] = self.now.timestamp()
        for _ in "twice":
            assert self.alerts.change([notice], [], self.now) == ((expected,), ())

    @rule(cause=st.sampled_from(CAUSES))
    def end(self, cause: tuple[AlertKind, str]) -> None:
        self.tick()
        ended = Ended(token=self.name("t"), kind=cause[0], subject=cause[1])
        known = self.open.pop(cause, None)
        if known is not None:
            self.closed.append(changed(known, state=AlertState.CLOSED, closed_at=self.now))
            self.untold[f"{known.id}:closed"] = self.now.timestamp()
            for gone in self.closed[:-MAX_CLOSED]:
                self.untold.pop(f"{gone.id}:opened", None)
                self.untold.pop(f"{gone.id}:closed", None)
            del self.closed[:-MAX_CLOSED]
        for _ in "twice":
            assert self.alerts.change([], [ended], self.now) == ((), (known is not None,))

    @rule(limit=st.integers(1, 3), dies=st.booleans())
    def tell(self, limit: int, *, dies: bool) -> None:
        claimed = self.alerts.claim(self.now, until=self.now + RETRY, limit=limit)
        due = sorted((at, name) for name, at in self.untold.items() if at <= self.now.timestamp())
        assert [news.id for news in claimed] == [name for _, name in due[:limit]]
        known = {alert.id: alert for alert in (*self.open.values(), *self.closed)}
        for news in claimed:
            assert news.alert == known[news.alert.id]
            assert news.id == f"{news.alert.id}:{'closed' if news.closing else 'opened'}"
            self.untold[news.id] = (self.now + RETRY).timestamp()
        if not dies:
            self.alerts.told(claimed)
            for news in claimed:
                del self.untold[news.id]

    @invariant()
    def lists_agree(self) -> None:
        newest = sorted(self.open.values(), key=lambda alert: alert.first_at, reverse=True)
        assert self.pages(AlertState.OPEN) == newest
        assert self.pages(AlertState.CLOSED) == self.closed[::-1]
        both = sorted([*newest, *self.closed], key=lambda alert: alert.first_at, reverse=True)
        assert self.pages(None) == both

    @invariant()
    def counters_agree(self) -> None:
        counted = Counters(self.store).counters()
        opened = sum(value for name, value in counted.items() if name.startswith("alert_opened_"))
        closed = sum(value for name, value in counted.items() if name.startswith("alert_closed_"))
        assert (opened, opened - closed) == (self.opened, len(self.open))

    def pages(self, state: AlertState | None) -> list[Alert]:
        found: list[Alert] = []
        cursor = None
        for _ in range(10):
            page = self.alerts.list(state=state, limit=2, cursor=cursor)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found
        raise AssertionError("the listing does not end")

    def tick(self) -> None:
        # Two alerts of one instant have no order of their own; here each has its moment.
        self.now += timedelta(milliseconds=1)

    def name(self, letter: str) -> str:
        self.number += 1
        return f"{letter}{self.number}"


def changed(alert: Alert, **fields: object) -> Alert:
    return replace(alert, **fields)  # type: ignore[arg-type]  # names of the dataclass


def test_each_cause_has_one_open_alert_and_its_news_waits_until_it_is_told(
    redis: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_OPEN", MAX_OPEN)
    monkeypatch.setattr(limits, "MAX_CLOSED", MAX_CLOSED)
    machine = type("BoundAlertBook", (AlertBook,), {"store": redis})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
    )


def test_without_addresses_no_news_waits_to_be_told(redis: Store) -> None:
    alerts = Alerts(redis)
    notice = Notice(id="n1", kind=AlertKind.DRIFT, subject="112", text="bad", shop_id="112")
    assert alerts.change([notice], [], NOW)[0] == (Opening.OPENED,)
    alerts.change([], [Ended(token="t1", kind=AlertKind.DRIFT, subject="112")], NOW)
    assert alerts.claim(NOW, until=NOW + RETRY, limit=10) == ()
