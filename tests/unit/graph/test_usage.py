from __future__ import annotations

import json

import pytest

from app.graph.usage import MAX_HEADER, MAX_REGAIN_S, Usage, read_usage


def _nested(**figures: object) -> dict[str, str]:
    return {"X-Business-Use-Case-Usage": json.dumps({"1234": [{"type": "pages"} | figures]})}


def test_s20_the_nested_header_is_read_under_business_id_and_list_index() -> None:
    headers = _nested(call_count=95, total_cputime=23, total_time=20, estimated_time_to_regain_access=0)
    assert read_usage(headers) == Usage(percent=95, regain_s=None)


def test_the_tightest_of_all_figures_and_the_longest_wait_count() -> None:
    headers = {
        "x-app-usage": '{"call_count":28,"total_time":61,"total_cputime":25}',
        "X-Page-Usage": '{"call_count":40}',
        "x-business-use-case-usage": json.dumps(
            {
                "1": [{"call_count": 10, "estimated_time_to_regain_access": 3}],
                "2": [{"call_count": 11}, {"total_time": 120, "estimated_time_to_regain_access": 9}],
            }
        ),
    }
    assert read_usage(headers) == Usage(percent=120, regain_s=540.0)


def test_the_wait_is_in_minutes_on_the_wire_and_never_beyond_a_day() -> None:
    usage = read_usage(_nested(call_count=100, estimated_time_to_regain_access=10**9))
    assert usage == Usage(percent=100, regain_s=MAX_REGAIN_S)


def test_figures_may_be_text_or_broken_numbers() -> None:
    assert read_usage(_nested(call_count="81")) == Usage(percent=81, regain_s=None)
    assert read_usage(_nested(call_count=80.9, total_time="many")) == Usage(percent=80, regain_s=None)


@pytest.mark.parametrize(
    "value",
    ["", "null", "[]", "{}", "7", '"x"', "{", "[" * 60_000, '{"call_count":', "x" * 70_000, '{"1":[[[[]]]]}'],
)
def test_a_header_that_cannot_be_read_counts_as_absent(value: str) -> None:
    assert read_usage({"X-App-Usage": value}) is None


def test_without_headers_there_is_no_usage() -> None:
    assert read_usage({"Content-Type": "application/json"}) is None
    assert read_usage({"X-App-Usage": '{"call_count":Infinity}'}) == Usage(percent=0, regain_s=None)


def test_a_wait_without_a_figure_counts_as_all_used() -> None:
    assert read_usage(_nested(estimated_time_to_regain_access=2)) == Usage(percent=100, regain_s=120.0)


def test_other_headers_are_never_read_as_usage() -> None:
    assert read_usage({"X-Ad-Account-Usage": '{"call_count":90}'}) is None


def test_a_header_of_the_longest_size_is_still_read() -> None:
    text = '{"call_count":5}'
    assert read_usage({"X-App-Usage": text.ljust(MAX_HEADER)}) == Usage(percent=5, regain_s=None)
    assert read_usage({"X-App-Usage": text.ljust(MAX_HEADER + 1)}) is None


@pytest.mark.parametrize("value", [None, [], {}])
def test_a_figure_that_is_no_number_counts_as_zero(value: object) -> None:
    assert read_usage({"X-App-Usage": json.dumps({"call_count": value})}) == Usage(percent=0, regain_s=None)
