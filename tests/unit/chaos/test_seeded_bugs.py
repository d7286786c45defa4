"""Every seeded bug has a scene that exposes it, and targets that exist in the application."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest

from app.store.script import text_of
from tests.chaos.seeded_bugs import SEEDED_BUGS, SeededBug
from tests.chaos.seeded_bugs.targets import LEASE_GUARDS, LEASE_SCRIPT, Target
from tests.chaos.sensitivity import all_exposed


@pytest.mark.parametrize("name", sorted(SEEDED_BUGS))
def test_every_target_of_a_seeded_bug_exists(name: str) -> None:
    for target, make in SEEDED_BUGS[name].patches:
        module = importlib.import_module(target.module)
        target.check(module)
        assert make(target.find(module), module) is not None


def test_the_lease_script_has_the_guards_that_a_bug_removes() -> None:
    assert [guard for guard in LEASE_GUARDS if guard not in text_of(LEASE_SCRIPT)] == []


@pytest.mark.parametrize(
    "target",
    [
        Target(module="m", attribute="Gone.method"),
        Target(module="m", attribute="value.gone"),
        Target(module="m", attribute="value", uses=("gone",)),
    ],
)
def test_a_target_that_is_not_found_fails_loudly(target: Target) -> None:
    module = SimpleNamespace(__name__="m", value=SimpleNamespace())
    with pytest.raises(AttributeError, match="mend"):
        target.replace(module, lambda original, _module: original)


def test_a_target_is_replaced() -> None:
    module = SimpleNamespace(__name__="m", value=SimpleNamespace(inner=1))
    Target(module="m", attribute="value.inner").replace(module, lambda original, _module: original + 1)
    assert module.value.inner == 2


def test_a_bug_that_no_process_reported_is_absent() -> None:
    target = Target(module="m", attribute="value")
    bug = SeededBug(what="a bug", patches=((target, str),))
    assert bug.absent_from("") == ["value"]
    assert bug.absent_from("noise\nseeded str into m:value\n") == []


def test_every_seeded_bug_is_exposed_by_one_scene() -> None:
    assert sorted(all_exposed()) == sorted(SEEDED_BUGS)
