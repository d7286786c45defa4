"""Leases are renewed while their commands run, all of a process by one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from app.services import lease as beats
from app.services.lease import Heartbeat
from app.store.commands import Commands, Lease
from app.store.connection import Store
from tests.integration.store.samples import command, note, ship

LEASE_S = 1.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beats, "LEASE_S", LEASE_S)
    monkeypatch.setattr(beats, "BEAT_S", 0.1)


def now() -> datetime:
    return datetime.now(UTC)


def taken(commands: Commands, *names: str) -> None:
    for name in names:
        new = command(name, order_id=f"order of {name}", change=ship(), at=now())
        commands.accept(new, timeline=note())
        assert isinstance(commands.lease(name, token=f"t-{name}", now=now(), lease_s=LEASE_S), Lease)


def expired(commands: Commands, *, after_s: float = 0.0) -> set[str]:
    return {one.id for one in commands.expired(now() + timedelta(seconds=after_s), limit=10)}


def eventually(holds: Callable[[], bool]) -> bool:
    until_s = time.monotonic() + 8.0
    while time.monotonic() < until_s:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_leases_live_as_long_as_their_commands_run_and_end_soon_after(redis: Store) -> None:
    commands = Commands(redis)
    heartbeat = Heartbeat(commands, now)
    taken(commands, "a", "b")
    with heartbeat.holding("a", "t-a"):
        with heartbeat.holding("b", "t-b"):
            time.sleep(1.5 * LEASE_S)
            assert expired(commands) == set()
        assert eventually(lambda: expired(commands) == {"b"})
    assert eventually(lambda: expired(commands) == {"a", "b"})


def test_it_beats_again_after_a_time_without_any_lease(redis: Store) -> None:
    commands = Commands(redis)
    heartbeat = Heartbeat(commands, now)
    taken(commands, "a")
    with heartbeat.holding("a", "t-a"):
        pass
    time.sleep(0.3)
    taken(commands, "b")
    with heartbeat.holding("b", "t-b"):
        time.sleep(1.5 * LEASE_S)
        assert "b" not in expired(commands)


def test_the_lease_of_another_run_is_not_renewed(redis: Store) -> None:
    commands = Commands(redis)
    heartbeat = Heartbeat(commands, now)
    taken(commands, "a")
    commands.lease("a", token="another", now=now() + timedelta(seconds=2 * LEASE_S), lease_s=-1.5 * LEASE_S)
    with heartbeat.holding("a", "t-a"):
        assert eventually(lambda: expired(commands) == {"a"})
        time.sleep(0.5)
        assert expired(commands) == {"a"}


def test_a_beat_that_fails_is_not_the_last_one(redis: Store) -> None:
    class Failing(Commands):
        failures = 2

        def renew(self, held: Mapping[str, str], *, until: datetime) -> list[str]:
            self.failures -= 1
            if self.failures >= 0:
                raise ArithmeticError("a bug")
            return super().renew(held, until=until)

    commands = Failing(redis)
    taken(commands, "a")
    with Heartbeat(commands, now).holding("a", "t-a"):
        time.sleep(1.5 * LEASE_S)
        assert expired(commands) == set()
