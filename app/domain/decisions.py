"""Decisions: what the rules make of a change that somebody wants. Three values."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.commands import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The platform should take it. `change` has every item named and every default filled in."""

    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyDone:
    """The order is already as the change wants it; nothing is to be sent."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The platform would refuse it. `code` is stable; the texts say what is so, and what to do instead."""

    code: str
    title: str
    detail: str
    hint: str


Decision = Allowed | AlreadyDone | Refusal
