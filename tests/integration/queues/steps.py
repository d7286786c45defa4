"""What a job of a test does, by the name that RQ imports it by."""

from __future__ import annotations

import time


def many(seconds: float) -> None:
    """Sleep for so long, in small steps."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        time.sleep(0.01)
