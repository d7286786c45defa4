"""Python runs this at the start of every process that has this folder first on its path: it seeds one bug."""

# ruff: noqa: INP001 - Python looks for this file by its path

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Patch = tuple[Any, Callable[[Any, Any], Any]]


class _Seeding(Loader):
    """Loads a module as ever, then changes it."""

    def __init__(self, loader: Loader, patches: list[Patch]) -> None:
        self._loader = loader
        self._patches = patches

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        from tests.chaos.seeded_bugs import report  # noqa: PLC0415 - only where a bug is asked for

        self._loader.exec_module(module)
        for target, make in self._patches:
            target.replace(module, make)
            sys.stderr.write(report(target, make))


class _Finder(MetaPathFinder):
    """Finds the modules that a bug changes; everything else is found as ever."""

    def __init__(self, patches: Sequence[Patch]) -> None:
        self._patches: dict[str, list[Patch]] = {}
        for target, make in patches:
            self._patches.setdefault(target.module, []).append((target, make))

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        patches = self._patches.pop(fullname, None)
        if patches is None:
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Seeding(spec.loader, patches)
        return spec


def _seed_bug() -> None:
    from tests.chaos.seeded_bugs import SEEDED_BUGS  # noqa: PLC0415 - only where a bug is asked for

    sys.meta_path.insert(0, _Finder(SEEDED_BUGS[os.environ["CHAOS_SEEDED_BUG"]].patches))


if os.environ.get("CHAOS_SEEDED_BUG"):
    _seed_bug()
