"""The house itself: sizes and names that design decisions promise."""

from __future__ import annotations

import ast
import re
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("app", "workers", "sandbox")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
EVERYTHING = sorted(
    path for room in (*ROOMS, "tests", "examples", "bench") for path in (ROOT / room).rglob("*.py")
)
MAX_LINES = 400


def trees() -> list[tuple[str, ast.Module]]:
    return [(str(path.relative_to(ROOT)), ast.parse(path.read_text())) for path in MODULES]


def test_the_rooms_were_found() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(ROOMS)


def test_no_file_is_longer_than_one_reason_to_change() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: lines for name, lines in long.items() if lines > MAX_LINES} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("app", "workers", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_every_module_of_app_stands_in_an_import_contract() -> None:
    # Contracts of the whole application say nothing about the place of one module.
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    named = {
        name.strip()
        for contract in contracts
        for key in ("layers", "source_modules")
        for line in contract.get(key, [])
        for name in line.split("|")
    }
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "app").rglob("*.py")
        if path.name != "__init__.py"
    }
    assert {module for module in modules if not _covered(module, named)} == set()


def _covered(module: str, named: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in named)


def test_every_module_says_what_it_is() -> None:
    assert [name for name, tree in trees() if not ast.get_docstring(tree)] == []


def test_the_project_stands_alone() -> None:
    outside = re.compile(r"\.\./shared|^\s*(from|import) shared\b", flags=re.MULTILINE)
    me = Path(__file__)
    assert [str(path) for path in EVERYTHING if path != me and outside.search(path.read_text())] == []
