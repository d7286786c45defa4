from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.measure.trees import Memory
from bench.measure.turns import Row, Turn
from bench.report import results
from bench.report.chart import chart
from bench.report.check import compared, fallen
from bench.report.limits import at_ten_times, limit
from bench.report.page import page
from bench.report.targets import verdicts


def turn(side: str, units: int, *, cpu_s: float = 1.0, failures: int = 0) -> Turn:
    return Turn(
        side=side,
        round=0,
        units=units,
        seconds=1.0,
        failures=failures,
        p50_ms=2.0,
        p99_ms=9.0,
        cpu_s={"api": cpu_s * 0.75, "redis": cpu_s * 0.25},
        memory=Memory(rss_mb=80, pss_mb=60, largest_mb=80, processes=1),
    )


def run(ours: int, naive: int, *, failures: int = 0, mode: str = "full") -> dict[str, Any]:
    row = Row(
        name="ingest-1-closed",
        title="Ingest <1>",
        units="deliveries",
        how="As told.",
        base="ours",
        turns=(turn("ours", ours, failures=failures), turn("naive", naive)),
    )
    rows = [results._row(row)]
    about = {"cpu": "a CPU", "cores": 2, "memory_mb": 4096, "system": "Linux 6"}
    return {
        "mode": mode,
        "at": "2026-03-01T12:00:00+00:00",
        "commit": "abc1234",
        "machine": about,
        "versions": {"python": "3.11"},
        "rows": rows,
        "targets": verdicts(rows, mode=mode),
    }


@pytest.mark.parametrize(("ours", "falls"), [(3000, 0), (2600, 0), (2540, 2), (1000, 2)])
def test_a_ratio_may_fall_by_15_percent_and_no_further(ours: int, falls: int) -> None:
    committed, fresh = run(3000, 500), run(ours, 500)
    # Rate and CPU a unit: both fall, since the CPU of a turn is the same.
    assert len(fallen(committed, fresh)) == falls
    assert compared(committed, fresh) == 2


def test_a_slower_machine_that_slows_both_sides_is_no_fall() -> None:
    assert fallen(run(3000, 500), run(1500, 250)) == []


def test_wrong_work_of_ours_fails_the_check_whatever_its_speed() -> None:
    [line] = fallen(run(3000, 500), run(9000, 500, failures=4))
    assert "failed 4 times" in line


def test_targets_are_met_or_named_with_what_was_measured() -> None:
    by_text = {one["text"]: one for one in run(3000, 1000)["targets"]}
    aim = by_text["1 entry: at least 6 times the naive rate"]
    assert aim["met"] is False
    assert aim["value"] == 3
    assert by_text["CPU ms per request, Redis included"]["met"] is True
    assert not any(one["row"] == "burst" for one in by_text.values())


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    results.write(run(2500, 500), tmp_path / "deep" / "full.json")
    assert results.read(tmp_path / "deep" / "full.json") == json.loads(json.dumps(run(2500, 500)))


def test_a_row_measured_again_replaces_its_old_self_and_leaves_the_others() -> None:
    old, new = run(3000, 500), run(4000, 500)
    other = dict(old["rows"][0], name="burst")
    merged = results.merged(old | {"rows": [*old["rows"], other]}, new)
    assert [row["name"] for row in merged["rows"]] == ["ingest-1-closed", "burst"]
    assert merged["rows"][0]["sides"]["ours"]["rate"]["median"] == 4000


def test_the_page_says_what_was_measured_what_was_aimed_at_and_what_limits_it() -> None:
    text = page(run(3000, 1000))
    assert "| ours | 3,000 |" in text
    assert "3.0 times" in text
    assert "**not met**" in text
    assert "What limits it: no process uses a whole core" in text
    assert "abc1234" in text


def test_the_chart_is_an_image_with_a_bar_for_every_side() -> None:
    drawn = ET.fromstring(chart(run(3000, 500)["rows"]))  # noqa: S314 - our own text
    names = [node.text for node in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"ours", "naive", "3,000"} <= set(names)
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}rect"))) == 2


def test_a_full_core_is_named_as_the_limit_and_ten_times_the_load_is_counted_in_cores() -> None:
    def spread(value: float) -> dict[str, float]:
        return {"median": value, "low": value, "high": value}

    numbers = {
        "rate": spread(1000),
        "cpu_ms": spread(1.2),
        "cpu_api_ms": spread(0.95),
        "cpu_redis_ms": spread(0.25),
    }
    assert limit(numbers).startswith("the API process with 0.95 cores")
    told = at_ten_times(numbers, "deliveries")
    assert "12.0 cores" in told
    assert "Redis alone would need 2.5 cores" in told
