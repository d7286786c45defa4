"""Ports that tests take are theirs: no two test processes get the same one."""

from __future__ import annotations

import subprocess
import sys

from tests.support import ports
from tests.support.processes import ROOT


def test_a_port_is_reserved_in_this_process_and_in_others() -> None:
    mine = ports.free_port()
    assert mine in ports.PORTS
    assert not ports._reserve(mine)
    program = f"from tests.support import ports; print(ports._reserve({mine}))"
    other = subprocess.run(  # noqa: S603 - Python itself
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert other.stdout == "False\n"
