"""Gives the routes of the control API access to the world and its sender."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from sandbox.ledger.model import Order
from sandbox.webhooks.sender import Sender
from sandbox.world import World

from .problems import NOT_FOUND, ProblemError


def _world(request: Request) -> World:
    world = cast("World", request.app.state.world)
    world.end_due_holds()
    return world


def _sender(request: Request) -> Sender:
    return cast("Sender", request.app.state.sender)


TheWorld = Annotated[World, Depends(_world)]
TheSender = Annotated[Sender, Depends(_sender)]


def order_in(world: World, order_id: str, *, field: str = "order_id") -> Order:
    """Return the order with this id.

    Raises:
        ProblemError: there is none.
    """
    order = world.book.get(order_id)
    if order is None:
        raise ProblemError(
            NOT_FOUND, field, f"Order {order_id} is not in this sandbox; GET /_sandbox/orders lists them"
        )
    return order
