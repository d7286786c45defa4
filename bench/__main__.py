"""`python -m bench`: measures rows, writes bench/results/ and docs/performance.md; `--check` compares."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.measure.turns import Row
from bench.parts.processes import ROOT, BenchFailed
from bench.plan import FULL, QUICK, Plan, say
from bench.report import check, results
from bench.report.chart import chart
from bench.report.page import CHART, page
from bench.rows import burst, generator, ingest, jobs, latency, rest, store

ROWS: dict[str, Callable[[Plan], list[Row]]] = {
    "generator": generator.measure,
    "ingest": ingest.measure,
    "burst": burst.measure,
    "jobs": jobs.measure,
    "latency": latency.measure,
    "rest": rest.measure,
    "store": store.measure,
}
# The rows whose ratios are held: those with a peer to be compared with.
CHECKED = ("ingest", "burst", "jobs")


def main() -> int:
    """Measure; return 1 when a row could not be measured or, with `--check`, when a ratio fell."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--row", action="append", choices=ROWS, help="one row; repeat for more; default: all")
    asked.add_argument("--quick", action="store_true", help="about two minutes instead of ten")
    asked.add_argument(
        "--check", action="store_true", help="compare with the committed results, write nothing"
    )
    asked.add_argument("--results", type=Path, default=results.FOLDER, help="where the JSON lies")
    asked.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the page goes")
    asked.add_argument("--page", action="store_true", help="only write the page anew, from the full results")
    given = asked.parse_args()
    plan = QUICK if given.quick else FULL
    file: Path = given.results / f"{plan.mode}.json"
    if given.page:
        _write_page(results.read(file), given.docs)
        return 0
    names: Sequence[str] = given.row or (CHECKED if given.check else tuple(ROWS))
    rows, failed = _measured(names, plan)
    fresh = results.document(rows, mode=plan.mode)
    _say_targets(fresh["targets"])
    if given.check:
        return _checked(file, fresh) or failed
    if not rows:
        return failed
    again = file.exists() and (given.row or failed)
    whole = results.merged(results.read(file), fresh) if again else fresh
    results.write(whole, file)
    say(f"wrote {file}")
    if plan is FULL:
        _write_page(whole, given.docs)
    return failed


def _measured(names: Sequence[str], plan: Plan) -> tuple[list[Row], int]:
    """Return the rows that could be measured, and 1 when one could not: that must not lose the others."""
    rows: list[Row] = []
    failed = 0
    for name in names:
        began_s = time.perf_counter()
        say(f"{name} ...")
        try:
            rows += ROWS[name](plan)
        except BenchFailed as failure:
            failed = 1
            say(f"{name} FAILED: {failure}")
        say(f"{name} took {time.perf_counter() - began_s:.0f} s")
    return rows, failed


def _say_targets(verdicts: Sequence[dict[str, Any]]) -> None:
    for one in verdicts:
        met = "met    " if one["met"] else "NOT MET"
        say(f"{met}  {one['row']:18} {one['text']}: {one['value']:,.4g} (bound {one['bound']:,.4g})")


def _checked(file: Path, fresh: dict[str, Any]) -> int:
    if not file.exists():
        say(f"bench: there is nothing to compare with; write {file} by running the bench, and commit it")
        return 1
    committed = results.read(file)
    lines = check.fallen(committed, fresh)
    for line in lines:
        say(f"FALLEN  {line}")
    say(
        f"{check.compared(committed, fresh)} ratios compared with commit {committed['commit']}, "
        f"{len(lines)} fell"
    )
    return 1 if lines else 0


def _write_page(whole: dict[str, Any], docs: Path) -> None:
    (docs / "performance.md").write_text(page(whole), encoding="utf-8")
    (docs / CHART).write_text(chart(whole["rows"]), encoding="utf-8")
    say(f"wrote {docs / 'performance.md'} and {CHART}")


if __name__ == "__main__":
    sys.exit(main())
