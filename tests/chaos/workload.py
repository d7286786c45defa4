"""The seeded workload: lives of orders, each a list of steps; the same seed always gives the same lives."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
# What a merchant's day feels like on two cores that also run the stack and its faults.
EVENTS_A_SECOND = 8.0
MAX_LINES = 3
MAX_UNITS = 6
_CANCEL_REASONS = ("CUSTOMER_REQUESTED", "OUT_OF_STOCK", "INVALID_ADDRESS")
_REFUND_REASONS = ("BUYERS_REMORSE", "DAMAGED_GOODS", "WRONG_ITEM", "QUALITY_ISSUE")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequest:
    """One thing somebody wants done to an order; `line` counts from 0, no `quantity` means all that is open.

    `what`: ship, track, cancel, refund_units, refund_amount, refund_shipping by the OMS; release,
    buyer_cancel, meta_refund by the platform. `twice` sends the same request under one key at the same
    moment; `waits` asks the route to answer when the command has ended.
    """

    what: str
    mark: str
    line: int = 0
    quantity: int | None = None
    amount: str | None = None
    reason: str = ""
    twice: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Wishes made at the same moment, after a pause."""

    pause_s: float
    requests: tuple[PlannedRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One order: when it is placed, what is in it, and what happens to it; `order` is the sandbox's body."""

    number: int
    at_s: float
    order: Json
    steps: tuple[Step, ...]

    @property
    def events(self) -> int:
        """How many events this life has: its order and every request."""
        return 1 + sum(len(step.requests) for step in self.steps)


def make_lives(seed: int, events: int, *, rate: float = EVENTS_A_SECOND) -> list[Life]:
    """Return lives that have at least `events` events together, spread over `events / rate` seconds."""
    rng = random.Random(seed)  # noqa: S311 - a seeded workload is the point
    duration_s = events / rate
    lives: list[Life] = []
    made = 0
    while made < events:
        life = _Maker(rng, seed, len(lives)).life(rng.uniform(0, duration_s))
        lives.append(life)
        made += life.events
    return sorted(lives, key=lambda life: life.at_s)


class _Maker:
    """Makes one life; its marks name seed, life and request."""

    def __init__(self, rng: random.Random, seed: int, number: int) -> None:
        self._rng = rng
        self._seed = seed
        self._number = number
        self._requests = 0
        self._lines = [rng.randint(1, MAX_UNITS) for _ in range(rng.randint(1, MAX_LINES))]

    def life(self, at_s: float) -> Life:
        """Return a life of a kind that chance chooses."""
        kinds: list[tuple[int, Callable[[], list[Step]]]] = [
            (4, self._shipped_and_refunded),
            (3, self._goodwill),
            (3, self._conflict),
            (2, self._corrected),
            (2, self._cancelled),
            (2, self._platform_acts),
            (2, self._held),
            (1, self._cancelled_in_hold),
        ]
        make = self._rng.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])[0]
        steps = make()
        held = any(planned.what == "release" for step in steps for planned in step.requests)
        held = held or make == self._cancelled_in_hold
        return Life(number=self._number, at_s=at_s, order=self._order(held=held), steps=tuple(steps))

    def _shipped_and_refunded(self) -> list[Step]:
        return [
            self._step(self._planned("ship", line=0, quantity=1)),
            self._step(self._planned("ship")),
            self._step(self._planned("refund_units", line=0, quantity=1)),
        ]

    def _goodwill(self) -> list[Step]:
        """Two separate refunds of the same amount are two refunds (S11)."""
        return [
            self._step(self._planned("ship")),
            self._step(
                self._planned("refund_amount", amount="1.25"),
                self._planned("refund_amount", amount="1.25"),
            ),
            self._step(self._planned("refund_shipping", amount="0.75")),
        ]

    def _conflict(self) -> list[Step]:
        """The warehouse ships, support cancels and refunds, all at once (S14)."""
        return [
            self._step(self._planned("ship", line=0, quantity=1)),
            self._step(
                self._planned("ship"),
                self._planned("cancel"),
                self._planned("refund_units", line=0, quantity=1),
            ),
        ]

    def _corrected(self) -> list[Step]:
        return [self._step(self._planned("ship")), self._step(self._planned("track"), self._planned("track"))]

    def _cancelled(self) -> list[Step]:
        return [
            self._step(self._planned("cancel", line=0, quantity=1)),
            self._step(self._planned("cancel"), self._planned("cancel")),
        ]

    def _platform_acts(self) -> list[Step]:
        return [
            self._step(self._planned("ship", line=0, quantity=1)),
            self._step(self._planned("meta_refund", line=0, quantity=1), self._planned("buyer_cancel")),
            self._step(self._planned("ship")),
        ]

    def _held(self) -> list[Step]:
        return [self._step(self._planned("release")), self._step(self._planned("ship"))]

    def _cancelled_in_hold(self) -> list[Step]:
        return [self._step(self._planned("buyer_cancel"))]

    def _step(self, *requests: PlannedRequest) -> Step:
        return Step(pause_s=self._rng.uniform(0.1, 1.5), requests=requests)

    def _planned(
        self, what: str, *, line: int = 0, quantity: int | None = None, amount: str | None = None
    ) -> PlannedRequest:
        self._requests += 1
        reasons = _CANCEL_REASONS if what == "cancel" else _REFUND_REASONS
        return PlannedRequest(
            what=what,
            mark=f"S{self._seed}L{self._number}W{self._requests}",
            line=line,
            quantity=quantity,
            amount=amount,
            reason=self._rng.choice(reasons),
            twice=self._rng.random() < 0.15,  # noqa: PLR2004 - an impatient client, now and then
            waits=self._rng.random() < 0.2,  # noqa: PLR2004 - Prefer: wait, now and then
        )

    def _order(self, *, held: bool) -> Json:
        return {
            "items": [
                {
                    "retailer_id": f"SKU-{self._number}-{line}",
                    "quantity": units,
                    "price": f"{self._rng.randint(300, 9000) / 100:.2f}",
                }
                for line, units in enumerate(self._lines)
            ],
            "shipping": "4.90",
            "tax_rate": self._rng.choice(["0", "0.07", "0.0825"]),
            "channel": self._rng.choice(["facebook", "instagram"]),
            "state": "FB_PROCESSING" if held else "CREATED",
        }
