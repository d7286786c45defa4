"""Run the four scenarios; exit 0 only if the sandbox's ledger shows the expected result for each order."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from examples.demo.client import DemoClient
from examples.demo.scenarios import SCENARIOS
from examples.demo.stack import running_stack


def main() -> int:
    """Start the stack, run every scenario, print the table and the totals; return the exit code."""
    started = time.monotonic()
    print("Starting the whole stack (Valkey, API, workers, scheduler, dashboard, sandbox) …", flush=True)
    with running_stack() as stack:
        print(f"Ready after {time.monotonic() - started:.1f} s. API {stack.api_url}\n", flush=True)
        print(f"{'elapsed':>8}  {'order':<18} {'what happened [cause]':<78} RQ job", flush=True)
        client = DemoClient(stack, started)
        ends = [_run(client, scenario) for scenario in SCENARIOS]
        _show_table(client, [order_id for order_id, _ in ends if order_id])
        failed = [f"{order_id}: {check}" for order_id, checks in ends for check in checks]
        _show_totals(client, failed, time.monotonic() - started)
    return 1 if failed else 0


def _run(
    client: DemoClient, scenario: Callable[[DemoClient], tuple[str, list[str]]]
) -> tuple[str, list[str]]:
    print(f"\n--- {scenario.__name__.replace('_', ' ')}", flush=True)
    try:
        return scenario(client)
    except TimeoutError as error:
        return "", [str(error)]


def _show_table(client: DemoClient, order_ids: list[str]) -> None:
    table = Table(title="Orders in the sandbox's ledger")
    for heading in ("order", "state", "reference", "shipped", "cancelled", "refunded", "effects"):
        table.add_column(heading)
    for order_id in order_ids:
        ledger: dict[str, Any] = client.platform("GET", f"/orders/{order_id}")
        sums = [str(sum(item[of] for item in ledger["items"])) for of in ("shipped", "cancelled", "refunded")]
        effects = " ".join(effect["kind"] for effect in ledger["effects"])
        table.add_row(order_id, ledger["state"], ledger["merchant_order_reference"] or "-", *sums, effects)
    print()
    Console(width=150).print(table)


def _show_totals(client: DemoClient, failed: list[str], elapsed_s: float) -> None:
    effects = client.platform("GET", "/effects?count=1")["count"]
    calls = client.platform("GET", "/calls?count=1")["count"]
    for line in failed:
        print(f"FAILED  {line}", flush=True)
    print(
        f"{len(SCENARIOS)} orders, {effects} effects on the platform, {calls} Graph calls, "
        f"jobs: {' '.join(sorted(client.jobs))}; {len(failed)} checks failed; {elapsed_s:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
