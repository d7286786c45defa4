from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.measure.trees import cpu_s, memory, tree
from bench.measure.turns import Meter

BURN = "import time\nwhile time.process_time() < {seconds}: pass\n"
WAIT = "print('done', flush=True)\nimport sys; sys.stdin.read()\n"


@contextmanager
def child(program: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603 - Python itself, with a program of this file
        [sys.executable, "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        yield process
        process.kill()


def test_the_cpu_of_a_child_is_what_it_used() -> None:
    with child(BURN.format(seconds=0.3) + WAIT) as process:
        assert cpu_s(process.pid) == pytest.approx(0.3, abs=0.1)


def test_the_cpu_of_a_grandchild_counts_while_it_lives_and_after_it_ended() -> None:
    burn = repr(BURN.format(seconds=0.3))
    ended = f"import subprocess, sys\nsubprocess.run([sys.executable, '-S', '-c', {burn}], check=True)\n"
    with child(ended + WAIT) as process:
        assert tree(process.pid) == [process.pid]
        assert cpu_s(process.pid) == pytest.approx(0.35, abs=0.15)
    living = (
        f"import subprocess, sys\n{BURN.format(seconds=0.05)}"  # more than the hundredth the kernel tells
        f"p = subprocess.Popen([sys.executable, '-S', '-c', {burn} + 'print(1, flush=True)\\nimport time; "
        "time.sleep(60)'], stdout=subprocess.PIPE)\np.stdout.readline()\n"
    )
    with child(living + WAIT) as process:
        parent, grandchild = tree(process.pid)
        assert parent == process.pid
        assert cpu_s(process.pid) == pytest.approx(0.35, abs=0.15)
        assert cpu_s(grandchild) < cpu_s(process.pid)
        os.kill(grandchild, 9)


def test_a_meter_counts_from_its_start_and_by_part() -> None:
    with child(BURN.format(seconds=0.3) + WAIT) as process:
        meter = Meter(roots={"workers": [process.pid], "redis": [os.getpid()]})
        meter.start()
        assert meter.used_s()["workers"] < 0.1
        assert meter.memory().processes == 1  # Redis is no process of the side's memory


def test_memory_is_of_every_process_and_shared_pages_count_once() -> None:
    with child("kept = bytearray(50_000_000)\n" + WAIT) as process:
        found = memory(process.pid)
        assert found.processes == 1
        assert 50 < found.pss_mb <= found.rss_mb < 150
        assert found.largest_mb >= found.rss_mb - 1


def test_a_process_that_has_ended_costs_nothing() -> None:
    with child(WAIT) as process:
        pid = process.pid
    assert tree(pid) == []
    assert cpu_s(pid) == 0
