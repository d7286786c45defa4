"""The grammar of `fields`: ``id,items.limit(10){id,price_per_unit{amount}}``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sandbox.errors import Refusal, RefusedError
from sandbox.rules import assumed, documented

MAX_DEPTH = 6  # order → payments → shipments → items → tax → final_tax
MAX_FIELDS = 500

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[{},]|\.([a-z_]+)\(([^()]*)\))\s*")
_SYNTAX_ERROR = 2500
_LIMIT_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """One asked field: its own sub-fields (None: the defaults), and where its page starts and ends."""

    name: str
    inner: tuple[Selected, ...] | None = None
    limit: int | None = None
    after: str | None = None
    before: str | None = None


@documented(
    "`fields` is a comma list with nesting, `.limit(n)`, spaces and one pair of quotes",
    source="Using the API",
)
@assumed("A `fields` that can't be read is code 2500", why="Graph API practice")
def parse_fields(value: Any) -> tuple[Selected, ...] | None:
    """Return the fields asked for, or None when none are named (the defaults are meant).

    Raises:
        RefusedError: the text breaks the grammar, or is too deep or too long (code 2500).
    """
    text = ",".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    text = text.strip().strip("\"'")
    if not text:
        return None
    tokens = _tokens(text)
    fields, end = _parse_list(tokens, 0, depth=1)
    if end != len(tokens):
        raise _syntax_error(text)
    return fields


def write_fields(fields: tuple[Selected, ...]) -> str:
    """Return the text that `parse_fields` reads back to the same fields."""
    return ",".join(_write(field) for field in fields)


def _write(field: Selected) -> str:
    limit = "" if field.limit is None else f".limit({field.limit})"
    inner = "" if field.inner is None else f"{{{write_fields(field.inner)}}}"
    return field.name + limit + inner


def _tokens(text: str) -> list[re.Match[str]]:
    tokens: list[re.Match[str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or len(tokens) > 4 * MAX_FIELDS:
            raise _syntax_error(text)
        tokens.append(match)
        position = match.end()
    return tokens


def _parse_list(tokens: list[re.Match[str]], at: int, *, depth: int) -> tuple[tuple[Selected, ...], int]:
    if depth > MAX_DEPTH:
        raise _syntax_error("nested too deep")
    fields: dict[str, Selected] = {}
    while True:
        field, at = _parse_field(tokens, at, depth=depth)
        fields[field.name] = field
        if len(fields) > MAX_FIELDS:
            raise _syntax_error("too many fields")
        if at >= len(tokens) or tokens[at][1] != ",":
            return tuple(fields.values()), at
        at += 1


def _parse_field(tokens: list[re.Match[str]], at: int, *, depth: int) -> tuple[Selected, int]:
    if at >= len(tokens) or not tokens[at][1][0].isidentifier():
        raise _syntax_error(tokens[at][1] if at < len(tokens) else "end of text")
    name = tokens[at][1]
    at += 1
    modifiers: dict[str, str] = {}
    while at < len(tokens) and tokens[at][2]:
        modifiers[tokens[at][2]] = tokens[at][3].strip()
        at += 1
    inner = None
    if at < len(tokens) and tokens[at][1] == "{":
        inner, at = _parse_list(tokens, at + 1, depth=depth + 1)
        if at >= len(tokens) or tokens[at][1] != "}":
            raise _syntax_error(name)
        at += 1
    limit = modifiers.get("limit")
    if limit is not None and not (limit.isascii() and limit.isdigit() and len(limit) <= _LIMIT_DIGITS):
        raise _syntax_error(f"limit({limit})")
    return (
        Selected(
            name=name,
            inner=inner,
            limit=None if limit is None else int(limit),
            after=modifiers.get("after"),
            before=modifiers.get("before"),
        ),
        at,
    )


def _syntax_error(near: str) -> RefusedError:
    return RefusedError(
        Refusal(
            code=_SYNTAX_ERROR,
            message=f"Syntax error in fields near {near[:80]!r}; write id,items.limit(10){{id}}",
        )
    )
