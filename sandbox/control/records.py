"""Control of what happened: effects, calls, deliveries, and the rules in force."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter

from sandbox.rules import all_rules

from .access import TheSender, TheWorld
from .pages import AskedPage, listed

router = APIRouter()


@router.get("/health")
async def health() -> dict[str, str]:
    """Return whether the sandbox answers."""
    return {"status": "ok"}


@router.get("/effects")
async def list_effects(
    world: TheWorld,
    page: AskedPage,
    kind: str | None = None,
    order_id: str | None = None,
    by: Literal["merchant", "buyer", "meta", "any"] = "merchant",
) -> dict[str, Any]:
    """Return the effects, oldest first; those of the merchant unless `by` names another."""
    walk = world.journal.effects(
        kind=kind, order_id=order_id, by=None if by == "any" else by, after=page.cursor
    )
    return listed(walk, page, show=lambda it: it.as_json(), place=lambda it: it.number)


@router.get("/calls")
async def list_calls(
    world: TheWorld,
    page: AskedPage,
    kind: str | None = None,
    order_id: str | None = None,
    method: str | None = None,
) -> dict[str, Any]:
    """Return every Graph call received, oldest first, without its token."""
    walk = world.journal.calls(kind=kind, order_id=order_id, method=method, after=page.cursor)
    return listed(walk, page, show=lambda it: it.as_json(), place=lambda it: it.number)


@router.get("/deliveries")
async def list_deliveries(
    sender: TheSender,
    page: AskedPage,
    order_id: str | None = None,
) -> dict[str, Any]:
    """Return what was sent to the webhook endpoint and how it was answered, oldest first."""
    walk = iter(sender.deliveries(order_id=order_id, after=page.cursor))
    return listed(walk, page, show=lambda it: it.as_json(), place=lambda it: it.number)


@router.get("/rules")
async def list_rules() -> dict[str, Any]:
    """Return every rule, documented or assumed, with its source and its place in the code."""
    return {"data": [asdict(rule) for rule in all_rules()]}
