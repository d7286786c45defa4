"""Converts loosely typed parameters into text, numbers, booleans, lists, maps and amounts.

The platform coerces rather than rejects: ``"2"`` is 2, ``"false"``, ``0`` and an empty text are false.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.errors import invalid
from sandbox.rules import documented

from .params import loosened

_INTEGER = re.compile(r"-?\d{1,18}")
_FALSE = frozenset({"", "0", "false", "no", "off"})
_TRUE = frozenset({"1", "true", "yes", "on"})
MAX_INTEGER = 10**18  # as many digits as the pattern lets through
MAX_AMOUNT = Decimal(10_000_000)  # above any order; keeps absurd numbers out of calculations


def text(params: dict[str, Any], name: str, *, required: bool = False) -> str | None:
    """Return a parameter as text; missing, null and empty are None."""
    value = params.get(name)
    if value is None or value == "":
        if required:
            raise invalid(f"The parameter {name} is required")
        return None
    if isinstance(value, dict | list | bool):
        raise invalid(f"Param {name} must be a string")
    return str(value)


@documented(
    'Booleans come as true, "true", 1, "0" or empty; numbers as text or number', source="SDK 26; Magento"
)
def boolean(params: dict[str, Any], name: str, *, default: bool = False) -> bool:
    """Return a parameter as a boolean."""
    value = params.get(name)
    if value is None:
        return default
    told = str(value).strip().lower()
    if told in _FALSE:
        return False
    if told in _TRUE:
        return True
    raise invalid(f"Param {name} must be a boolean")


def integer(value: Any, name: str) -> int:
    """Return a whole number, also when it comes as text or as 2.0."""
    if (
        isinstance(value, Decimal)
        and -MAX_INTEGER < value < MAX_INTEGER
        and value == value.to_integral_value()
    ):
        return int(value)
    if isinstance(value, bool) or value is None or not _INTEGER.fullmatch(str(value).strip()):
        raise invalid(f"Param {name} must be an integer")
    return int(str(value).strip())


def mapping(value: Any, name: str) -> dict[str, Any]:
    """Return a map, also when it comes as JSON text."""
    loose = loosened(value)
    if not isinstance(loose, dict):
        raise invalid(f"Param {name} must be an object")
    return loose


def listing(value: Any, name: str, *, most: int) -> list[Any] | None:
    """Return a list, also when it comes as JSON text; missing, null and empty text are None."""
    loose = loosened(value)
    if loose is None or loose in ("", "null"):
        return None
    if not isinstance(loose, list) or len(loose) > most:
        raise invalid(f"Param {name} must be a list of at most {most} entries")
    return loose


@documented(
    "List parameters of reads come as comma text, JSON list or quoted text",
    source="docs, Magento, Woo; SDK 26",
)
def words(params: dict[str, Any], name: str) -> list[str]:
    """Return the words of a list parameter, upper case; none when it is missing."""
    value = loosened(params.get(name))
    if value is None:
        return []
    parts = value if isinstance(value, list) else str(value).split(",")
    return [word for part in parts if (word := str(part).strip().strip("\"'").upper())]


@documented(
    "An amount is {amount, currency}; the amount may be text or a number",
    source="Order API reference; Magento sends floats",
)
def amount(value: Any, name: str, *, currency: str) -> Decimal:
    """Return an amount of the order's currency.

    Raises:
        RefusedError: it is no number, or of another currency (code 100).
    """
    told = mapping(value, name)
    if str(told.get("currency", currency)).upper() != currency:
        raise invalid(f"Param {name} is in {told['currency']}, but the order is in {currency}")
    try:
        number = Decimal(str(told["amount"]).strip())
    except (KeyError, InvalidOperation) as error:
        raise invalid(f'Param {name} must be like {{"amount":"5.50","currency":"{currency}"}}') from error
    if not number.is_finite() or not -MAX_AMOUNT <= number <= MAX_AMOUNT:
        raise invalid(f"Param {name} is out of range")
    return number
