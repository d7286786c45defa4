"""Running a command: its lease, its attempts, its settlement, and what is due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.domain.codec import encode
from app.domain.commands import Attempt, CommandKind, CommandStatus, WireRequest
from app.store import keys
from app.store.command_record import command_of
from app.store.command_values import DueCommand, Lease, LeaseDenied, LeaseDeniedReason, Settled, Settlement
from app.store.connection import Store, run
from app.store.order_record import stored_order
from app.store.orders import MAX_TIMELINE
from app.store.pages import bounded, pairs
from app.store.script import Call, load, run_each
from app.store.times import micros, time_of, time_or_none

# Attempts that a record keeps, the newest: those that a throttle ended cost nothing and can be many.
MAX_ATTEMPTS_KEPT = 200
# As many as one batch carries, with room: one round trip, some 5 ms of Redis's time.
MAX_SETTLED_AT_ONCE = 200


class CommandRuns:
    """Lets one worker at a time run the head of a lane. A `token` names one run and is never used again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._take = load(store, "command_lease")
        self._next = load(store, "command_lease_next")
        self._requeue = load(store, "command_requeue")
        self._begin = load(store, "command_begin")
        self._renew = load(store, "command_renew")
        self._settle = load(store, "command_settle")
        self._due = load(store, "command_due")

    def lease(self, command_id: str, *, token: str, now: datetime, lease_s: float) -> Lease | LeaseDenied:
        """Take the lease of a command that is the head of its lane and due, for `lease_s` seconds."""
        answer, *detail = self._take(
            [keys.command(command_id), keys.LEASES],
            [
                command_id,
                token,
                micros(now),
                micros(now + timedelta(seconds=lease_s)),
                keys.COMMAND_PREFIXES,
            ],
        )
        if answer != "taken":
            ends_at, shop_id = detail
            reason = LeaseDeniedReason(answer)
            return LeaseDenied(reason=reason, due_at=time_or_none(ends_at), shop_id=shop_id or None)
        return _taken(detail) or LeaseDenied(reason=LeaseDeniedReason.MISSING, due_at=None)

    def lease_next(
        self,
        kind: CommandKind,
        shop_id: str,
        *,
        job: str,
        token: str,
        now: datetime,
        lease_s: float,
        active_s: float,
    ) -> Lease | None:
        """Take the lease of the command of that kind and shop which has been due the longest; None: none is.

        `job` names the caller: for `active_s` seconds, or until it gets None, it counts as an active consumer
        (`Acceptance.active_consumers`).
        """
        answer, *detail = self._next(
            [
                keys.due_of(kind.value, shop_id),
                keys.active_consumers(kind.value, shop_id),
                keys.LEASES,
                keys.due(kind.value),
            ],
            [
                job,
                token,
                micros(now),
                micros(now + timedelta(seconds=lease_s)),
                micros(now + timedelta(seconds=active_s)),
                keys.COMMAND_PREFIXES,
                keys.COMMAND_PREFIX,
            ],
        )
        return _taken(detail) if answer == "taken" else None

    def requeue(self, kind: CommandKind, shop_id: str, *, job: str, now: datetime) -> tuple[str, str] | None:
        """Count the job no more; return id and order id of the command that waits for another, None: none."""
        command_id, order_id = self._requeue(
            [keys.due_of(kind.value, shop_id), keys.active_consumers(kind.value, shop_id)],
            [job, micros(now), keys.COMMAND_PREFIX],
        )
        return (command_id, order_id) if command_id else None

    def active_consumers(
        self, of: Collection[tuple[CommandKind, str]], now: datetime
    ) -> dict[tuple[CommandKind, str], int]:
        """Return how many active consumers each of these kinds has in its shop."""
        after = f"({micros(now)}"
        calls = [
            ("ZCOUNT", keys.active_consumers(kind.value, shop_id), after, "+inf") for kind, shop_id in of
        ]
        return dict(zip(of, run(self._store, calls) if calls else [], strict=True))

    def begin_attempt(self, command_id: str, *, token: str, attempt: Attempt, wire: WireRequest) -> bool:
        """Write the attempt and its exact bytes down, before the call; False: the lease is not ours now."""
        return bool(
            self._begin(
                [keys.command(command_id)],
                [
                    token,
                    micros(attempt.started_at),
                    attempt.number,
                    encode(attempt),
                    encode(wire),
                    attempt.idempotency_key,
                    MAX_ATTEMPTS_KEPT,
                ],
            )
        )

    def renew(self, held: Mapping[str, str], *, until: datetime) -> list[str]:
        """Move the ends of these leases, tokens by command id, forward to `until`, in one round trip.

        Returns the commands whose lease is another's now.
        """
        calls: list[Call] = [
            ([keys.command(command_id), keys.LEASES], [command_id, token, micros(until)])
            for command_id, token in held.items()
        ]
        answers = run_each(self._store, self._renew, calls)
        return [command_id for command_id, renewed in zip(held, answers, strict=True) if not renewed]

    def settle(self, command_id: str, *, token: str, settlement: Settlement, now: datetime) -> Settled:
        """End the run of a taken command: store its attempt, give the lease back, move the lane on."""
        return self.settle_many({command_id: settlement}, token=token, now=now)[command_id]

    def settle_many(
        self, settlements: Mapping[str, Settlement], *, token: str, now: datetime
    ) -> dict[str, Settled]:
        """Settle these commands, which one token holds, as `settle` does; all in one round trip."""
        if len(settlements) > MAX_SETTLED_AT_ONCE:
            raise ValueError(f"{len(settlements)} commands at once; the most is {MAX_SETTLED_AT_ONCE}")
        calls = [_settle_call(command_id, token, one, now) for command_id, one in settlements.items()]
        answers = run_each(self._store, self._settle, calls)
        return {command_id: _settled(row) for command_id, row in zip(settlements, answers, strict=True)}

    def release(self, command_id: str, *, token: str, now: datetime) -> Settled:
        """Give the lease back as if it had not been taken: the command waits, due now."""
        waiting = Settlement(status=CommandStatus.WAITING, next_attempt_at=now)
        return _settled(self._settle(*_settle_call(command_id, token, waiting, now, set_error=False)))

    def due(self, now: datetime, *, kind: CommandKind | None = None, limit: int) -> list[DueCommand]:
        """Return up to `limit` lane heads whose time has come, the longest waiting first."""
        kinds = [kind] if kind else list(CommandKind)
        return self._listed([keys.due(one.value) for one in kinds], now, limit)

    def expired(self, now: datetime, *, limit: int) -> list[DueCommand]:
        """Return up to `limit` running commands whose lease is over, the longest over first."""
        return self._listed([keys.LEASES], now, limit)

    def _listed(self, indexes: Sequence[str], now: datetime, limit: int) -> list[DueCommand]:
        most = bounded(limit)
        found = self._due(indexes, [micros(now), most, keys.COMMAND_PREFIX])
        due = [
            DueCommand(
                id=row[0],
                due_at=time_of(row[1]),
                kind=CommandKind(row[2]),
                order_id=row[3],
                shop_id=row[4],
                lost_runs=int(row[5] or 0),
            )
            for row in found
        ]
        return sorted(due, key=lambda one: (one.due_at, one.id))[:most]


def _taken(detail: Sequence[Any]) -> Lease | None:
    record, copy, read_pending, *waiting = detail
    fields = pairs(record)
    command = command_of(fields)
    if command is None:
        return None
    return Lease(
        command=command,
        lost_runs=int(fields.get("lost_runs", "0")),
        copy=stored_order(pairs(copy)),
        read_pending=bool(read_pending),
        waiting=waiting[0] if waiting else 0,
    )


def _settle_call(
    command_id: str, token: str, settlement: Settlement, now: datetime, *, set_error: bool = True
) -> Call:
    attempt, next_at = settlement.attempt, settlement.next_attempt_at
    if (settlement.status is CommandStatus.WAITING) is (next_at is None):
        raise ValueError(f"command {command_id}: only a waiting settlement has a next attempt's time")
    called = [
        keys.command(command_id),
        keys.LEASES,
        keys.COUNTERS,
        keys.PENDING_SEQUENCE,
        keys.PENDING_ORDERS,
    ]
    return called, [
        command_id,
        token,
        micros(now),
        settlement.status.value,
        micros(next_at) if next_at else "",
        attempt.number if attempt else "",
        encode(attempt) if attempt else "",
        settlement.idempotency_key or "",
        "1" if settlement.keep_wire else "0",
        "1" if set_error else "0",
        settlement.error or "",
        keys.COMMAND_PREFIXES,
        MAX_TIMELINE,
        "1" if settlement.paused else "0",
        "1" if settlement.read_pending else "0",
        *(encode(entry) for entry in settlement.timeline),
    ]


def _settled(answer: Sequence[str]) -> Settled:
    ok, next_id, next_kind, next_due = answer
    return Settled(
        ok=ok == "1",
        next_id=next_id or None,
        next_kind=CommandKind(next_kind) if next_kind else None,
        next_due_at=time_or_none(next_due),
    )
