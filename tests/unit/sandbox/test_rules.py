"""The registry of rules: each is marked once, beside the code that plays it."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

import sandbox
from sandbox.rules import all_rules, assumed, documented


def test_every_rule_stands_beside_code_that_exists() -> None:
    for module in pkgutil.walk_packages(sandbox.__path__, "sandbox."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    rules = all_rules()
    assert len(rules) > 80
    for rule in rules:
        played: object = sandbox
        for step in rule.where.split(".")[1:]:
            played = getattr(played, step)
        assert callable(played), rule


def test_a_rule_has_one_home() -> None:
    taken = all_rules()[0].rule
    with pytest.raises(ValueError, match="has one home"):
        documented(taken, source="somewhere")(len)
    with pytest.raises(ValueError, match="has one home"):
        assumed(taken, why="because")(len)


def test_every_rule_tells_its_source() -> None:
    assert all(len(rule.source) >= 3 for rule in all_rules())


def test_the_sandbox_imports_nothing_of_the_other_side() -> None:
    root = Path(sandbox.__file__).parent
    for file in root.rglob("*.py"):
        text = file.read_text()
        assert "from app" not in text, file
        assert "import app\n" not in text, file
        assert "from workers" not in text, file
