"""Run the chaos tests from the command line.

python -m tests.chaos [--events 300] [--seeds 1] [--first-seed 1] [--bug NAME]
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections import Counter
from types import FrameType

from rich.console import Console

from tests.chaos.fault_injector import PACE_S
from tests.chaos.processes import StackFailed
from tests.chaos.report import tell
from tests.chaos.rounds import full_round
from tests.chaos.seeded_bugs import SEEDED_BUGS


def main() -> int:
    """Run one round for every seed; return 1 when any fault was found."""
    asked = _parser().parse_args()
    signal.signal(signal.SIGTERM, _end)
    console = Console(width=150)
    found: Counter[str] = Counter()
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        console.print(
            f"chaos: seed {seed}, {asked.events} events, a fault every {asked.pace:g} s"
            + (f", {asked.bug}" if asked.bug else "")
        )
        verdict = full_round(seed, asked.events, bug=asked.bug, pace_s=asked.pace)
        tell(console, verdict)
        found.update(finding.check for finding in verdict.findings)
        if not verdict.findings:
            shutil.rmtree(verdict.folder, ignore_errors=True)
    if found:
        console.print(f"[bold red]{found.total()} faults found[/]")
        return 1
    told = f"{asked.seeds} seeds of {asked.events} events, a fault every {asked.pace:g} s"
    console.print(f"[bold green]no fault found[/] in {told}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--events", type=int, default=2000, help="orders placed and requests made per seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--pace", type=float, default=PACE_S, help="mean seconds between two faults")
    parser.add_argument(
        "--bug", choices=sorted(SEEDED_BUGS), help="a bug to seed, to see whether it is found"
    )
    return parser


def _end(_signum: int, _frame: FrameType | None) -> None:
    # As Ctrl-C: every process of the stack is stopped on the way out.
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackFailed as failure:
        sys.exit(f"chaos: {failure}")
