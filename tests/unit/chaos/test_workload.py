from __future__ import annotations

from tests.chaos.workload import make_lives


def test_the_same_seed_makes_the_same_lives() -> None:
    assert make_lives(7, 200) == make_lives(7, 200)


def test_another_seed_makes_other_lives() -> None:
    assert make_lives(7, 200) != make_lives(8, 200)


def test_lives_have_as_many_events_as_were_asked_for() -> None:
    lives = make_lives(3, 500)
    assert 500 <= sum(life.events for life in lives) < 520


def test_every_wish_has_a_mark_of_its_own() -> None:
    marks = [planned.mark for life in make_lives(5, 800) for step in life.steps for planned in step.requests]
    assert len(set(marks)) == len(marks)


def test_every_kind_of_wish_occurs() -> None:
    requests = {
        planned.what for life in make_lives(1, 800) for step in life.steps for planned in step.requests
    }
    assert requests == {
        *("ship", "track", "cancel", "refund_units", "refund_amount", "refund_shipping"),
        *("release", "buyer_cancel", "meta_refund"),
    }


def test_wishes_are_made_in_conflict_on_one_order() -> None:
    steps = [step for life in make_lives(1, 800) for step in life.steps]
    assert any({"ship", "cancel"} <= {planned.what for planned in step.requests} for step in steps)


def test_only_a_held_order_is_released() -> None:
    for life in make_lives(2, 800):
        released = any(planned.what == "release" for step in life.steps for planned in step.requests)
        assert not released or life.order["state"] == "FB_PROCESSING"
