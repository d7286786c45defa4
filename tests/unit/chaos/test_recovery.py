from __future__ import annotations

from datetime import UTC, datetime

from tests.chaos.lanes import lost_attempts
from tests.chaos.recovery import Kill
from tests.chaos.rounds import percentile, recovery_findings

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def kill(recovered_s: float | None) -> Kill:
    return Kill(role="worker", pid=1, at=AT, recovered_s=recovered_s)


def test_quick_recoveries_are_no_fault() -> None:
    assert recovery_findings([kill(0.5), kill(12.0)]) == []


def test_one_recovery_over_thirty_seconds_is_a_fault() -> None:
    late = recovery_findings([*(kill(1.0) for _ in range(50)), kill(31.0)])
    assert [finding.check for finding in late] == ["recovery-late"]


def test_a_role_that_never_worked_again_is_a_fault() -> None:
    found = recovery_findings([*(kill(1.0) for _ in range(50)), kill(None)])
    assert "never worked again" in found[0].detail


def test_many_slow_recoveries_are_a_fault_though_none_is_over_thirty() -> None:
    found = recovery_findings([kill(20.0) for _ in range(5)])
    assert "p95" in found[0].detail


def test_nothing_killed_is_no_fault() -> None:
    assert recovery_findings([]) == []


def test_the_95th_percentile_of_twenty_is_the_nineteenth() -> None:
    assert percentile([float(number) for number in range(1, 21)], 0.95) == 19.0


def test_a_kill_hit_again_is_judged_all_the_same() -> None:
    again = Kill(role="api", pid=1, at=AT, recovered_s=31.0, hit_again=True)
    assert recovery_findings([again])


def test_an_attempt_cut_off_lasts_until_the_next_one() -> None:
    cut_off = {"finished_at": None, "started_at": "2026-01-31T12:00:00+00:00"}
    again = {"finished_at": "2026-01-31T12:00:09+00:00", "started_at": "2026-01-31T12:00:08+00:00"}
    row = {"attempts": [cut_off, again], "finished_at": "2026-01-31T12:00:09+00:00"}
    ((started, resumed),) = lost_attempts([row])
    assert (resumed - started).total_seconds() == 8


def test_a_command_that_needed_no_attempt_lost_none() -> None:
    assert list(lost_attempts([{"attempts": [], "finished_at": "2026-01-31T12:00:09+00:00"}])) == []
