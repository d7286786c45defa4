"""The judge, held by invented ledgers: a sound one is clean, and each kind of fault is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.facts import Ask, Delivery, Facts
from tests.chaos.judge import judge, untold

Json = dict[str, Any]


def attempt(**changes: Any) -> Json:
    return {
        "number": 1,
        "started_at": "2026-01-31T12:00:00+00:00",
        "finished_at": "2026-01-31T12:00:01+00:00",
        "outcome": "accepted",
        "error": None,
        "idempotency_key": "key-1",
    } | changes


def command(**changes: Any) -> Json:
    return {
        "id": "cmd-1",
        "order_id": "1",
        "kind": "refund",
        "status": "succeeded",
        "idempotency_key": "key-1",
        "request": {"reason_text": "MARK1"},
        "attempts": [attempt()],
        "next_attempt_at": None,
        "finished_at": "2026-01-31T12:00:01+00:00",
        "error": None,
    } | changes


def effect(**changes: Any) -> Json:
    return {
        "order_id": "1",
        "kind": "refund",
        "by": "merchant",
        "idempotency_key": "key-1",
        "request": {"reason_text": "MARK1"},
    } | changes


def call(key: str = "key-1") -> Json:
    return {"order_id": "1", "kind": "refunds", "idempotency_key": key, "status": 200}


def ours(**changes: Any) -> Json:
    status = {"in_progress": 0, "fulfilled": 2, "cancelled": 0}
    return {
        "id": "1",
        "state": "COMPLETED",
        "merchant_order_reference": "A-1",
        "items": [{"id": "11", "quantity": 2, "status": status, "refunded_quantity": 0}],
        "shipments": [],
        "cancellations": [],
        "refunds": [
            {"id": "31", "reason_code": "WRONG_ITEM", "amount": {"amount": "1.25", "currency": "USD"}}
        ],
    } | changes


def theirs(**changes: Any) -> Json:
    line = {"id": "11", "quantity": 2, "open": 0, "shipped": 2, "cancelled": 0, "refunded": 0}
    return {
        "id": "1",
        "state": "COMPLETED",
        "listed": True,
        "merchant_order_reference": "A-1",
        "items": [line],
        "shipments": [],
        "cancellations": [],
        "refunds": [{"id": "31", "reason_code": "WRONG_ITEM", "total": "1.25"}],
    } | changes


SOUND = Facts(
    asks=(Ask(mark="MARK1", kind="refund", order_id="1", command_ids=("cmd-1", "cmd-1")),),
    deliveries=(Delivery(number=1, order_ids=("1",), entries=1, acknowledged=True, accepted=1),),
    commands=(command(),),
    effects=(effect(),),
    writes=(call(),),
    ours={"1": ours()},
    theirs={"1": theirs()},
    timelines={"1": ({"what": "order.found"},)},
)


def checks(facts: Facts) -> list[str]:
    return [finding.check for finding in judge(facts)]


def test_a_sound_ledger_has_no_fault() -> None:
    assert judge(SOUND) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"effects": (effect(), effect(idempotency_key="key-2"))}, "effect-doubled"),
        ({"effects": ()}, "effect-missing"),
        ({"effects": (effect(idempotency_key="stranger"),)}, "effect-unasked"),
        ({"commands": (command(status="failed", error="nothing to refund"),)}, "effect-denied"),
        ({"commands": (command(status="waiting", finished_at=None),)}, "command-open"),
        ({"commands": (), "effects": (), "writes": ()}, "command-lost"),
        ({"commands": (command(), command(id="cmd-2"))}, "command-doubled"),
        ({"stuck": {"1": "did not get through"}}, "lane-stuck"),
        ({"undone": {"orderwire_inbox_entries": 3.0}}, "left-undone"),
        ({"ours": {}}, "copy-differs"),
        ({"theirs": {}}, "copy-differs"),
        ({"timelines": {}}, "timeline-missing"),
        ({"writes": (call(), call())}, "call-unwritten"),
    ],
)
def test_each_fault_is_named(changed: Json, expected: str) -> None:
    assert expected in checks(replace(SOUND, **changed))


def test_a_refund_done_twice_under_two_keys_is_doubled_though_the_command_knows_both() -> None:
    twice = command(attempts=[attempt(), attempt(number=2, idempotency_key="key-2")])
    found = checks(replace(SOUND, commands=(twice,), effects=(effect(), effect(idempotency_key="key-2"))))
    assert "effect-doubled" in found


def test_a_cent_of_difference_in_a_refund_is_a_differing_copy() -> None:
    other = theirs(refunds=[{"id": "31", "reason_code": "WRONG_ITEM", "total": "1.26"}])
    assert checks(replace(SOUND, theirs={"1": other})) == ["copy-differs"]


def test_amounts_written_with_other_decimals_are_equal() -> None:
    other = theirs(refunds=[{"id": "31", "reason_code": "WRONG_ITEM", "total": "1.250"}])
    assert checks(replace(SOUND, theirs={"1": other})) == []


def test_an_answered_webhook_whose_last_copy_is_new_was_lost() -> None:
    lost = Delivery(number=1, order_ids=("1",), entries=1, acknowledged=True, accepted=1, found_new=1)
    assert checks(replace(SOUND, deliveries=(lost,))) == ["webhook-lost"]


def test_a_webhook_never_answered_may_be_new_to_the_last_copy() -> None:
    never = Delivery(number=1, order_ids=("1",), entries=1, acknowledged=False, accepted=0, found_new=1)
    assert checks(replace(SOUND, deliveries=(never,))) == []


def test_an_entry_accepted_twice_is_doubled() -> None:
    twice = Delivery(number=1, order_ids=("1",), entries=1, acknowledged=True, accepted=2)
    assert checks(replace(SOUND, deliveries=(twice,))) == ["webhook-doubled"]


def test_a_dead_letter_that_says_it_cannot_be_told_is_shown_and_no_fault() -> None:
    dead = command(status="dead", error="No answer. Whether it was applied cannot be told: look.")
    facts = replace(SOUND, commands=(dead,))
    assert judge(facts) == []
    assert untold(facts) == [dead]


def test_a_refusal_told_of_a_command_that_is_carried_out_is_a_fault() -> None:
    refused = Ask(mark="MARK1", kind="refund", order_id="1", refusal="more_than_shipped")
    assert checks(replace(SOUND, asks=(refused,))) == ["answer-denied"]


def test_two_promises_for_one_wish_are_a_doubled_command() -> None:
    two = Ask(mark="MARK1", kind="refund", order_id="1", command_ids=("cmd-1", "cmd-2"))
    facts = replace(SOUND, asks=(two,), commands=(command(), command(id="cmd-2", request={})))
    assert "command-doubled" in checks(facts)


def test_two_acknowledgements_of_one_order_are_a_fault() -> None:
    taken = [effect(kind="acknowledge", request={"id": "1"}) for _ in range(2)]
    assert "acknowledged-once" in checks(replace(SOUND, effects=(*SOUND.effects, *taken)))


def test_an_order_left_unacknowledged_is_a_fault() -> None:
    left = {"1": theirs(state="CREATED")}
    assert "acknowledged-once" in checks(replace(SOUND, theirs=left, ours={"1": ours(state="CREATED")}))


def test_a_cancellation_made_by_the_buyer_first_is_converged_and_no_missing_effect() -> None:
    overtaken = command(
        id="cmd-2", kind="cancel", request={"items": None, "reason_description": "MARK2"}, attempts=[]
    )
    assert checks(replace(SOUND, commands=(*SOUND.commands, overtaken))) == []


def test_an_order_that_vanished_in_its_hold_need_not_be_known() -> None:
    gone = {"1": theirs(), "2": theirs(id="2", listed=False)}
    assert checks(replace(SOUND, theirs=gone)) == []


def test_attempts_of_one_order_under_way_at_once_are_found() -> None:
    other = command(
        id="cmd-2",
        kind="acknowledge",
        idempotency_key="key-9",
        request={},
        attempts=[
            attempt(
                started_at="2026-01-31T12:00:00.500000+00:00",
                finished_at="2026-01-31T12:00:02+00:00",
                idempotency_key="key-9",
            )
        ],
    )
    assert checks(replace(SOUND, commands=(*SOUND.commands, other))) == ["lane-overlap"]


def test_an_attempt_cut_off_by_a_kill_overlaps_with_nothing() -> None:
    cut_off = command(
        attempts=[
            attempt(finished_at=None, outcome=None, started_at="2026-01-31T11:59:00+00:00"),
            attempt(number=2),
        ]
    )
    assert checks(replace(SOUND, commands=(cut_off,))) == []


def test_a_mark_is_found_in_the_platforms_own_form_fields() -> None:
    form = {"cancel_reason": '{"reason_code":"OUT_OF_STOCK","reason_description":"MARK3"}'}
    cancels = [effect(kind="cancel", request=form, idempotency_key="key-1") for _ in range(2)]
    assert "effect-doubled" in checks(replace(SOUND, effects=(*SOUND.effects, *cancels)))
