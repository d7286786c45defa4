"""The judge: facts in, faults out. Everything is compared with the sandbox's own ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from tests.chaos.copies import differences
from tests.chaos.facts import UNANSWERED, Facts, Finding, Json, ask_mark
from tests.chaos.lanes import lane_findings

FINAL = ("succeeded", "failed", "dead")
# What a dead webhook says when a person has to look whether the platform did it.
CANNOT_BE_TOLD = "cannot be told"
_CONVERGING = ("acknowledge", "update_tracking", "cancel")


def judge(facts: Facts) -> list[Finding]:
    """Return every fault; an empty list says that nothing was lost, doubled, different or stuck."""
    return [
        *_webhooks(facts),
        *_asks(facts),
        *_commands(facts),
        *_effects(facts),
        *_acknowledgements(facts),
        *_copies(facts),
        *lane_findings(facts),
    ]


def untold(facts: Facts) -> list[Json]:
    """Return the dead letters that have an effect and say that a person must look; not faults, but shown."""
    effects = _effects_by_key(facts)
    return [row for row in facts.commands if _honest(row) and _own_effects(row, effects)]


def _webhooks(facts: Facts) -> Iterator[Finding]:
    for webhook in facts.deliveries:
        order_id = webhook.order_ids[0] if webhook.order_ids else None
        if webhook.acknowledged and webhook.found_new:
            detail = f"webhook {webhook.number} was answered 200, yet a last copy of it was taken for new"
            yield Finding(check="webhook-lost", order_id=order_id, detail=detail)
        if webhook.accepted > webhook.entries:
            detail = f"webhook {webhook.number}: {webhook.accepted} accepted of {webhook.entries} entries"
            yield Finding(check="webhook-doubled", order_id=order_id, detail=detail)


def _asks(facts: Facts) -> Iterator[Finding]:
    known = {row["id"] for row in facts.commands}
    made: Counter[tuple[str, str]] = Counter()
    going: set[tuple[str, str]] = set()
    for row in facts.commands:
        if mark := ask_mark(row["kind"], row["request"]):
            made[row["kind"], mark] += 1
            if row["status"] != "failed":
                going.add((row["kind"], mark))
    for ask in facts.asks:
        for command_id in sorted(set(ask.command_ids) - known):
            detail = f"{ask.kind} {ask.mark}: command {command_id} was promised and is unknown"
            yield Finding(check="command-lost", order_id=ask.order_id, detail=detail)
        if len(set(ask.command_ids)) > 1 or made[ask.kind, ask.mark] > 1:
            detail = f"{ask.kind} {ask.mark} became {max(made[ask.kind, ask.mark], 2)} commands"
            yield Finding(check="command-doubled", order_id=ask.order_id, detail=detail)
        told_no = ask.refusal not in (None, UNANSWERED) and not ask.command_ids
        if told_no and (ask.kind, ask.mark) in going:
            detail = f"{ask.kind} {ask.mark} was refused ({ask.refusal}), and a command makes it all the same"
            yield Finding(check="answer-denied", order_id=ask.order_id, detail=detail)
        if ask.unexpected is not None:
            detail = f"{ask.kind} {ask.mark}: {ask.unexpected}"
            yield Finding(check="answer-unexpected", order_id=ask.order_id, detail=detail)


def _commands(facts: Facts) -> Iterator[Finding]:
    effects = _effects_by_key(facts)
    for row in facts.commands:
        order_id, what = row["order_id"], f"{row['kind']} {row['id']}"
        if row["status"] not in FINAL:
            detail = f"{what} is still {row['status']}, next at {row['next_attempt_at']}: {row['error']}"
            yield Finding(check="command-open", order_id=order_id, detail=detail)
            continue
        own = _own_effects(row, effects)
        if len(own) > 1:
            detail = f"{what} has {len(own)} effects"
            yield Finding(check="effect-doubled", order_id=order_id, detail=detail)
        if row["status"] == "succeeded" and not own and not _converged(row, facts):
            detail = f"{what} succeeded, and the platform made no such change"
            yield Finding(check="effect-missing", order_id=order_id, detail=detail)
        if row["status"] != "succeeded" and own and not _honest(row):
            detail = f"{what} ended {row['status']} ({row['error']}), and the platform did it"
            yield Finding(check="effect-denied", order_id=order_id, detail=detail)


def _effects(facts: Facts) -> Iterator[Finding]:
    keys = {key for row in facts.commands for key in command_keys(row)}
    marked: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for effect in _merchant_effects(facts):
        if effect["idempotency_key"] not in keys:
            detail = f"{effect['kind']} under key {effect['idempotency_key']}, which no command has"
            yield Finding(check="effect-unasked", order_id=effect["order_id"], detail=detail)
        if mark := ask_mark(effect["kind"], effect["request"]):
            marked[effect["kind"], mark].append(effect)
    for (kind, mark), made in marked.items():
        if len(made) > 1:
            detail = f"{kind} {mark} was asked for once and done {len(made)} times"
            yield Finding(check="effect-doubled", order_id=made[0]["order_id"], detail=detail)


def _acknowledgements(facts: Facts) -> Iterator[Finding]:
    made = Counter(
        effect["order_id"] for effect in _merchant_effects(facts) if effect["kind"] == "acknowledge"
    )
    for order_id, order in facts.theirs.items():
        if made[order_id] > 1:
            detail = f"acknowledged {made[order_id]} times"
            yield Finding(check="acknowledged-once", order_id=order_id, detail=detail)
        if order["state"] == "CREATED":
            detail = "still CREATED, although the shop acknowledges by itself"
            yield Finding(check="acknowledged-once", order_id=order_id, detail=detail)


def _copies(facts: Facts) -> Iterator[Finding]:
    for order_id, theirs in facts.theirs.items():
        ours = facts.ours.get(order_id)
        if ours is None and not theirs.get("listed", True):
            continue  # cancelled in its hold before anybody told us of it: nothing will ever list it
        for detail in differences(ours, theirs):
            yield Finding(check="copy-differs", order_id=order_id, detail=detail)
        if ours is not None and not facts.timelines.get(order_id):
            yield Finding(check="timeline-missing", order_id=order_id, detail="known, and has no timeline")
    for order_id in sorted(set(facts.ours) - set(facts.theirs)):
        yield Finding(check="copy-differs", order_id=order_id, detail="we know it, the platform does not")


def command_keys(row: Json) -> set[str]:
    """Return every key a command has or had."""
    return {row["idempotency_key"], *(attempt["idempotency_key"] for attempt in row["attempts"])}


def _merchant_effects(facts: Facts) -> Iterator[Json]:
    return (effect for effect in facts.effects if effect["by"] == "merchant")


def _effects_by_key(facts: Facts) -> dict[tuple[str, str], list[Json]]:
    by_key: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for effect in _merchant_effects(facts):
        by_key[effect["idempotency_key"], effect["order_id"]].append(effect)
    return by_key


def _own_effects(row: Json, effects: dict[tuple[str, str], list[Json]]) -> list[Json]:
    return [effect for key in sorted(command_keys(row)) for effect in effects.get((key, row["order_id"]), ())]


def _honest(row: Json) -> bool:
    return row["status"] == "dead" and CANNOT_BE_TOLD in (row["error"] or "")


def _converged(row: Json, facts: Facts) -> bool:
    """Whether the platform's order shows what the command wanted, made by somebody else."""
    order = facts.theirs.get(row["order_id"])
    if order is None or row["kind"] not in _CONVERGING:
        return False
    request: Json = row["request"]
    match row["kind"]:
        case "acknowledge":
            return bool(order["state"] not in ("CREATED", "FB_PROCESSING"))
        case "update_tracking":
            number = request["tracking"]["tracking_number"]
            return any(parcel["tracking_number"] == number for parcel in order["shipments"])
    return not any(_open_units(order, request))


def _open_units(order: Json, request: Json) -> Iterator[int]:
    named: list[Any] | None = request["items"]
    wanted = None if named is None else {line["item_id"] for line in named}
    return (line["open"] for line in order["items"] if wanted is None or line["id"] in wanted)
