"""When the faults have ended: wait until everything is drained, then gather the facts of both sides."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from tests.chaos.copies import same
from tests.chaos.desk import Desk
from tests.chaos.facts import Ask, Facts, Json
from tests.chaos.platform import Platform
from tests.chaos.webhook_relay import WebhookRelay

_LOOK_S = 1.0
PROBE_S = 20.0  # a lane with nothing before it runs a harmless command in well under a second
MAX_PROBES = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """How long draining took, and whether it ended before its time was up."""

    took_s: float
    ended: bool


def drain(desk: Desk, platform: Platform, relay: WebhookRelay, *, timeout_s: float) -> Drained:
    """Wait until relay, commands and copies are all at rest, or the time is up."""
    started_s = time.monotonic()
    while True:
        took_s = time.monotonic() - started_s
        if relay.idle() and _at_rest(desk, platform):
            return Drained(took_s=took_s, ended=True)
        if took_s > timeout_s:
            return Drained(took_s=took_s, ended=False)
        time.sleep(_LOOK_S)


def probe_lanes(desk: Desk, orders: Mapping[str, Json]) -> dict[str, str]:
    """Put a harmless command at the end of each lane; return those that did not get through, and why.

    An acknowledgement of an order that has the same reference already ends by itself and sends nothing.
    """
    probed = [order for order in orders.values() if order["state"] in ("IN_PROGRESS", "COMPLETED")]
    probed = [order for order in probed if order["merchant_order_reference"]][:MAX_PROBES]
    stuck: dict[str, str] = {}
    waiting: dict[str, str] = {}
    for order in probed:
        body = {"merchant_order_reference": order["merchant_order_reference"]}
        try:
            answer = desk.http.post(f"/v1/orders/{order['id']}/acknowledgement", json=body)
        except httpx.HTTPError as error:
            stuck[order["id"]] = f"a harmless command was not answered: {error}"
            continue
        if answer.is_success:
            waiting[str(answer.json()["id"])] = order["id"]
    deadline_s = time.monotonic() + PROBE_S
    while waiting and time.monotonic() < deadline_s:
        for command_id in tuple(waiting):
            row = desk.command(command_id)
            if row is not None and row["finished_at"] is not None:
                del waiting[command_id]
        time.sleep(0.1)
    for command_id, order_id in waiting.items():
        stuck[order_id] = f"a harmless command ({command_id}) did not get through in {PROBE_S:.0f} s"
    return stuck


def gather(
    desk: Desk, platform: Platform, relay: WebhookRelay, asks: Sequence[Ask], stuck: Mapping[str, str]
) -> Facts:
    """Return both sides as they are now."""
    undone = desk.left_undone()
    ours = desk.orders()
    return Facts(
        asks=asks,
        deliveries=relay.deliveries(),
        commands=desk.commands(),
        effects=platform.effects(),
        writes=platform.writes(),
        ours=ours,
        theirs={order_id: platform.order(order_id) for order_id in platform.order_ids()},
        timelines={order_id: desk.timeline(order_id) for order_id in ours},
        stuck=stuck,
        undone=undone,
    )


def _at_rest(desk: Desk, platform: Platform) -> bool:
    try:
        if desk.open_commands() or desk.left_undone():
            return False
        ours = desk.orders()
    except httpx.HTTPError:
        return False
    return all(
        same(ours.get(order_id), theirs) and theirs["state"] != "CREATED"
        for order_id in platform.order_ids()
        if (theirs := platform.order(order_id))
    )
