"""The house itself: sizes and names that design decisions promise."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("app", "workers", "sandbox")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
EVERYTHING = sorted(
    path for room in (*ROOMS, "tests", "examples", "bench") for path in (ROOT / room).rglob("*.py")
)
MAX_LINES = 350
BANNED = re.compile(r"(?i)(^|_)(util|helper|common|base|manager|processor|core|misc)(s|ies)?($|_)")


def words(name: str) -> str:
    """`OrderManager` as `Order_Manager`, so that a banned word shows."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)


def trees() -> list[tuple[str, ast.Module]]:
    return [(str(path.relative_to(ROOT)), ast.parse(path.read_text())) for path in MODULES]


def test_the_rooms_were_found() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(ROOMS)


def test_no_file_is_longer_than_one_reason_to_change() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: lines for name, lines in long.items() if lines > MAX_LINES} == {}


def test_no_module_has_a_banned_name() -> None:
    parts = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert {part for part in parts if BANNED.search(part)} == set()


def test_no_class_has_a_banned_name() -> None:
    classes = [
        f"{name}: {node.name}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and BANNED.search(words(node.name))
    ]
    assert classes == []


@pytest.mark.parametrize("name", ["OrderManager", "helpers", "store_utils", "Base", "CoreThing", "misc"])
def test_the_ban_catches_its_names(name: str) -> None:
    assert BANNED.search(words(name))


@pytest.mark.parametrize("name", ["database", "Baseline", "scores", "commonwealth", "CorrelationId"])
def test_the_ban_leaves_innocent_names_alone(name: str) -> None:
    assert not BANNED.search(words(name))


def test_every_module_says_what_it_is() -> None:
    assert [name for name, tree in trees() if not ast.get_docstring(tree)] == []


def test_the_project_stands_alone() -> None:
    outside = re.compile(r"\.\./shared|^\s*(from|import) shared\b", flags=re.MULTILINE)
    me = Path(__file__)
    assert [str(path) for path in EVERYTHING if path != me and outside.search(path.read_text())] == []
