"""Orders of a shop, taken through the application's own store: found, acknowledged, shipped.

Each life makes three writes of the copy, two commands of one attempt each and a timeline of twelve entries,
through the same classes and with the same texts as the services write.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from app.domain.codec import encode
from app.domain.commands import Acknowledge, Attempt, Change, Command, CommandStatus, Ship
from app.domain.compare import compare
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
from app.graph.requests import wire_request
from app.store.command_values import Settlement
from app.store.commands import Commands
from app.store.orders import Orders, SealedBuyer, WriteResult
from app.store.sealing import Sealer

START = datetime(2026, 1, 1, tzinfo=UTC)
# A shop of a million orders a year gets one each half minute.
APART = timedelta(seconds=30)
SHOP_ID = "900000000000017"
LEASE_S = 60.0
ANSWERED_AFTER = timedelta(milliseconds=180)
# How long after it was placed an order is in a state, and read in it.
READ_AFTER = {
    OrderState.CREATED: timedelta(minutes=5),
    OrderState.IN_PROGRESS: timedelta(minutes=6),
    OrderState.COMPLETED: timedelta(minutes=600),
}
_FIRST_ORDER, _FIRST_PART = 64_000_000_000_000_000, 2_082_000_000_000_000
_NAMES = ("Stoneware mug, 350 ml, sea blue", "Oak serving board, large")
_CITIES = (("Springfield", "IL", "62701"), ("Portland", "OR", "97201"), ("Ann Arbor", "MI", "48103"))
_PEOPLE = ("Zoë Müller", "James Robinson", "María Fernández Castillo", "Priya Raman")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The names of one order's lifecycle: all ids of order `number` are derived from it."""

    number: int

    @property
    def order_id(self) -> str:
        """The platform's id of the order."""
        return str(_FIRST_ORDER + self.number)

    @property
    def reference(self) -> str:
        """The merchant's own id of the order."""
        return f"SO-2026-{self.number:08d}"

    @property
    def command_ids(self) -> tuple[str, str]:
        """The ids of its acknowledgement and of its shipment, as long as a ULID."""
        return f"01KB{self.number:020d}AK", f"01KB{self.number:020d}SH"

    @property
    def part_ids(self) -> tuple[str, ...]:
        """The platform's ids of its two items, its shipment and its payment."""
        return tuple(str(_FIRST_PART * part + self.number) for part in range(1, 5))

    @property
    def key(self) -> str:
        """The platform idempotency key of its commands."""
        return str(UUID(int=self.number + (1 << 100)))

    @property
    def token(self) -> str:
        """The token of the runs of its commands."""
        return f"01KB{self.number:020d}TK"

    @property
    def tracking_number(self) -> str:
        """The number of its parcel."""
        return f"1Z999AA1{self.number:010d}"

    @property
    def at(self) -> datetime:
        """When it was placed."""
        return START + self.number * APART


class Living:
    """Takes orders through their lifecycle, one store call at a time."""

    def __init__(self, orders: Orders, commands: Commands, sealer: Sealer) -> None:
        self._orders = orders
        self._commands = commands
        self._sealer = sealer

    def live(self, life: Life) -> None:
        """Take one order from its first read to its completion."""
        acknowledge, ship = life.command_ids
        created = order_of(life, OrderState.CREATED)
        self.record(None, created, version=0, cause=Cause.WEBHOOK, sealed=sealed_of(life, self._sealer))
        self.command(life, acknowledge, Acknowledge(merchant_order_reference=life.reference))
        progressing = order_of(life, OrderState.IN_PROGRESS)
        self.record(created, progressing, version=1, cause=Cause.COMMAND)
        tracking = Tracking(carrier="UPS", tracking_number=life.tracking_number)
        items = tuple(ItemQuantity(item_id=item.id, quantity=item.units.open) for item in created.items)
        change = Ship(
            items=items,
            ship_all_remaining=True,
            tracking=tracking,
            external_shipment_id=f"ow_{ship}",
            merchant_order_reference=None,
        )
        self.command(life, ship, change)
        completed = order_of(life, OrderState.COMPLETED)
        self.record(progressing, completed, version=2, cause=Cause.COMMAND)

    def record(
        self, old: Order | None, new: Order, *, version: int, cause: Cause, sealed: SealedBuyer | None = None
    ) -> WriteResult:
        """Write the copy as a sync does, with what changed in its timeline."""
        return self._orders.write(
            new,
            sealed or SealedBuyer(buyer=None, shipping_address=None),
            expected_version=version,
            read_at=new.updated_at,
            write_id=f"01KB{version:022d}",
            timeline=compare(old, new, at=new.updated_at, cause=cause),
        )

    def command(self, life: Life, command_id: str, change: Change) -> None:
        """Accept a command and run it: lease, attempt, settlement."""
        command = command_of(life, command_id, change)
        accepted = _entry(command, "command.accepted")
        self._commands.accept(command, timeline=accepted, answer=None)
        token, at = life.token, life.at
        self._commands.lease(command.id, token=token, now=at, lease_s=LEASE_S)
        attempt = Attempt(number=1, started_at=at, timeout_s=10.0, idempotency_key=command.idempotency_key)
        wire = wire_request(life.order_id, change, command.idempotency_key)
        self._commands.begin_attempt(command.id, token=token, attempt=attempt, wire=wire)
        finished = replace(attempt, finished_at=at + ANSWERED_AFTER, outcome="accepted")
        self._commands.settle(command.id, token=token, settlement=_succeeded(command, finished), now=at)


def order_of(life: Life, state: OrderState) -> Order:
    """Return the order, with two items, in that state."""
    done, number = state is OrderState.COMPLETED, life.number
    items = tuple(_item(number, line, shipped=done) for line in range(2))
    quantities = tuple(ItemQuantity(item_id=item.id, quantity=item.units.quantity) for item in items)
    shipment = Shipment(
        id=life.part_ids[2],
        external_shipment_id=f"ow_{life.command_ids[1]}",
        tracking=Tracking(carrier="UPS", tracking_number=life.tracking_number),
        items=quantities,
    )
    payment = Payment(id=life.part_ids[3], total=_usd("82.95"), captured=True)
    return Order(
        id=life.order_id,
        shop_id=SHOP_ID,
        state=state,
        channel="instagram",
        created_at=life.at,
        updated_at=life.at + READ_AFTER[state],
        ship_by=(life.at + timedelta(days=3)).date(),
        merchant_order_reference=None if state is OrderState.CREATED else life.reference,
        items=items,
        totals=Totals(items=_usd("70.00"), shipping=_usd("7.95"), tax=_usd("5.00"), total=_usd("82.95")),
        shipments=(shipment,) if done else (),
        cancellations=(),
        refunds=(),
        payments=(payment,) if done else (),
    )


def sealed_of(life: Life, sealer: Sealer) -> SealedBuyer:
    """Return a buyer and an address, sealed for the order."""
    name = _PEOPLE[life.number % len(_PEOPLE)]
    city, state, postal_code = _CITIES[life.number % len(_CITIES)]
    buyer = Buyer(
        name=name,
        email=f"k3f9a{life.number:09d}xq7@marketplace.facebook.com",
        email_remarketing_option=False,
    )
    address = Address(
        name=name,
        street1=f"{life.number % 4000} Evergreen Terrace",
        street2="Apt. 4" if life.number % 3 else None,
        city=city,
        state=state,
        postal_code=postal_code,
        country="US",
    )
    seal = sealer.seal
    return SealedBuyer(
        buyer=seal(encode(buyer), record=life.order_id, field="buyer"),
        shipping_address=seal(encode(address), record=life.order_id, field="shipping_address"),
    )


def command_of(life: Life, command_id: str, change: Change) -> Command:
    """Return the command, accepted shortly after the order was placed."""
    return Command(
        id=command_id,
        order_id=life.order_id,
        shop_id=SHOP_ID,
        kind=change.kind,
        change=change,
        status=CommandStatus.PENDING,
        idempotency_key=life.key,
        created_at=life.at,
        cause=Cause.REST,
    )


def _item(number: int, line: int, *, shipped: bool) -> OrderItem:
    return OrderItem(
        id=str(_FIRST_PART * (line + 1) + number),
        retailer_id=f"SKU-{line:05d}-BLU",
        product_id=str(3_900_000_000_000_000 + line),
        name=_NAMES[line],
        unit_price=_usd("35.00"),
        units=Units(open=0 if shipped else 1, shipped=1 if shipped else 0, cancelled=0, refunded=0),
        refundable=None,
    )


def _succeeded(command: Command, attempt: Attempt) -> Settlement:
    return Settlement(
        status=CommandStatus.SUCCEEDED,
        attempt=attempt,
        next_attempt_at=None,
        idempotency_key=command.idempotency_key,
        keep_wire=False,
        error=None,
        timeline=(
            _entry(command, "attempt.finished", number="1", outcome="accepted", error=None),
            _entry(command, "command.succeeded", error=None),
        ),
    )


def _entry(command: Command, what: str, **detail: str | None) -> TimelineEntry:
    named = {"command_id": command.id, "kind": command.kind.value}
    return TimelineEntry(at=command.created_at, what=what, cause=Cause.COMMAND, detail=named | detail)


def _usd(amount: str) -> Money:
    return Money.parse(amount, "USD")
