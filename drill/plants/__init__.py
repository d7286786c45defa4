"""Bugs to plant: what the drill must find. None of this runs unless the drill itself asks for it.

A plant is put into the processes of one stack from outside: `site/sitecustomize.py` comes first on their
path, and patches modules after their import. The application knows nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One bug: what it is, and the modules it goes into, each with the function that puts it there."""

    what: str
    patches: tuple[tuple[str, str], ...]


PLANTS = {
    "answer-before-write": Plant(
        what="a webhook is answered 200 before it is written",
        patches=(("app.store.inbox", "drill.plants.intake:answer_before_write"),),
    ),
    "get-then-set": Plant(
        what="a duplicate is looked for with GET and marked with SET",
        patches=(("app.store.inbox", "drill.plants.intake:get_then_set"),),
    ),
    "key-per-call": Plant(
        what="every call to the platform gets an idempotency key of its own",
        patches=(("app.graph.client", "drill.plants.calls:key_per_call"),),
    ),
    "new-refund-key": Plant(
        what="a refund that was not answered is retried under a new key",
        patches=(("app.services.settle_command", "drill.plants.calls:new_refund_key"),),
    ),
    "no-read-back": Plant(
        what="no order is read back, and every retry gets a new key",
        patches=(
            ("app.services.settle_command", "drill.plants.calls:new_key"),
            ("app.services.run_command", "drill.plants.calls:no_read_back"),
        ),
    ),
    "no-lease": Plant(
        what="any command runs at once, whoever runs another of its order",
        patches=(
            ("app.store.script", "drill.plants.lanes:no_guard"),
            ("app.store.commands", "drill.plants.lanes:every_command_first"),
        ),
    ),
    "counts-for-ever": Plant(
        what="a killed job that went on with others counts as going on for a day",
        patches=(("app.services.go_on", "drill.plants.lanes:count_for_ever"),),
    ),
    "mark-past-failure": Plant(
        what="the high-water mark moves although the poll failed",
        patches=(("app.services.reconcile", "drill.plants.polls:mark_past_failure"),),
    ),
    "no-append-only-file": Plant(
        what="Redis does not write its append-only file",
        patches=(),  # the drill runs Redis itself, and switches it off there
    ),
}
