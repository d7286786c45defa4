"""Orders are read with every page of every edge, and every failure to read one says what it was."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.domain.admission import PauseCause, Paused, Purpose
from app.domain.commands import CommandKind, WireRequest
from app.domain.shops import Shop
from app.graph.client import THROTTLED_S, GraphClient
from app.graph.failures import OrderNotFound, ReadFailed, ReadPaused, ReadRefused, UnreadableOrder
from app.graph.orders import ORDER_FIELDS
from app.graph.paging import MAX_EDGE_PAGES
from tests.integration.graph.conftest import NOW, AskedAdmission, admitted

WIRES = Path(__file__).parents[2] / "wires" / "orders"


def _order(order_id: str, **parts: Any) -> dict[str, Any]:
    raw = json.loads((WIRES / "processing.json").read_bytes())
    return {**raw, "id": order_id, **parts}


def _answers(*bodies: dict[str, Any]) -> list[tuple[bytes]]:
    raws = [json.dumps(body).encode() for body in bodies]
    head = "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n"
    return [(head.format(len(raw)).encode() + raw,) for raw in raws]


def _more(after: str) -> dict[str, Any]:
    # The address is one nobody may follow: it carries the token, and leads nowhere.
    return {"cursors": {"before": "B", "after": after}, "next": "http://127.0.0.1:1/?access_token=x"}


def _asked(line: Any) -> list[tuple[str, dict[str, str]]]:
    targets = [urlsplit(request.split(b" ")[1].decode()) for request in line.requests]
    return [(to.path, {key: values[0] for key, values in parse_qs(to.query).items()}) for to in targets]


def _parcel(number: int) -> dict[str, Any]:
    return {"id": str(number), "items": {"data": [{"id": "500001", "quantity": 1}]}}


def test_all_pages_of_an_edge_are_gathered_by_cursor_and_an_empty_one_does_not_end_them(
    client: GraphClient, line: Any, shop: Shop
) -> None:
    line.answers = _answers(
        _order("1", shipments={"data": [_parcel(61)], "paging": _more("c1")}),
        {"data": [], "paging": _more("c2")},
        {"data": [_parcel(62)], "paging": {"cursors": {"after": "c3"}}},
    )
    order = client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5).order
    assert [shipment.id for shipment in order.shipments] == ["61", "62"]
    assert order.items[0].units.shipped == 2
    first, second, third = _asked(line)
    assert first == ("/v25.0/1", {"fields": ORDER_FIELDS})
    assert [path for path, _ in (second, third)] == ["/v25.0/1/shipments"] * 2
    assert [query["after"] for _, query in (second, third)] == ["c1", "c2"]
    assert second[1]["fields"].startswith("id,external_shipment_id,")


def test_the_lines_of_a_parcel_that_has_many_are_gathered_too(
    client: GraphClient, line: Any, shop: Shop
) -> None:
    parcel = _parcel(61)
    parcel["items"]["paging"] = _more("c1")
    line.answers = _answers(
        _order("1", shipments={"data": [parcel]}), {"data": [{"id": "500001", "quantity": 1}]}
    )
    order = client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5).order
    assert [item.quantity for item in order.shipments[0].items] == [1, 1]
    assert _asked(line)[1] == ("/v25.0/61/items", {"fields": "id,quantity", "limit": "50", "after": "c1"})


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ({"data": [], "paging": _more("c1")}, "circle"),
        ({"data": [], "paging": {"next": "http://x"}}, "no cursor"),
        ({"success": True}, "without its nodes"),
    ],
)
def test_a_list_that_cannot_be_finished_fails_the_read_and_is_never_cut_short(
    client: GraphClient, line: Any, shop: Shop, page: dict[str, Any], complaint: str
) -> None:
    line.answers = _answers(_order("1", refunds={"data": [], "paging": _more("c1")}), page)
    with pytest.raises(ReadFailed, match=complaint):
        client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5)


def test_an_edge_without_an_end_is_given_up(client: GraphClient, line: Any, shop: Shop) -> None:
    pages = [{"data": [], "paging": _more(f"c{n}")} for n in range(1, MAX_EDGE_PAGES + 1)]
    line.answers = _answers(_order("1", refunds={"data": [], "paging": _more("c0")}), *pages)
    with pytest.raises(ReadFailed, match="more than 40 pages"):
        client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5)


@pytest.mark.parametrize("error", [{"code": 100, "error_subcode": 33}, {"code": 803}])
def test_an_order_nobody_knows_is_not_found(
    client: GraphClient, line: Any, shop: Shop, error: dict[str, Any]
) -> None:
    line.answers = _answers({"error": error | {"message": "Unsupported get request"}})
    with pytest.raises(OrderNotFound, match="does not know order 41"):
        client.read_order(shop, "41", purpose=Purpose.READ, timeout_s=5)


def test_each_failure_to_read_carries_its_outcome(client: GraphClient, line: Any, shop: Shop) -> None:
    line.answers = _answers(
        {"error": {"code": 100, "message": "nonexisting field"}},
        {"error": {"code": 190, "message": "expired"}},
        {"error": {"code": 2361081, "message": "Pending Action"}},
        {"error": {"code": 2, "message": "down"}},
        {"id": "1"},
    )
    with pytest.raises(ReadRefused, match="nonexisting field") as refused:
        client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5)
    assert refused.value.outcome.code == 100
    with pytest.raises(ReadPaused, match="expired") as paused:
        client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5)
    assert paused.value.until == NOW + timedelta(seconds=THROTTLED_S)
    for complaint in ("Pending Action", "down"):
        with pytest.raises(ReadFailed, match=complaint):
            client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5)
    with pytest.raises(UnreadableOrder, match="order_status"):
        client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5)
    line.answers = [()]
    with pytest.raises(ReadFailed, match="no answer"):
        client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5)


def test_an_id_from_outside_stays_one_step_of_the_path(client: GraphClient, line: Any, shop: Shop) -> None:
    line.answers = _answers({"error": {"code": 803, "message": "no"}})
    with pytest.raises(OrderNotFound):
        client.read_order(shop, "../me?fields=x#", purpose=Purpose.READ, timeout_s=5)
    assert line.requests[0].startswith(b"GET /v25.0/..%2Fme%3Ffields%3Dx%23?fields=id%2C")


def test_s25_a_listing_asks_for_all_states_and_walks_all_pages(
    client: GraphClient, line: Any, shop: Shop
) -> None:
    line.answers = _answers(
        {"data": [_order("3"), _order("2")], "paging": _more("c1")},
        {"data": [], "paging": _more("c2")},
        {"data": [_order("1")], "paging": {"cursors": {"after": "c3"}}},
    )
    pages = list(
        client.list_orders(
            shop,
            states=["CREATED", "COMPLETED"],
            updated_after=datetime(2026, 1, 5, tzinfo=UTC),
            filters=["has_refunds", "has_cancellations"],
            purpose=Purpose.LISTING,
            timeout_s=5,
        )
    )
    ids = [
        [order.order.id for order in page.orders if not isinstance(order, UnreadableOrder)] for page in pages
    ]
    assert ids == [["3", "2"], [], ["1"]]
    assert {path for path, _ in _asked(line)} == {"/v25.0/900/commerce_orders"}
    queries = [query for _, query in _asked(line)]
    assert queries[0] == {
        "state": "CREATED,COMPLETED",
        "filters": "has_refunds,has_cancellations",
        "updated_after": "1767571200",
        "limit": "25",
        "fields": ORDER_FIELDS,
    }
    assert [query.get("after") for query in queries] == [None, "c1", "c2"]


def test_s18_an_order_that_cannot_be_read_stands_in_its_page_and_stops_nothing(
    client: GraphClient, line: Any, shop: Shop
) -> None:
    broken = _order("2", refunds={"data": [], "paging": {"next": "http://x"}})
    line.answers = _answers({"data": [_order("3", created=None), broken, 7, _order("1")]})
    (page,) = client.list_orders(
        shop, states=["CREATED"], updated_after=None, purpose=Purpose.LISTING, timeout_s=5
    )
    *unreadable, good = page.orders
    assert [getattr(one, "order_id", None) for one in unreadable] == ["3", "2", ""]
    assert not isinstance(good, UnreadableOrder)
    assert good.order.id == "1"


def test_a_hold_in_the_middle_of_a_listing_is_raised_and_not_taken_for_its_end(
    client: GraphClient, line: Any, shop: Shop
) -> None:
    line.answers = _answers(
        {"data": [_order("1")], "paging": _more("c1")}, {"error": {"code": 80001, "message": "wait"}}
    )
    pages = client.list_orders(
        shop, states=["CREATED"], updated_after=None, purpose=Purpose.LISTING, timeout_s=5
    )
    assert len(next(pages).orders) == 1
    with pytest.raises(ReadPaused, match="wait"):
        next(pages)


PAUSED = Paused(cause=PauseCause.USAGE, until=NOW + timedelta(seconds=60), text="commands go first")


def test_a_read_asks_admission_before_each_of_its_calls(
    client: GraphClient, line: Any, shop: Shop, admission: AskedAdmission
) -> None:
    line.answers = _answers(
        _order("1", shipments={"data": [_parcel(1)], "paging": _more("c1")}), {"data": [_parcel(2)]}
    )
    client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5)
    assert admission.asked == [Purpose.READ] * 2
    assert [probe for _, probe in admission.learned] == [False] * 2


def test_a_paused_shop_stops_reads_of_that_purpose_before_any_call(
    client: GraphClient, line: Any, shop: Shop, admission: AskedAdmission
) -> None:
    admission.paused = {Purpose.READ: PAUSED, Purpose.LISTING: PAUSED}
    with pytest.raises(ReadPaused, match="shop 900: commands go first") as paused:
        client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5)
    assert paused.value.until == PAUSED.until
    with pytest.raises(ReadPaused):
        next(client.list_orders(shop, states=[], updated_after=None, purpose=Purpose.LISTING, timeout_s=5))
    assert line.requests == []
    line.answers = _answers(_order("1"))
    assert client.read_order(shop, "1", purpose=Purpose.COMMAND, timeout_s=5).order.id == "1"


def test_a_shop_that_pauses_between_two_pages_stops_the_listing_there(
    client: GraphClient, line: Any, shop: Shop, admission: AskedAdmission
) -> None:
    line.answers = _answers({"data": [_order("1")], "paging": _more("c1")})
    pages = client.list_orders(
        shop, states=["CREATED"], updated_after=None, purpose=Purpose.LISTING, timeout_s=5
    )
    assert len(next(pages).orders) == 1
    admission.paused = {Purpose.LISTING: PAUSED}
    with pytest.raises(ReadPaused):
        next(pages)
    assert len(line.requests) == 1


def test_a_command_of_a_paused_shop_is_told_why_and_a_probe_goes_out_all_the_same(
    client: GraphClient, line: Any, shop: Shop, admission: AskedAdmission
) -> None:
    admission.paused = {Purpose.COMMAND: PAUSED}
    assert client.admit(shop) == PAUSED
    line.answers = _answers({"id": shop.id})
    client.probe(shop)
    assert [probe for _, probe in admission.learned] == [True]


def test_calls_go_out_with_the_token_that_admission_gives(
    client: GraphClient, line: Any, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = replace(shop, access_token="EAAB-renewed")
    monkeypatch.setattr(AskedAdmission, "admit", lambda *_: renewed)
    line.answers = _answers(_order("1"), {"success": True})
    client.read_order(shop, "1", purpose=Purpose.READ, timeout_s=5)
    wire = WireRequest(path="/1/shipments", body="idempotency_key=k")
    client.send(admitted(client, shop), wire, timeout_s=5, kind=CommandKind.SHIP)
    assert all(b"Bearer EAAB-renewed" in request for request in line.requests)
