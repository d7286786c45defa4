from __future__ import annotations

import pytest
from starlette.requests import Request

from app.http.waiting import preferred_wait_s


def wait_of(*headers: str) -> int | None:
    pairs = [(b"prefer", header.encode()) for header in headers]
    return preferred_wait_s(Request({"type": "http", "headers": pairs}))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("WAIT=10", 10),
        ("respond-async, wait=5", 5),
        ("wait=5; foo=bar", 5),
        ('wait="7"', 7),
        ("wait = 7", 7),
        ("wait=30", 30),
        ("wait=31", 30),
    ],
)
def test_a_caller_may_say_how_long_it_waits_up_to_30_s(header: str, seconds: int) -> None:
    assert wait_of(header) == seconds


@pytest.mark.parametrize(
    "header", ["wait=0", "wait=-1", "wait=1.5", "wait=ten", "wait", "wait=", "waiting=3", ""]
)
def test_a_preference_that_cannot_be_read_is_ignored(header: str) -> None:
    assert wait_of(header) is None


def test_the_first_readable_preference_counts_across_headers() -> None:
    assert wait_of("respond-async", "wait=4", "wait=9") == 4
    assert wait_of() is None
