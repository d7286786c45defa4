"""Alerts in Redis: one open alert a cause, however often and by however many processes it is noticed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.alerts import Alert, AlertKind, AlertState
from app.domain.codec import CODEC
from app.store import keys
from app.store.connection import Store
from app.store.pages import Page, bounded, pairs, read_page
from app.store.script import Call, load
from app.store.times import micros, time_of, time_or_none

# A dead platform makes a dead letter of every command there is; nobody reads more alerts than this, and the
# ledger still lists every one of those commands.
MAX_OPEN = 10_000
# Some months of an ordinary shop's troubles, to look back at.
MAX_CLOSED = 1000
# An alert is read on a telephone; what is longer is cut.
MAX_TEXT = 1000


class Opening(StrEnum):
    """What became of a notice."""

    OPENED = "opened"
    AGAIN = "again"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A cause that was noticed now; `id` is new for each notice, and the alert's own when it opens one."""

    id: str
    kind: AlertKind
    subject: str
    text: str
    shop_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A cause that does not stand any more; `token` is new for each close."""

    token: str
    kind: AlertKind
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An alert that opened or closed and was not told yet; `id` is what `told` and the next claim know."""

    id: str
    alert: Alert
    closing: bool


class Alerts:
    """Keeps alerts. `telling` says that operators have addresses, so that news waits to be told."""

    def __init__(self, store: Store, *, telling: bool = False) -> None:
        self._store = store
        self._telling = "1" if telling else "0"
        self._open = load(store, "alert_open")
        self._close = load(store, "alert_close")
        self._claim = load(store, "alert_claim")
        self._page = load(store, "page")

    def change(
        self, notices: Sequence[Notice], ended: Sequence[Ended], now: datetime
    ) -> tuple[tuple[Opening, ...], tuple[bool, ...]]:
        """Open and close these in one round trip.

        Returns what became of each notice, and for each ended cause whether an alert was open. The same
        notice or close sent twice changes nothing the second time and gets the same answer.
        """
        pipeline = self._store.pipeline(transaction=False)
        for notice in notices:
            self._open(*self._open_call(notice, now), client=pipeline)
        for one in ended:
            self._close(*self._close_call(one, now), client=pipeline)
        answers = pipeline.execute() if notices or ended else []
        opened = tuple(Opening(answer) for answer in answers[: len(notices)])
        return opened, tuple(bool(answer) for answer in answers[len(notices) :])

    def list(self, *, state: AlertState | None = None, limit: int, cursor: str | None = None) -> Page[Alert]:
        """Return alerts, those that opened last first; of the closed ones those that closed last.

        Raises:
            ValueError: the cursor is not one of this listing.
        """
        index = keys.ALERTS if state is None else keys.alerts_by_state(state.value)
        page = read_page(
            self._page, indexes=[index], record_prefix=keys.ALERT_PREFIX, limit=limit, cursor=cursor
        )
        return Page(items=tuple(_alert(row.fields) for row in page.items), next_cursor=page.next_cursor)

    def claim(self, now: datetime, *, until: datetime, limit: int) -> tuple[News, ...]:
        """Take up to `limit` news to tell; what is not `told` by `until` is handed out again then."""
        rows = self._claim(
            [keys.ALERTS_UNTOLD], [micros(now), micros(until), bounded(limit), keys.ALERT_PREFIX]
        )
        return tuple(
            News(id=row[0], alert=_alert(pairs(row[1])), closing=row[0].endswith(":closed")) for row in rows
        )

    def told(self, news: Sequence[News]) -> None:
        """Forget news that was told."""
        if news:
            self._store.execute_command("ZREM", keys.ALERTS_UNTOLD, *(one.id for one in news))

    def _open_call(self, notice: Notice, now: datetime) -> Call:
        names = [
            keys.ALERT_CAUSES,
            keys.ALERTS,
            keys.alerts_by_state("open"),
            keys.ALERTS_UNTOLD,
            keys.COUNTERS,
            keys.ALERTS_LAPSING,
        ]
        lapses_after = notice.kind.lapses_after
        return names, [
            cause_of(notice.kind, notice.subject),
            notice.id,
            micros(now),
            notice.kind.value,
            notice.subject,
            notice.shop_id or "",
            notice.text[:MAX_TEXT],
            MAX_OPEN,
            self._telling,
            f"alert_opened_{notice.kind.value}",
            keys.ALERT_PREFIX,
            micros(now + lapses_after) if lapses_after else "",
        ]

    def _close_call(self, ended: Ended, now: datetime) -> Call:
        names = [
            keys.ALERT_CAUSES,
            keys.ALERTS,
            keys.alerts_by_state("open"),
            keys.alerts_by_state("closed"),
            keys.ALERTS_UNTOLD,
            keys.COUNTERS,
            keys.ALERTS_LAPSING,
        ]
        return names, [
            cause_of(ended.kind, ended.subject),
            ended.token,
            micros(now),
            MAX_CLOSED,
            self._telling,
            f"alert_closed_{ended.kind.value}",
            keys.ALERT_PREFIX,
        ]


def cause_of(kind: AlertKind, subject: str) -> str:
    """Return a cause as one text."""
    return f"{kind.value}:{subject}"


def split_cause(cause: str) -> tuple[AlertKind, str]:
    """Return the kind and the subject of such a text."""
    kind, _, subject = cause.partition(":")
    return AlertKind(kind), subject


def _alert(fields: dict[str, str]) -> Alert:
    CODEC.known(fields.get("v"), "alert")
    return Alert(
        id=fields["id"],
        kind=AlertKind(fields["kind"]),
        subject=fields["subject"],
        shop_id=fields["shop_id"] or None,
        text=fields["text"],
        state=AlertState(fields["state"]),
        first_at=time_of(fields["first_at"]),
        last_at=time_of(fields["last_at"]),
        closed_at=time_or_none(fields.get("closed_at")),
        count=int(fields["count"]),
    )
