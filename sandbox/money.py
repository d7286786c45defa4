"""Exact money: Decimal amounts of one currency, rounded to the smallest unit of the currency."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

ZERO = Decimal(0)

# Currencies without a minor unit (ISO 4217); every other one the platform sells in has two digits.
_WHOLE = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"})


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return the amount in payable units of its currency, half away from zero."""
    return amount.quantize(Decimal(1) if currency in _WHOLE else Decimal("0.01"), rounding=ROUND_HALF_UP)


def share(
    total: Decimal, *, before: Decimal | int, after: Decimal | int, whole: Decimal | int, currency: str
) -> Decimal:
    """Return what one step, from `before` to `after` of `whole`, takes of a total.

    Steps are cumulative, so that all of them together take exactly the total, to the cent.
    """
    if not whole:
        return ZERO
    upto = rounded(total * Decimal(after) / Decimal(whole), currency)
    return upto - rounded(total * Decimal(before) / Decimal(whole), currency)


def as_text(amount: Decimal, currency: str) -> str:
    """Return the amount as the wire writes it: a plain decimal in major units, such as ``5.50``."""
    return format(rounded(amount, currency), "f")


def as_wire(amount: Decimal, currency: str) -> dict[str, str]:
    """Return a `currency_amount`: ``{"amount": "5.50", "currency": "USD"}`` (Order API reference)."""
    return {"amount": as_text(amount, currency), "currency": currency}
