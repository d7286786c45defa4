"""Show that the chaos tests are sharp: they catch every seeded bug, and find nothing without one.

python -m tests.chaos.sensitivity [--bug NAME ...]
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType

from rich.console import Console

from tests.chaos.processes import StackFailed
from tests.chaos.report import tell_findings
from tests.chaos.rounds import Verdict
from tests.chaos.scenarios import SCENARIOS, run_scenario
from tests.chaos.seeded_bugs import SEEDED_BUGS

# Which scene exposes which bug.
EXPOSES = {
    "copies-at-once": ("get-then-set",),
    "two-hands": ("no-lease",),
    "backlog": ("counts-for-ever",),
    "answers-lost": ("key-per-call", "new-refund-key", "no-read-back"),
    "redis-killed": ("answer-before-write", "no-append-only-file"),
    "unannounced": ("mark-past-failure",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One scene played once, with a bug or without."""

    scene: str
    bug: str | None
    verdict: Verdict
    took_s: float

    @property
    def good(self) -> bool:
        """A bug was there and was found, or none was there and none was found."""
        if self.bug is None:
            return not self.verdict.findings
        return bool(self.verdict.findings)


def main() -> int:
    """Play every scene without a bug and with each of its bugs; return 1 unless all trials are good."""
    asked = _parser().parse_args()
    signal.signal(signal.SIGTERM, _end)
    console = Console(width=150)
    bad: list[Trial] = []
    for name, bugs in EXPOSES.items():
        chosen = [bug for bug in bugs if not asked.bug or bug in asked.bug]
        for trial in _trials(name, [None, *chosen]) if chosen else ():
            _tell(console, trial)
            if not trial.good:
                bad.append(trial)
    if bad:
        names = ", ".join(f"{trial.scene} with {trial.bug or 'no bug'}" for trial in bad)
        console.print(f"[bold red]the chaos tests are not sharp[/]: {names}")
        return 1
    console.print("[bold green]every seeded bug was caught[/], and no scene without a bug found any")
    return 0


def _trials(name: str, bugs: Sequence[str | None]) -> Iterator[Trial]:
    # A scene that has to age first spends its time waiting, and can wait for all its trials at once.
    at_once = len(bugs) if SCENARIOS[name].before is not None else 1
    with ThreadPoolExecutor(at_once) as threads:
        yield from threads.map(lambda bug: _trial(name, bug), bugs)


def _trial(name: str, bug: str | None) -> Trial:
    started_s = time.monotonic()
    scenario = SCENARIOS[name]
    patches = SEEDED_BUGS[bug].patches if bug else ()
    verdict = run_scenario(scenario, bug=bug, unwritten=bug is not None and not patches)
    return Trial(scene=name, bug=bug, verdict=verdict, took_s=time.monotonic() - started_s)


def _tell(console: Console, trial: Trial) -> None:
    found = Counter(finding.check for finding in trial.verdict.findings)
    shown = ", ".join(f"{check} x{count}" for check, count in sorted(found.items())) or "nothing found"
    what = SEEDED_BUGS[trial.bug].what if trial.bug else "no bug"
    mark = "[green]good[/]" if trial.good else "[red]BAD [/]"
    drained_s = trial.verdict.drained.took_s
    console.print(
        f"{mark} {trial.scene:<15} {what:<64} {trial.took_s:3.0f} s, of which draining {drained_s:2.0f} s"
    )
    console.print(f"     {shown}")
    if not trial.good and trial.verdict.findings:
        tell_findings(console, trial.verdict)
    if trial.good:
        shutil.rmtree(trial.verdict.folder, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.sensitivity", description=__doc__)
    parser.add_argument(
        "--bug", action="append", choices=sorted(SEEDED_BUGS), help="only this; repeat for more"
    )
    return parser


def _end(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def all_exposed() -> Sequence[str]:
    """Return the bugs that a scene exposes; a test holds that these are all."""
    return [bug for bugs in EXPOSES.values() for bug in bugs]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackFailed as failure:
        sys.exit(f"chaos: {failure}")
