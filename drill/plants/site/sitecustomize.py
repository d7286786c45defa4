"""Python runs this at the start of every process that has this folder first on its path: plants one bug."""

# ruff: noqa: INP001 - Python looks for this file by its path

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Planting(Loader):
    """Loads a module as ever, then changes it."""

    def __init__(self, loader: Loader, function: str) -> None:
        self._loader = loader
        self._function = function

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        where, _, name = self._function.partition(":")
        getattr(importlib.import_module(where), name)(module)
        sys.stderr.write(f"planted {name} into {module.__name__}\n")


class _Finder(MetaPathFinder):
    """Finds the modules that a plant changes; everything else is found as ever."""

    def __init__(self, patches: dict[str, str]) -> None:
        self._patches = patches

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        function = self._patches.pop(fullname, None)
        if function is None:
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Planting(spec.loader, function)
        return spec


def _plant() -> None:
    from drill.plants import PLANTS  # noqa: PLC0415 - only where a plant is asked for

    sys.meta_path.insert(0, _Finder(dict(PLANTS[os.environ["DRILL_PLANT"]].patches)))


if os.environ.get("DRILL_PLANT"):
    _plant()
