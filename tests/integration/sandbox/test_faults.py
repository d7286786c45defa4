"""Faults of the Graph side: each kind does to a call what it says, to the calls it is meant for."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from .conftest import Sandbox

CMS = "100000000000001"


def arm(sandbox: Sandbox, **fault: Any) -> None:
    sandbox.control("PUT", "faults", [fault], expect=200)


def test_a_connection_is_cut_before_the_work_is_done(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    arm(sandbox, path="*/acknowledge_order", kind="drop_before", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.post(f"{order_id}/acknowledge_order")
    assert sandbox.look(order_id)["state"] == "CREATED"
    (call,) = sandbox.control("GET", "calls", kind="acknowledge_order")["data"]
    assert call["status"] is None
    sandbox.done(f"{order_id}/acknowledge_order")


def test_a_connection_is_cut_after_the_work_is_done(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    arm(sandbox, path="*/acknowledge_order", kind="drop_after", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.post(f"{order_id}/acknowledge_order")
    assert sandbox.look(order_id)["state"] == "IN_PROGRESS"


def test_a_status_and_an_html_page_stand_in_for_the_answer(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    arm(sandbox, path=order_id, kind="status", status=500)
    answer = sandbox.get(order_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, 2)
    arm(sandbox, path=order_id, kind="html", status=200)
    page = sandbox.get(order_id)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.text.startswith("<!DOCTYPE html>")
    arm(sandbox, path=order_id, kind="html")
    assert sandbox.get(order_id).status_code == 502


def test_a_coded_error_is_worded_as_asked(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    arm(sandbox, kind="error", code=10, subcode=7, message="(#10) No", http_status=403, is_transient=True)
    answer = sandbox.get(order_id)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["error_subcode"]) == (403, 10, 7)
    assert (error["message"], error["is_transient"]) == ("(#10) No", True)
    arm(sandbox, kind="error", code=2361050)
    error = sandbox.get(order_id).json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, 2361050)


def test_throttling_comes_with_full_nested_usage_headers_s20(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    arm(sandbox, path="*", kind="throttle", estimated_time=7, times=1)
    answer = sandbox.get(order_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 80001)
    nested = json.loads(answer.headers["x-business-use-case-usage"])
    ((usage,),) = nested.values()
    assert (usage["type"], usage["call_count"], usage["estimated_time_to_regain_access"]) == ("pages", 100, 7)
    assert json.loads(answer.headers["x-app-usage"])["call_count"] == 100
    sandbox.control("PUT", "settings", {"usage": {"call_count": 95, "total_time": 4}}, expect=200)
    calm = sandbox.get(order_id)
    ((usage,),) = json.loads(calm.headers["x-business-use-case-usage"]).values()
    assert (calm.status_code, usage["call_count"], usage["total_time"]) == (200, 95, 4)


def test_a_slow_answer_takes_its_time_and_does_the_work(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    arm(sandbox, path="*/acknowledge_order", kind="slow", delay_s=0.3, times=1)
    began = time.monotonic()
    sandbox.done(f"{order_id}/acknowledge_order")
    assert time.monotonic() - began >= 0.3


def test_a_fault_hits_its_path_and_method_only_and_is_used_up(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    arm(sandbox, path="*/shipments", method="GET", kind="status", times=2)
    statuses = [sandbox.get(f"{order_id}/{edge}").status_code for edge in ("items", *["shipments"] * 3)]
    assert statuses == [200, 503, 503, 200]
    assert sandbox.control("GET", "faults") == {"data": []}
    arm(sandbox, path="/commerce_orders", kind="status")
    assert sandbox.get(f"{CMS}/commerce_orders").status_code == 503
    assert [fault["left"] for fault in sandbox.control("GET", "faults")["data"]] == [None]
    sandbox.control("PUT", "faults", [], expect=200)
    assert sandbox.get(f"{CMS}/commerce_orders").status_code == 200


def test_a_rate_hits_some_calls_and_the_same_ones_under_the_same_seed(sandbox: Sandbox) -> None:
    runs = []
    for _ in range(2):
        sandbox.control("POST", "reset", {"seed": 7}, expect=200)
        arm(sandbox, path="/me", kind="status", rate=0.5)
        runs.append([sandbox.get("me").status_code for _ in range(40)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


def test_a_retired_api_answers_every_call_with_its_code(sandbox: Sandbox) -> None:
    order_id = sandbox.place()
    sandbox.control("PUT", "settings", {"retired": True}, expect=200)
    assert sandbox.get(order_id).json()["error"]["code"] == 12
    sandbox.control("PUT", "settings", {"retired_code": 3}, expect=200)
    assert sandbox.refused(f"{order_id}/acknowledge_order") == 3
    assert sandbox.look(order_id)["state"] == "CREATED"


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"kind": "explode"}, "0.kind"),
        ({"kind": "slow", "times": 0}, "0.times"),
        ({"kind": "slow", "rate": 2}, "0.rate"),
        ({"kind": "slow", "color": 1}, "0.color"),
        ({"kind": "slow", "times": 1, "rate": 0.5}, "0"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_by_field(sandbox: Sandbox, fault: Any, field: str) -> None:
    error = sandbox.control("PUT", "faults", [fault], expect=422)["error"]
    assert error["field"] == field
    assert error["message"]
