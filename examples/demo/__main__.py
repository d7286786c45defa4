"""Play the four lives and exit 0 only when the platform's ledger says that each order ended as it should."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from examples.demo.lives import LIVES
from examples.demo.shop_floor import ShopFloor
from examples.demo.stack import running_stack


def main() -> int:
    """Start the stack, play every life, show the table and the counts; return the exit code."""
    started = time.monotonic()
    print("Starting the whole stack (Valkey, API, workers, scheduler, dashboard, sandbox) …", flush=True)
    with running_stack() as stack:
        print(f"Ready after {time.monotonic() - started:.1f} s. API {stack.api_url}\n", flush=True)
        print(f"{'elapsed':>8}  {'order':<18} {'what happened [cause]':<78} RQ job", flush=True)
        floor = ShopFloor(stack, started)
        ends = [_play(floor, life) for life in LIVES]
        _show_table(floor, [order_id for order_id, _ in ends if order_id])
        wrong = [f"{order_id}: not so: {wish}" for order_id, wishes in ends for wish in wishes]
        _show_counts(floor, wrong, time.monotonic() - started)
    return 1 if wrong else 0


def _play(floor: ShopFloor, life: Callable[[ShopFloor], tuple[str, list[str]]]) -> tuple[str, list[str]]:
    print(f"\n--- {life.__name__.replace('_', ' ')}", flush=True)
    try:
        return life(floor)
    except TimeoutError as late:
        return "", [str(late)]


def _show_table(floor: ShopFloor, order_ids: list[str]) -> None:
    table = Table(title="Orders, as the platform's own ledger has them")
    for heading in ("order", "state", "reference", "shipped", "cancelled", "refunded", "effects"):
        table.add_column(heading)
    for order_id in order_ids:
        ledger: dict[str, Any] = floor.platform("GET", f"/orders/{order_id}")
        sums = [str(sum(item[of] for item in ledger["items"])) for of in ("shipped", "cancelled", "refunded")]
        effects = " ".join(effect["kind"] for effect in ledger["effects"])
        table.add_row(order_id, ledger["state"], ledger["merchant_order_reference"] or "-", *sums, effects)
    print()
    Console(width=150).print(table)


def _show_counts(floor: ShopFloor, wrong: list[str], elapsed_s: float) -> None:
    effects = floor.platform("GET", "/effects?count=1")["count"]
    calls = floor.platform("GET", "/calls?count=1")["count"]
    for line in wrong:
        print(f"WRONG  {line}", flush=True)
    print(
        f"{len(LIVES)} lives, {effects} effects on the platform, {calls} Graph calls, "
        f"jobs: {' '.join(sorted(floor.jobs))}; {len(wrong)} wrong; {elapsed_s:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
