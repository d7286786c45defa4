"""Control of orders: place them, end their hold, cancel and refund them as the buyer or Meta does."""

from __future__ import annotations

import itertools
from typing import Any

from fastapi import APIRouter

from sandbox.errors import RefusedError
from sandbox.graph.writes import read_refund
from sandbox.ledger.cancelling import CancelRequest, cancel
from sandbox.ledger.model import Address, Buyer, By, Order, State
from sandbox.ledger.placing import Draft, DraftLine
from sandbox.ledger.refunding import refund
from sandbox.ledger.units import Pick
from sandbox.world import World

from .access import TheWorld, order_in
from .bodies import CancelBody, NewOrders, RefundBody, plain_json
from .pages import AskedPage, listed
from .problems import CONFLICT, UNPROCESSABLE, ProblemError
from .shown import order_line, order_whole

router = APIRouter()


@router.post("/orders", status_code=201)
async def place_orders(body: NewOrders, world: TheWorld) -> dict[str, Any]:
    """Place orders; the sender's policy decides which webhooks are sent."""
    draft = _draft(body, _shop_id(world, body.shop_id))
    released = body.state == State.CREATED
    return {"ids": [world.place(draft, released=released).id for _ in range(body.count)]}


@router.get("/orders")
async def list_orders(
    world: TheWorld,
    page: AskedPage,
    state: State | None = None,
    shop_id: str | None = None,
) -> dict[str, Any]:
    """Return every order, in the order they were placed."""
    walk = (
        (place, order)
        for place, order in world.book.all_orders(after=page.cursor)
        if state in {None, order.state} and shop_id in {None, order.shop_id}
    )
    return listed(walk, page, show=lambda entry: order_line(entry[1]), place=lambda entry: entry[0])


@router.get("/orders/{order_id}")
async def look_at_order(order_id: str, world: TheWorld) -> dict[str, Any]:
    """Return one order with its units, money and effects."""
    return _whole(world, order_in(world, order_id))


@router.post("/orders/{order_id}/release")
async def release_order(order_id: str, world: TheWorld) -> dict[str, Any]:
    """End the hold of an order now."""
    order = order_in(world, order_id)
    if order.state is not State.FB_PROCESSING:
        raise ProblemError(
            CONFLICT, "order_id", f"Order {order_id} is in {order.state}, not in FB_PROCESSING"
        )
    return _whole(world, world.release(order))


@router.post("/orders/{order_id}/cancel")
async def cancel_order(order_id: str, body: CancelBody, world: TheWorld) -> dict[str, Any]:
    """Cancel open units as the buyer or Meta."""
    order = order_in(world, order_id)
    by = By(body.by)
    request = CancelRequest(
        items=tuple(
            Pick(item_id=item.item_id, retailer_id=item.retailer_id, quantity=item.quantity)
            for item in body.items or ()
        ),
        reason_code=body.reason_code,
        reason_description=body.reason_description,
        restock=by is By.BUYER,
        by=by,
    )
    try:
        changed = cancel(order, request, now=world.clock.now(), mint=world.mint)
    except RefusedError as error:
        raise ProblemError(CONFLICT, "order_id", error.refusal.message) from error
    world.change(changed, kind="cancel", by=by, key=None, request=plain_json(body))
    return _whole(world, changed)


@router.post("/orders/{order_id}/refund")
async def refund_order(order_id: str, body: RefundBody, world: TheWorld) -> dict[str, Any]:
    """Refund captured units as Meta's support does; accepts the fields of the refunds edge."""
    order = order_in(world, order_id)
    by = By(body.by)
    params = {**plain_json(body), "reason_code": body.reason_code}
    try:
        request = read_refund(params, currency=order.currency, by=by)
    except RefusedError as error:
        raise ProblemError(UNPROCESSABLE, "body", error.refusal.message) from error
    try:
        changed = refund(order, request, now=world.clock.now(), mint=world.mint)
    except RefusedError as error:
        raise ProblemError(CONFLICT, "order_id", error.refusal.message) from error
    world.change(changed, kind="refund", by=by, key=None, request=params)
    return _whole(world, changed)


def _whole(world: World, order: Order) -> dict[str, Any]:
    effects = itertools.islice(world.journal.effects(kind=None, order_id=order.id, by=None), 1_000)
    return {**order_whole(order, now=world.clock.now()), "effects": [effect.as_json() for effect in effects]}


def _shop_id(world: World, asked: str | None) -> str:
    if asked is None:
        return next(iter(world.shops))
    if asked not in world.shops:
        known = ", ".join(itertools.islice(world.shops, 5))
        raise ProblemError(UNPROCESSABLE, "shop_id", f"Shop {asked} is not known here; shops are {known}")
    return asked


def _draft(body: NewOrders, shop_id: str) -> Draft:
    for line in body.items:
        if line.discount > line.price:
            raise ProblemError(
                UNPROCESSABLE, "items.discount", "A discount can't be above the price; lower it"
            )
    return Draft(
        shop_id=shop_id,
        lines=tuple(
            DraftLine(
                retailer_id=line.retailer_id,
                quantity=line.quantity,
                price=line.price,
                product_name=line.product_name,
                discount=line.discount,
                coupon_code=line.coupon_code,
            )
            for line in body.items
        ),
        currency=body.currency,
        shipping=body.shipping,
        tax_rate=body.tax_rate,
        channel=body.channel,
        buyer=None if body.buyer is None else Buyer(**body.buyer.model_dump()),
        address=None if body.shipping_address is None else Address(**body.shipping_address.model_dump()),
        test=body.is_test_order,
    )
