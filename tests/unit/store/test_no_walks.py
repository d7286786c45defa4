"""Nothing walks the keyspace: what is fast with a thousand orders is fast with a million."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOMS = ("app", "workers", "bench")
FILES = sorted(
    path
    for room in ROOMS
    for path in (ROOT / room).rglob("*")
    if path.suffix in (".py", ".lua") and "__pycache__" not in path.parts
)
# As a command by name, in Lua or through a client, and as the client's own methods. HSCAN and its like walk
# one key and not all; those are refused as well, since no key here needs it.
WALKS = re.compile(
    r"""(?x) ["'] (?: [HSZ]?SCAN | KEYS | RANDOMKEY ) ["']
      | (?i: call | execute_command ) \( \s* ["'] (?i: [hsz]?scan | keys | randomkey ) ["']
      | \. (?: [hsz]?scan (?:_iter)? | randomkey ) \(
      | (?: redis | store | client | connection | pipe | pipeline ) \. keys \(
    """
)


def test_no_script_and_no_module_walks_the_keyspace() -> None:
    assert len(FILES) > 100
    found = [str(path.relative_to(ROOT)) for path in FILES if WALKS.search(path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "walk",
    [
        "redis.call('SCAN', '0')",
        "redis.call('keys', 'ow:*')",
        'store.execute_command("KEYS", "ow:*")',
        "for key in client.scan_iter('ow:*'):",
        "connection.keys('*')",
        "redis.call('HSCAN', KEYS[1], 0)",
    ],
)
def test_the_search_finds_a_walk(walk: str) -> None:
    assert WALKS.search(walk)


@pytest.mark.parametrize("innocent", ["keys.order(order_id)", "KEYS[1]", "counters.keys()", "MAX_SCAN = 5"])
def test_the_search_leaves_other_words_alone(innocent: str) -> None:
    assert not WALKS.search(innocent)
