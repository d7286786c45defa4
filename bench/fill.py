"""`python -m bench.fill`: fills Redis with orders through Orderwire's own store classes.

The only part of the bench that imports Orderwire, in a process of its own. `ORDERWIRE_REDIS_URL` and
`ORDERWIRE_SEALING_KEYS` say where and with what. The store writes one order at a time; here many of its
writes travel together, which changes nothing of what is written.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from app.domain.codec import encode
from app.domain.money import Money
from app.domain.orders import (
    Address,
    Buyer,
    ItemQuantity,
    Order,
    OrderItem,
    OrderState,
    Payment,
    Shipment,
    Totals,
    Tracking,
    Units,
)
from app.domain.timeline import Cause, TimelineEntry
from app.settings import load_settings
from app.store.connection import Store, connect
from app.store.orders import Orders, SealedBuyer, WriteResult
from app.store.sealing import Sealer

MAX_ORDERS = 10_000_000
AT_ONCE = 500
# One every six seconds is half a million a month: a large merchant's own orders of two months.
EVERY_S = 6
NEWEST = datetime(2026, 3, 1, 12, tzinfo=UTC)
_BUYER = Buyer(name="Zoë Müller", email="k3j2h1@marketplace.facebook.com", email_remarketing_option=False)
_ADDRESS = Address(
    name="Zoë Müller",
    street1="1600 Pennsylvania Avenue",
    street2=None,
    city="Springfield",
    state="IL",
    postal_code="62701",
    country="US",
)
_LIFE = ("order.found", "command.accepted", "order.acknowledged", "command.accepted", "order.shipped")


class Together(Store):
    """A store that collects its script calls in a pipeline until `send`, and answers `created` to each."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.waiting = self.pipeline(transaction=False)

    def register_script(self, script: Any) -> Any:
        """Return the script, calling into the pipeline."""
        whole = cast("Callable[..., object]", super().register_script(script))

        def later(keys: Sequence[str], args: Sequence[str | int]) -> str:
            whole(keys, args, client=self.waiting)
            return WriteResult.CREATED.value

        return later

    def send(self) -> None:
        """Send the pipeline, and check that every order was new."""
        answers = self.waiting.execute()
        if set(answers) - {WriteResult.CREATED.value}:
            raise SystemExit(f"the store answered {set(answers)}; only new orders can be filled in")


def main() -> None:
    """Write `--count` orders from id `--first` on."""
    asked = argparse.ArgumentParser(prog="python -m bench.fill", description=__doc__)
    asked.add_argument("--first", type=int, required=True)
    asked.add_argument("--count", type=int, required=True)
    asked.add_argument("--shop", required=True)
    given = asked.parse_args()
    settings = load_settings(os.environ)
    plain = connect(settings.require_redis_url(), timeout_s=30)
    store = Together(connection_pool=plain.connection_pool)
    orders, sealer = Orders(store), Sealer(settings.sealing_key_bytes())
    for number, order in enumerate(_orders(given.first, min(given.count, MAX_ORDERS), given.shop), start=1):
        _write(orders, order, sealer)
        if number % AT_ONCE == 0:
            store.send()
    store.send()
    plain.close()


def _write(orders: Orders, order: Order, sealer: Sealer) -> None:
    sealed = SealedBuyer(
        buyer=sealer.seal(encode(_BUYER), record=order.id, field="buyer"),
        shipping_address=sealer.seal(encode(_ADDRESS), record=order.id, field="shipping_address"),
    )
    life = [
        TimelineEntry(
            at=order.updated_at, what=what, cause=Cause.WEBHOOK, detail={"command_id": f"01J{order.id}"}
        )
        for what in _LIFE
    ]
    orders.write(
        order,
        sealed,
        expected_version=0,
        read_at=order.updated_at,
        write_id=f"fill-{order.id}",
        timeline=[*life, TimelineEntry(at=order.updated_at, what="order.completed", cause=Cause.WEBHOOK)],
    )


def _orders(first: int, count: int, shop_id: str) -> Iterator[Order]:
    twenty, forty, none = (Money.parse(amount, "USD") for amount in ("20.00", "40.00", "0.00"))
    for number in range(first, first + count):
        order_id, item_id = str(number), f"2{number}"
        updated = NEWEST - timedelta(seconds=EVERY_S * (first + count - number))
        item = OrderItem(
            id=item_id,
            retailer_id="SKU-1",
            product_id=f"9{number}",
            name="A mug",
            unit_price=twenty,
            units=Units(open=0, shipped=2, cancelled=0, refunded=0),
            refundable=None,
        )
        parcel = Shipment(
            id=f"6{number}",
            external_shipment_id=f"wh_{number}",
            tracking=Tracking(carrier="UPS", tracking_number=f"1Z{number}"),
            items=(ItemQuantity(item_id=item_id, quantity=2),),
        )
        yield Order(
            id=order_id,
            shop_id=shop_id,
            state=OrderState.COMPLETED,
            channel="facebook",
            created_at=updated - timedelta(days=1),
            updated_at=updated,
            ship_by=updated.date(),
            merchant_order_reference=f"bench-{order_id}",
            items=(item,),
            totals=Totals(items=forty, shipping=none, tax=none, total=forty),
            shipments=(parcel,),
            cancellations=(),
            refunds=(),
            payments=(Payment(id=f"5{number}", total=forty, captured=True),),
        )


if __name__ == "__main__":
    main()
