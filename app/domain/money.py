"""Money: an exact decimal amount with its currency."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from app.domain.codec import Record

# Twelve digits before the point are far beyond any order; more is a mistake or an attack.
MAX_AMOUNT = Decimal(10) ** 12


class Money(Record, frozen=True, kw_only=True, array_like=True):
    """An amount in major units and its ISO 4217 code; never a float, never without its currency."""

    amount: Decimal
    currency: str

    @classmethod
    def parse(cls, amount: str | int | Decimal, currency: str) -> Money:
        """Return the money the two texts name.

        Raises:
            ValueError: the amount is not a finite decimal below 10^12, or the currency not three letters.
        """
        try:
            value = Decimal(str(amount))
        except InvalidOperation:
            raise ValueError(f"'{amount}' is not a decimal amount; write it like 5.00") from None
        if not value.is_finite() or abs(value) >= MAX_AMOUNT:
            raise ValueError(f"'{amount}' is not an amount below {MAX_AMOUNT:,}")
        code = currency.strip().upper()
        if len(code) != len("USD") or not code.isascii() or not code.isalpha():
            raise ValueError(f"'{currency}' is not a three-letter currency code like USD")
        return cls(amount=value, currency=code)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Return no money in that currency."""
        return cls(amount=Decimal(0), currency=currency)

    def plus(self, other: Money) -> Money:
        """Return the sum; the currencies must agree."""
        self._same_currency(other)
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def minus(self, other: Money) -> Money:
        """Return the difference; the currencies must agree."""
        self._same_currency(other)
        return Money(amount=self.amount - other.amount, currency=self.currency)

    def times(self, count: int) -> Money:
        """Return this money `count` times."""
        return Money(amount=self.amount * count, currency=self.currency)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self} and {other} are in different currencies")
