"""`python -m bench.store --orders 1000000`: fill a store, measure it, print the figures as JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path

from app.store.sealing import KEY_BYTES, Sealer
from bench.parts.valkey import valkey
from bench.store.measure import FEW, Side, archived, measure


def main() -> None:
    """Measure and print; nothing is kept."""
    asked = argparse.ArgumentParser(prog="python -m bench.store", description=__doc__)
    asked.add_argument("--orders", type=int, default=1_000_000)
    asked.add_argument("--archive", type=int, default=20_000, help="of them, archived at the end")
    given = asked.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderwire-bench-")))
        sealer = Sealer([bytes(KEY_BYTES)])
        few = Side.of(stack.enter_context(valkey()), folder / "few", sealer, FEW)
        server = stack.enter_context(valkey())
        empty = server.used_bytes()
        many = Side.of(server, folder / "many", sealer, given.orders)
        figures: dict[str, object] = {"orders": given.orders}
        figures["redis_bytes_an_order"] = (server.used_bytes() - empty) / given.orders
        figures |= measure(few, many)
        if given.archive:
            figures["archive"] = archived(many, folder / "many", given.archive)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
