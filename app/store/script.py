"""Lua scripts: one atomic change each, read from `scripts/`, with shared fragments put in by name.

A line `--#include name` stands for the text of `scripts/_name.lua`; SCHEMA_VERSION stands for the codec's.
Every script names its KEYS and ARGV at its top, takes times and ids as arguments, and gives the same answer
when it is sent twice. Some make key names from a prefix that `keys.py` gives them: the store is one Redis
node, not a cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from redis.client import Pipeline

from app.domain.codec import SCHEMA_VERSION
from app.store.connection import Store

_FOLDER = Path(__file__).parent / "scripts"
_INCLUDE = re.compile(r"^--#include (\w+)$", re.MULTILINE)


# The keys and the arguments of one run of a script.
Call = tuple[Sequence[str], Sequence[str | int]]


class Script(Protocol):
    """One loaded script: call it with its keys and arguments, alone or within a pipeline."""

    def __call__(self, keys: Sequence[str], args: Sequence[str | int], client: Pipeline | None = None) -> Any:
        """Run the script and return what it returns."""


def load(store: Store, name: str) -> Script:
    """Return the script `scripts/<name>.lua`; the server learns it at its first call."""
    return cast("Script", store.register_script(text_of(name)))


def run_each(store: Store, script: Script, calls: Iterable[Call]) -> list[Any]:
    """Run the script once per call, all sent together; return the answers in the order of the calls."""
    calls = list(calls)
    if len(calls) == 1:  # a pipeline would first ask whether Redis knows the script
        return [script(*calls[0])]
    pipeline = store.pipeline(transaction=False)
    for call in calls:
        script(*call, client=pipeline)
    return pipeline.execute() if calls else []


@cache
def text_of(name: str) -> str:
    """Return the whole text of the script `scripts/<name>.lua`."""
    text = (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")
    whole = _INCLUDE.sub(lambda found: (_FOLDER / f"_{found[1]}.lua").read_text(encoding="utf-8"), text)
    return whole.replace("SCHEMA_VERSION", f"'{SCHEMA_VERSION}'")
