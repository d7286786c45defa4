"""Bugs that the chaos tests must find. None of this runs unless they ask for it.

A bug is put into the processes of one stack from outside: `site/sitecustomize.py` comes first on their
path, and patches modules after their import. The application knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.seeded_bugs import calls, intake, lanes, polls, targets
from tests.chaos.seeded_bugs.targets import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class SeededBug:
    """One bug: what it is, and its patches: a target, and the function that makes its replacement."""

    what: str
    patches: tuple[tuple[Target, Callable[[Any, Any], Any]], ...]

    def absent_from(self, log: str) -> list[str]:
        """Return the targets that no process reported in `log` as patched."""
        return [target.attribute for target, make in self.patches if report(target, make) not in log]


def report(target: Target, make: Callable[[Any, Any], Any]) -> str:
    """Return the line that a process writes once a patch is in."""
    return f"seeded {make.__name__} into {target.module}:{target.attribute}\n"


SEEDED_BUGS = {
    "answer-before-write": SeededBug(
        what="a webhook is answered 200 before it is written",
        patches=((targets.INBOX_ACCEPT, intake.answer_before_write),),
    ),
    "get-then-set": SeededBug(
        what="a duplicate is looked for with GET and marked with SET",
        patches=((targets.INBOX_ACCEPT, intake.get_then_set),),
    ),
    "key-per-call": SeededBug(
        what="every call to the platform gets an idempotency key of its own",
        patches=((targets.CLIENT_SEND, calls.key_per_call),),
    ),
    "new-refund-key": SeededBug(
        what="a refund that was not answered is retried under a new key",
        patches=((targets.NEXT_STEP, calls.new_refund_key),),
    ),
    "no-read-back": SeededBug(
        what="no order is read back, and every retry gets a new key",
        patches=((targets.NEXT_STEP, calls.new_key), (targets.UNCERTAIN, calls.no_read_back)),
    ),
    "no-lease": SeededBug(
        what="any command runs at once, whoever runs another of its order",
        patches=(
            (targets.SCRIPT_TEXT, lanes.no_guard),
            (targets.COMMANDS_ACCEPT, lanes.every_command_first),
        ),
    ),
    "counts-for-ever": SeededBug(
        what="a killed job that drained its lane counts as an active consumer for a day",
        patches=((targets.CONSUMER_COUNTS_S, lanes.count_for_ever),),
    ),
    "mark-past-failure": SeededBug(
        what="the high-water mark moves although the poll failed",
        patches=((targets.RECONCILE, polls.mark_past_failure),),
    ),
    "no-append-only-file": SeededBug(
        what="Redis does not write its append-only file",
        patches=(),  # the chaos tests run Redis themselves, and switch it off there
    ),
}
