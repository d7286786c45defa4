"""Is the drill sharp? Every planted bug must be caught, and the same scene without it must be clean.

python -m drill.sensitivity [--plant NAME ...]
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

from drill.plants import PLANTS
from drill.processes import StackFailed
from drill.report import tell_findings
from drill.rounds import Verdict
from drill.scenarios import SCENARIOS, run_scenario

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
    plant: str | None
    verdict: Verdict
    took: bool
    took_s: float

    @property
    def good(self) -> bool:
        """A bug was there and was found, or none was there and none was found."""
        if self.plant is None:
            return not self.verdict.findings
        return self.took and bool(self.verdict.findings)


def main() -> int:
    """Play every scene without a bug and with each of its bugs; return 1 unless all trials are good."""
    asked = _parser().parse_args()
    signal.signal(signal.SIGTERM, _end)
    console = Console(width=150)
    bad: list[Trial] = []
    for name, plants in EXPOSES.items():
        chosen = [plant for plant in plants if not asked.plant or plant in asked.plant]
        for trial in _trials(name, [None, *chosen]) if chosen else ():
            _tell(console, trial)
            if not trial.good:
                bad.append(trial)
    if bad:
        names = ", ".join(f"{trial.scene} with {trial.plant or 'no bug'}" for trial in bad)
        console.print(f"[bold red]the drill is not sharp[/]: {names}")
        return 1
    console.print("[bold green]every planted bug was caught[/], and no scene without a bug found any")
    return 0


def _trials(name: str, plants: Sequence[str | None]) -> Iterator[Trial]:
    # A scene that has to age first spends its time waiting, and can wait for all its trials at once.
    at_once = len(plants) if SCENARIOS[name].before is not None else 1
    with ThreadPoolExecutor(at_once) as threads:
        yield from threads.map(lambda plant: _trial(name, plant), plants)


def _trial(name: str, plant: str | None) -> Trial:
    started_s = time.monotonic()
    scenario = SCENARIOS[name]
    patches = PLANTS[plant].patches if plant else ()
    verdict = run_scenario(scenario, plant=plant, unwritten=plant is not None and not patches)
    log = (verdict.folder / "up.log").read_text(errors="replace")
    took = all(f"planted {function.partition(':')[2]} into" in log for _, function in patches)
    return Trial(scene=name, plant=plant, verdict=verdict, took=took, took_s=time.monotonic() - started_s)


def _tell(console: Console, trial: Trial) -> None:
    found = Counter(finding.check for finding in trial.verdict.findings)
    shown = ", ".join(f"{check} x{count}" for check, count in sorted(found.items())) or "nothing found"
    what = PLANTS[trial.plant].what if trial.plant else "no bug"
    mark = "[green]good[/]" if trial.good else "[red]BAD [/]"
    note = "" if trial.took else " (the bug did not get in)"
    drained_s = trial.verdict.drained.took_s
    console.print(
        f"{mark} {trial.scene:<15} {what:<64} {trial.took_s:3.0f} s, of which draining {drained_s:2.0f} s"
    )
    console.print(f"     {shown}{note}")
    if not trial.good and trial.verdict.findings:
        tell_findings(console, trial.verdict)
    if trial.good:
        shutil.rmtree(trial.verdict.folder, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m drill.sensitivity", description=__doc__)
    parser.add_argument("--plant", action="append", choices=sorted(PLANTS), help="only this; repeat for more")
    return parser


def _end(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def all_exposed() -> Sequence[str]:
    """Return the plants that a scene exposes; a test holds that these are all."""
    return [plant for plants in EXPOSES.values() for plant in plants]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackFailed as failure:
        sys.exit(f"drill: {failure}")
