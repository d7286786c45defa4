from __future__ import annotations

import re

import pytest

from app.domain.codec import document
from app.domain.money import Money


@pytest.mark.parametrize(
    ("text", "shown"), [("5.5", "5.5"), ("2.00", "2.00"), ("-1.60", "-1.60"), ("1E+2", "100")]
)
def test_an_amount_keeps_its_digits(text: str, shown: str) -> None:
    assert document(Money.parse(text, "usd")) == {"amount": shown, "currency": "USD"}


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("five", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("1e12", "USD"),
        ("5", "EURO"),
        ("5", "U$D"),
        ("5", ""),
    ],
)
def test_absurd_money_is_refused_by_name(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"'{currency}'") + "|" + re.escape(f"'{amount}'")):
        Money.parse(amount, currency)


def test_money_is_added_and_taken_away() -> None:
    assert Money.parse("5.50", "USD").plus(Money.parse("1.25", "USD")) == Money.parse("6.75", "USD")
    assert Money.parse("5.50", "USD").minus(Money.parse("1.25", "USD")) == Money.parse("4.25", "USD")


def test_two_currencies_are_never_added() -> None:
    with pytest.raises(ValueError, match="different currencies"):
        Money.parse("1", "USD").plus(Money.parse("1", "EUR"))


def test_money_is_added_and_taken_away_exactly() -> None:
    assert Money.parse("5.10", "USD").plus(Money.parse("0.20", "USD")) == Money.parse("5.30", "USD")
    assert Money.parse("5.10", "USD").minus(Money.parse("0.20", "USD")) == Money.parse("4.90", "USD")
    with pytest.raises(ValueError, match="different currencies"):
        Money.parse("1", "USD").minus(Money.parse("1", "EUR"))
