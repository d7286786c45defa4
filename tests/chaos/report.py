"""What a round is told as: a table for people, the offending orders with both sides when there are any."""

from __future__ import annotations

import json
from collections import Counter

from rich.console import Console
from rich.table import Table

from tests.chaos.judge import untold
from tests.chaos.recovery import Kill
from tests.chaos.rounds import Verdict, ends, percentile

MAX_SHOWN = 12
_BUCKETS_S = (1, 2, 5, 10, 15, 30)
_LOST = ("webhook-lost", "command-lost", "effect-missing", "command-open", "effect-denied")
_DOUBLED = ("webhook-doubled", "command-doubled", "effect-doubled", "effect-unasked", "acknowledged-once")


def tell(console: Console, verdict: Verdict) -> None:
    """Print one round."""
    found = Counter(finding.check for finding in verdict.findings)
    facts = verdict.facts
    kills = Counter(kill.role for kill in verdict.kills)
    table = Table(title=f"seed {verdict.seed}", show_header=False, title_justify="left")
    rows = {
        "orders": str(len(facts.theirs)),
        "webhooks": f"{len(facts.deliveries)} sent in {verdict.posts} posts, {verdict.dropped} never sent",
        "requests": _counts(verdict.played),
        "answers": _counts(Counter(ask.refusal or "promised" for ask in facts.asks)),
        "commands": _counts(ends(facts)),
        "untold dead letters": str(len(untold(facts))),
        "effects": str(len(facts.effects)),
        "kills": _counts(kills),
        "faults": _counts(verdict.faults),
        "drained": f"in {verdict.drained.took_s:.0f} s" if verdict.drained.ended else "NOT",
        "lost": str(sum(found[check] for check in _LOST)),
        "doubled": str(sum(found[check] for check in _DOUBLED)),
        "differing copies": str(found["copy-differs"]),
        "stuck": str(found["lane-stuck"] + found["left-undone"]),
        "answers denying what was done": str(found["answer-denied"]),
        "recovery, every kill": _recovery(verdict.kills),
        "of it, not hit again": _recovery([kill for kill in verdict.kills if not kill.hit_again]),
        "took": f"{verdict.took_s:.0f} s",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
    console.print(_histogram(verdict.kills))
    if verdict.findings:
        tell_findings(console, verdict)


def tell_findings(console: Console, verdict: Verdict) -> None:
    """Print what was found, with both sides of the orders concerned; write all of it beside the data."""
    found = Counter(finding.check for finding in verdict.findings)
    console.print(f"[bold red]FAULTS[/] of seed {verdict.seed}: {_counts(found)}")
    for finding in verdict.findings[:MAX_SHOWN]:
        console.print(f"  {finding.check:<18} {finding.order_id or '-':<18} {finding.detail}", markup=False)
    if len(verdict.findings) > MAX_SHOWN:
        console.print(f"  … and {len(verdict.findings) - MAX_SHOWN} more")
    concerned = sorted({finding.order_id for finding in verdict.findings if finding.order_id})
    path = verdict.folder / "findings.json"
    path.write_text(json.dumps(_dossier(verdict, concerned), indent=1, default=str))
    console.print(f"  both sides of {len(concerned)} orders: {path}; all data: {verdict.folder}")


def _dossier(verdict: Verdict, concerned: list[str]) -> dict[str, object]:
    facts = verdict.facts
    return {
        "seed": verdict.seed,
        "findings": [
            {"check": one.check, "order_id": one.order_id, "detail": one.detail} for one in verdict.findings
        ],
        "orders": {
            order_id: {
                "ours": facts.ours.get(order_id),
                "theirs": facts.theirs.get(order_id),
                "timeline": facts.timelines.get(order_id),
                "commands": [row for row in facts.commands if row["order_id"] == order_id],
                "asks": [str(ask) for ask in facts.asks if ask.order_id == order_id],
                "calls": [call for call in facts.writes if call["order_id"] == order_id],
            }
            for order_id in concerned
        },
        "kills": [str(kill) for kill in verdict.kills],
    }


def _recovery(kills: list[Kill]) -> str:
    took = [kill.recovered_s for kill in kills if kill.recovered_s is not None]
    if not took:
        return "nothing was killed"
    p50_s, p95_s = percentile(took, 0.5), percentile(took, 0.95)
    return f"{len(kills)} kills, p50 {p50_s:.1f} s, p95 {p95_s:.1f} s, max {max(took):.1f} s"


def _histogram(kills: list[Kill]) -> str:
    lines = []
    took = [kill.recovered_s if kill.recovered_s is not None else float("inf") for kill in kills]
    low = 0.0
    for high in (*_BUCKETS_S, float("inf")):
        count = sum(1 for value in took if low < value <= high)
        if count:
            lines.append(f"  recovered in {low:>3.0f} to {high:>3.0f} s  {'#' * min(count, 60)} {count}")
        low = high
    return "\n".join(lines)


def _counts(counts: object) -> str:
    items = dict(counts).items() if isinstance(counts, dict) else ()
    return ", ".join(f"{count} {name}" for name, count in sorted(items)) or "none"
