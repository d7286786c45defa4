"""The client against the emulated platform: the whole life of an order, and what its faults come to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from msgspec.structs import replace

from app.domain.admission import Purpose
from app.domain.commands import (
    Acknowledge,
    Cancel,
    Change,
    Refund,
    RefundLine,
    Ship,
    UpdateTracking,
)
from app.domain.money import Money
from app.domain.orders import ItemQuantity, Order, OrderState, Tracking, Units
from app.domain.outcomes import Accepted, Busy, Outcome, Refused, ThrottleCause, Throttled, Unknown
from app.domain.shops import Shop
from app.graph.client import GraphClient, open_http
from app.graph.errors import outcome_of_entry
from app.graph.failures import OrderNotFound, ReadPaused, UnreadableOrder
from app.graph.requests import wire_batch, wire_request
from tests.integration.graph.conftest import NOW, AskedAdmission, admitted

SECRET = "sandbox-app-secret"
SHOP = Shop(
    id="900000000000017",
    page_id="800000000000017",
    name="Sandbox shop",
    access_token="sandbox-token",
    acknowledge="auto",
)
ITEMS = [
    {"retailer_id": "SKU-1", "quantity": 3, "price": "20.00"},
    {"retailer_id": "SKU-2", "quantity": 1, "price": "10.10"},
]


@dataclass(frozen=True, slots=True)
class Platform:
    """The sandbox in its process, its control side, and our client to its Graph side."""

    control: httpx.Client
    client: GraphClient

    def place(self, **parts: Any) -> list[str]:
        body = {"items": ITEMS, "shipping": "6.00", "tax_rate": "0.08"} | parts
        answer = self.control.post("/_sandbox/orders", json=body)
        assert answer.status_code == 201, answer.text
        ids = answer.json()["ids"]
        assert isinstance(ids, list)
        return ids

    def tell(self, path: str, body: Any, method: str = "POST") -> None:
        answer = self.control.request(method, f"/_sandbox/{path}", json=body)
        assert answer.status_code < 300, answer.text

    def effects(self, order_id: str) -> list[str]:
        answer = self.control.get("/_sandbox/effects", params={"order_id": order_id})
        return [effect["kind"] for effect in answer.json()["data"]]

    def do(self, order_id: str, change: Change, key: str = "") -> Outcome:
        request = wire_request(order_id, change, key or str(uuid4()))
        return self.client.send(admitted(self.client, SHOP), request, timeout_s=1, kind=change.kind).outcome

    def read(self, order_id: str) -> Order:
        return self.client.read_order(SHOP, order_id, purpose=Purpose.READ, timeout_s=5).order


@pytest.fixture(scope="module")
def process_url() -> Iterator[str]:
    command = [sys.executable, "-m", "sandbox", "--app-secret", SECRET]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()
        process.wait(10)


@pytest.fixture
def platform(process_url: str) -> Iterator[Platform]:
    client = GraphClient(
        process_url,
        "v25.0",
        SECRET,
        open_http(process_url, connections=2),
        admission=AskedAdmission(),
        clock=lambda: NOW,
    )
    with httpx.Client(base_url=process_url, trust_env=False) as control:
        assert control.post("/_sandbox/reset", json={}).status_code < 300
        yield Platform(control, client)
    client.close()


ACKNOWLEDGE = Acknowledge(merchant_order_reference="A-100")
REFUND = Refund(
    items=(), full=False, reason_code="WRONG_ITEM", reason_text=None, shipping=None, deductions=()
)


def _ship(*items: ItemQuantity, number: str = "1Z1") -> Ship:
    return Ship(
        items=items,
        ship_all_remaining=False,
        tracking=Tracking(carrier="UPS", tracking_number=number, shipping_method_name="Ground"),
        external_shipment_id=f"wh_{number}",
        merchant_order_reference=None,
    )


def _usd(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


def _acknowledged(platform: Platform) -> Order:
    (order_id,) = platform.place()
    assert isinstance(platform.do(order_id, ACKNOWLEDGE), Accepted)
    return platform.read(order_id)


def test_the_whole_life_of_an_order_is_written_and_read_back(platform: Platform) -> None:
    (order_id,) = platform.place(channel="instagram", buyer={"name": "김민준", "email": "a@b.example"})
    new = platform.client.read_order(SHOP, order_id, purpose=Purpose.READ, timeout_s=5)
    assert (new.order.state, new.order.channel) == (OrderState.CREATED, "instagram")
    assert new.buyer is not None
    assert new.buyer.name == "김민준"
    assert new.shipping_address is not None
    assert new.order.totals is not None
    assert (new.order.totals.items, new.order.totals.shipping) == (_usd("70.10"), _usd("6.00"))

    assert isinstance(platform.do(order_id, ACKNOWLEDGE), Accepted)
    one, two = platform.read(order_id).items
    assert (one.retailer_id, one.unit_price) == ("SKU-1", _usd("20.00"))
    shipment = _ship(ItemQuantity(item_id=one.id, quantity=2), ItemQuantity(item_id=two.id, quantity=1))
    assert isinstance(platform.do(order_id, shipment), Accepted)
    (parcel,) = platform.read(order_id).shipments
    assert (parcel.external_shipment_id, parcel.tracking) == ("wh_1Z1", shipment.tracking)

    right = Tracking(carrier="FEDEX", tracking_number="F1")
    assert isinstance(platform.do(order_id, UpdateTracking(shipment=parcel.id, tracking=right)), Accepted)
    cancel = Cancel(
        items=(ItemQuantity(item_id=one.id, quantity=1),),
        reason_code="OUT_OF_STOCK",
        reason_description="none left",
        restock_items=True,
    )
    assert isinstance(platform.do(order_id, cancel), Accepted)
    platform.tell("clock", {"advance_s": 7200})
    lines = (
        RefundLine(item_id=one.id, quantity=1, amount=None),
        RefundLine(item_id=two.id, quantity=None, amount=_usd("1.10")),
    )
    refund = Refund(
        items=lines,
        full=False,
        reason_code="DAMAGED_GOODS",
        reason_text="sorry",
        shipping=_usd("2.00"),
        deductions=(),
    )
    assert isinstance(platform.do(order_id, refund), Accepted)

    order = platform.read(order_id)
    assert order.state is OrderState.COMPLETED
    assert order.merchant_order_reference == "A-100"
    assert [item.units for item in order.items] == [
        Units(open=0, shipped=2, cancelled=1, refunded=1),
        Units(open=0, shipped=1, cancelled=0, refunded=0),
    ]
    assert [item.refunded_amount for item in order.items] == [_usd("20.00"), _usd("1.10")]
    assert [item.refundable for item in order.items] == [_usd("20.00"), _usd("9.00")]
    assert [shipment.tracking for shipment in order.shipments] == [right]
    (cancelled,) = order.cancellations
    assert (cancelled.reason_code, cancelled.reason_description) == ("OUT_OF_STOCK", "none left")
    (refunded,) = order.refunds
    assert (refunded.reason_code, refunded.shipping) == ("DAMAGED_GOODS", _usd("2.00"))
    assert [payment.captured for payment in order.payments] == [True]
    kinds = ["acknowledge", "cancel", "refund", "ship", "update_tracking"]
    assert sorted(platform.effects(order_id)) == kinds


def test_an_order_on_hold_shows_its_products_and_no_buyer(platform: Platform) -> None:
    (order_id,) = platform.place(state="FB_PROCESSING")
    read = platform.client.read_order(SHOP, order_id, purpose=Purpose.READ, timeout_s=5)
    assert read.order.state is OrderState.FB_PROCESSING
    assert read.order.open_units == 4
    assert (read.buyer, read.shipping_address) == (None, None)
    assert isinstance(platform.do(order_id, ACKNOWLEDGE), Refused)


def test_s12_a_lost_answer_is_unknown_and_the_same_bytes_again_have_one_effect(platform: Platform) -> None:
    (order_id,) = platform.place()
    platform.tell("faults", [{"path": "*/acknowledge_order", "kind": "drop_after", "times": 1}], "PUT")
    assert isinstance(platform.do(order_id, ACKNOWLEDGE, "k1"), Unknown)
    assert platform.read(order_id).state is OrderState.IN_PROGRESS
    assert isinstance(platform.do(order_id, ACKNOWLEDGE, "k1"), Accepted)
    assert platform.effects(order_id) == ["acknowledge"]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "drop_before"}, Unknown),
        ({"kind": "html"}, Unknown),
        ({"kind": "status", "status": 503}, Unknown),
        ({"kind": "slow", "delay_s": 2}, Unknown),
        ({"kind": "error", "code": 2}, Unknown),
        ({"kind": "busy"}, Busy),
        ({"kind": "error", "code": 2361050}, Busy),
        ({"kind": "error", "code": 2361009}, Refused),
        ({"kind": "throttle"}, Throttled),
    ],
)
def test_each_fault_of_the_platform_has_its_outcome(
    platform: Platform, fault: dict[str, Any], outcome: type[Outcome]
) -> None:
    (order_id,) = platform.place()
    platform.tell("faults", [{"path": "*/acknowledge_order", "times": 1} | fault], "PUT")
    assert isinstance(platform.do(order_id, ACKNOWLEDGE, "k1"), outcome)
    platform.tell("faults", [], "PUT")
    assert isinstance(platform.do(order_id, ACKNOWLEDGE, "k2"), Accepted | Refused)


def test_s16_a_refund_before_the_capture_is_busy(platform: Platform) -> None:
    platform.tell("settings", {"capture_delay_s": 60}, "PUT")
    order = _acknowledged(platform)
    ship = _ship(ItemQuantity(item_id=order.items[0].id, quantity=1))
    assert isinstance(platform.do(order.id, ship), Accepted)
    refund = replace(REFUND, items=(RefundLine(item_id=order.items[0].id, quantity=1, amount=None),))
    outcome = platform.do(order.id, refund, "k1")
    assert isinstance(outcome, Busy)
    assert outcome.code == 2361076
    assert [payment.captured for payment in platform.read(order.id).payments] == [False]
    platform.tell("clock", {"advance_s": 61})
    assert isinstance(platform.do(order.id, refund, "k2"), Accepted)


def test_a_refund_of_shipping_alone_gives_no_goods_back_and_a_full_one_all(platform: Platform) -> None:
    order = _acknowledged(platform)
    lines = tuple(ItemQuantity(item_id=item.id, quantity=item.units.open) for item in order.items)
    assert isinstance(platform.do(order.id, _ship(*lines)), Accepted)
    platform.tell("clock", {"advance_s": 7200})
    assert isinstance(platform.do(order.id, replace(REFUND, shipping=_usd("6.00"))), Accepted)
    after = platform.read(order.id)
    assert [item.units.refunded for item in after.items] == [0, 0]
    assert [refund.shipping for refund in after.refunds] == [_usd("6.00")]
    assert isinstance(platform.do(order.id, replace(REFUND, full=True)), Accepted)
    assert [item.units.refunded for item in platform.read(order.id).items] == [3, 1]


def test_s09_a_cancelled_order_cancelled_again_counts_as_done(platform: Platform) -> None:
    order = _acknowledged(platform)
    cancel = Cancel(items=None, reason_code="OUT_OF_STOCK", reason_description=None, restock_items=True)
    assert isinstance(platform.do(order.id, cancel, "k1"), Accepted)
    again = platform.do(order.id, cancel, "k2")
    assert isinstance(again, Refused)
    assert again.already_done
    assert platform.effects(order.id) == ["acknowledge", "cancel"]


def test_s07_the_same_tracking_again_counts_as_done(platform: Platform) -> None:
    order = _acknowledged(platform)
    ship = _ship(ItemQuantity(item_id=order.items[0].id, quantity=1))
    assert isinstance(platform.do(order.id, ship), Accepted)
    (parcel,) = platform.read(order.id).shipments
    again = platform.do(order.id, UpdateTracking(shipment=parcel.id, tracking=ship.tracking))
    assert isinstance(again, Refused)
    assert again.already_done


def test_s19_a_dead_token_holds_commands_reads_and_probe(platform: Platform) -> None:
    (order_id,) = platform.place()
    assert isinstance(platform.client.probe(SHOP).outcome, Accepted)
    platform.tell("token", {"state": "expired"})
    for outcome in (platform.do(order_id, ACKNOWLEDGE), platform.client.probe(SHOP).outcome):
        assert isinstance(outcome, Throttled)
        assert outcome.cause is ThrottleCause.TOKEN
        assert SHOP.access_token not in outcome.message
    with pytest.raises(ReadPaused):
        platform.read(order_id)
    platform.tell("token", {"state": "ok"})
    assert isinstance(platform.do(order_id, ACKNOWLEDGE), Accepted)


def test_s20_usage_is_read_from_the_nested_header_of_any_answer(platform: Platform) -> None:
    platform.tell("settings", {"usage": {"call_count": 95}}, "PUT")
    usage = platform.client.probe(SHOP).usage
    assert usage is not None
    assert usage.percent == 95


def test_an_order_the_platform_does_not_know_is_not_found(platform: Platform) -> None:
    with pytest.raises(OrderNotFound):
        platform.read("123456789")


def test_s17_a_batch_has_an_outcome_for_each_of_its_orders(platform: Platform) -> None:
    good = platform.place(count=3)
    (held,) = platform.place(state="FB_PROCESSING")
    orders = [(order_id, f"R-{order_id}") for order_id in [*good, held, "999"]]
    kind = ACKNOWLEDGE.kind
    reply = platform.client.send(
        admitted(platform.client, SHOP), wire_batch(SHOP.id, orders, "batch-1"), timeout_s=5, kind=kind
    )
    assert isinstance(reply.outcome, Accepted)
    outcomes = [outcome_of_entry(entry) for entry in reply.outcome.answer["orders"]]
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, True, True, False, False]
    assert all(isinstance(outcome, Refused) for outcome in outcomes[3:])


def test_a_listing_gives_every_order_whole_and_once(platform: Platform) -> None:
    wanted = set(platform.place(count=60))
    (held,) = platform.place(state="FB_PROCESSING")
    platform.place(items=[{"retailer_id": f"S{n}", "quantity": 1, "price": "1.00"} for n in range(120)])
    states = ["FB_PROCESSING", "CREATED", "IN_PROGRESS", "COMPLETED"]
    pages = list(
        platform.client.list_orders(
            SHOP, states=states, updated_after=None, purpose=Purpose.LISTING, timeout_s=5
        )
    )
    assert max(len(page.orders) for page in pages) == 25
    assert not [one for page in pages for one in page.orders if isinstance(one, UnreadableOrder)]
    orders = [one.order for page in pages for one in page.orders if not isinstance(one, UnreadableOrder)]
    assert len(orders) == len({order.id for order in orders}) == 62
    assert wanted | {held} < {order.id for order in orders}
    assert max(len(order.items) for order in orders) == 120
