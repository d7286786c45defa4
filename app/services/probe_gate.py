"""Probe a closed gate: one cheap read that shows whether platform and token are well again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.domain.gates import YIELD_PERCENT, GateState, Open, Purpose, passage
from app.domain.outcomes import Accepted, Outcome
from app.domain.shops import Shop, Shops
from app.graph.client import GraphClient
from app.queues import command_wake
from app.services.nudge import Nudge
from app.store.gates import Gates

log = structlog.get_logger()

# A probe waits this long for an answer; its claim lasts longer, so that two never run at once.
PROBE_TIMEOUT_S = 10.0
CLAIM_S = 30.0
# Parked commands go on at this pace; slower when most of the call limit is used.
RELEASED_A_SECOND = 20.0
RELEASED_A_SECOND_BUSY = 2.0
# One release reaches this far ahead, so that a gate that closes again parks few of them a second time.
RELEASE_WITHIN_S = 10.0
MAX_RELEASED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeGate:
    """Opens gates again, and lets go on what was parked at them."""

    graph: GraphClient
    shops: Shops
    gates: Gates
    nudge: Nudge
    refresh_tokens: Callable[[], None]
    clock: Callable[[], datetime]
    new_id: Callable[[], str]

    def probe(self, shop_id: str, *, forced: bool = False) -> Outcome | None:
        """Probe the shop's gate if that is due and nobody else does, and release what is parked if it opened.

        Returns what the probe came to, None when none was made. The client reports the answer to the gate
        by itself. `forced` probes before the time and an open gate too, for a person who asks.
        """
        self.refresh_tokens()
        shop = self.shops.get(shop_id)
        if shop is None:
            return None
        token = self.new_id()
        now = self.clock()
        if not self.gates.claim_probe(shop_id, now=now, token=token, lease_s=CLAIM_S, forced=forced):
            return None
        try:
            reply = self.graph.probe(shop, timeout_s=PROBE_TIMEOUT_S)
        finally:
            self.gates.end_probe(shop_id, token)
        log.info("gate.probed", shop_id=shop_id, well=isinstance(reply.outcome, Accepted))
        self.release(shop, self.gates.state(shop_id))
        return reply.outcome

    def release(self, shop: Shop, state: GateState) -> int:
        """Let parked commands of an open gate go on, the oldest first, spread over time; return how many."""
        now = self.clock()
        if state.parked == 0 or not isinstance(passage(state, Purpose.COMMAND, now), Open):
            return 0
        busy = state.fresh_percent(now) >= YIELD_PERCENT
        released = self.gates.release(
            shop.id,
            now=now,
            limit=MAX_RELEASED,
            a_second=RELEASED_A_SECOND_BUSY if busy else RELEASED_A_SECOND,
            within_s=RELEASE_WITHIN_S,
        )
        soon = now + timedelta(seconds=1)
        self.nudge.wake(
            *(
                command_wake(one.kind, one.id, one.order_id, one.due_at if one.due_at > soon else None)
                for one in released
            )
        )
        if released:
            log.info("gate.released", shop_id=shop.id, commands=len(released), parked=state.parked)
        return len(released)
