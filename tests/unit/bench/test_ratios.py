from __future__ import annotations

from bench.measure.ratios import Spread, ratios, summary
from bench.measure.turns import Row, Turn, interleaved


def turn(side: str, number: int, *, units: int, cpu_s: float) -> Turn:
    return Turn(side=side, round=number, units=units, seconds=2.0, failures=0, cpu_s={"api": cpu_s})


def row(*turns: Turn) -> Row:
    return Row(name="r", title="R", units="orders", how="", base="ours", turns=turns)


def test_the_sides_take_turns_forth_and_back() -> None:
    assert list(interleaved(("a", "b"), 3)) == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]


def test_a_ratio_is_of_one_round_and_says_how_many_times_better_the_base_is() -> None:
    measured = row(
        turn("ours", 0, units=300, cpu_s=0.3),  # 150 a second, 1 ms
        turn("naive", 0, units=100, cpu_s=0.4),  # 50 a second, 4 ms
        turn("naive", 1, units=50, cpu_s=0.4),  # 25 a second, 8 ms
        turn("ours", 1, units=300, cpu_s=0.6),  # 150 a second, 2 ms
        turn("ours", 2, units=400, cpu_s=0.4),
        turn("naive", 2, units=100, cpu_s=0.4),
    )
    found = ratios(measured)
    assert found == {
        "naive": {"rate": Spread(median=4, low=3, high=6), "cpu_ms": Spread(median=4, low=4, high=4)}
    }


def test_a_round_in_which_one_did_nothing_has_no_ratio() -> None:
    idle = Turn(side="naive", round=0, units=0, seconds=2.0, failures=3)
    assert ratios(row(turn("ours", 0, units=10, cpu_s=0.1), idle)) == {"naive": {}}


def test_numbers_a_unit_are_worked_out_by_part() -> None:
    one = Turn(
        side="ours", round=0, units=100, seconds=2.0, failures=0, cpu_s={"api": 0.3, "redis": 0.1}, p50_ms=4.0
    )
    numbers = one.numbers()
    assert numbers["rate"] == 50
    assert numbers["cpu_ms"] == 4
    assert numbers["cpu_api_ms"] == 3
    assert numbers["cpu_redis_ms"] == 1
    assert numbers["cores"] == 0.2
    assert summary(row(one))["ours"]["p50_ms"] == Spread(median=4, low=4, high=4)
    assert "p99_ms" not in numbers
