from __future__ import annotations

import re

import pytest

from app.domain.carriers import CARRIERS, nearest_carriers


def test_all_508_codes_of_the_platform_are_known() -> None:
    assert len(CARRIERS) == 508
    assert {"UPS", "USPS", "FEDEX", "DHL", "CARRIER_4PX", "OTHER", "ZYLLEM", "ABF_FREIGHT"} <= CARRIERS
    assert all(re.fullmatch(r"[A-Z0-9_]+", code) for code in CARRIERS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("FEDX", "FEDEX"),
        ("fed ex", "FEDEX"),
        ("UPS Ground", "UPS"),
        ("dhl-ecommerce-us", "DHL_ECOMMERCE_US"),
        ("4px", "CARRIER_4PX"),
        ("Royal  Mail!", "ROYAL_MAIL"),
        ("ROYALMAIL", "ROYAL_MAIL"),
        ("usp", "USPS"),
    ],
)
def test_the_nearest_carrier_is_the_one_that_was_meant(typed: str, meant: str) -> None:
    assert meant in nearest_carriers(typed)[:2]


@pytest.mark.parametrize(
    "typed", ["", "   ", "!!!", "Joe's bicycle messengers of the lower east side", "快递"]
)
def test_what_is_like_no_carrier_names_none(typed: str) -> None:
    assert nearest_carriers(typed) == ()


def test_no_more_are_named_than_asked_for_and_each_is_a_carrier() -> None:
    assert len(nearest_carriers("DPD", n=2)) == 2
    assert set(nearest_carriers("POST" * 100, n=5)) <= CARRIERS
