"""Executes a Graph call: checks its token and idempotency key, and calls its edge.

The order of things: retired API, token, idempotency, coded faults, node, edge. What refuses first answers.
"""

from __future__ import annotations

from sandbox.errors import Refusal, RefusedError, invalid
from sandbox.faults import CODED
from sandbox.idempotency import checked_key, fingerprint
from sandbox.ledger.model import Shop
from sandbox.rules import assumed
from sandbox.tokens import check_proof
from sandbox.world import World

from .answer import Answer, error_answer, stored_answer, to_json
from .call import Call, Request
from .edges import find_edge, find_node, needs_key
from .schema import View

_METHODS = frozenset({"GET", "POST", "DELETE"})
_OK = 200


def dispatch(world: World, request: Request) -> Answer:
    """Return the platform's answer to a request, a coded error included."""
    if request.unreadable is not None:
        return refused(world, request.unreadable)
    try:
        _check_retired(world)
        shop = world.shops[world.tokens.shop_of(request.token)]
        check_proof(request.proof, token=request.token or "", app_secret=world.options.app_secret)
        world.end_due_holds()
        return _once(world, shop, request)
    except RefusedError as error:
        return refused(world, error.refusal)


def refused(world: World, refusal: Refusal) -> Answer:
    """Return a refusal in the error style that is set."""
    return error_answer(refusal, style=world.settings.error_style, trace_id=world.trace_id())


@assumed(
    "A retired API answers every call with one code, 12 by default", why="which code it is, is not known"
)
def _check_retired(world: World) -> None:
    settings = world.settings
    if settings.retired:
        message = f"(#{settings.retired_code}) This API is deprecated and no longer available"
        raise RefusedError(Refusal(code=settings.retired_code, message=message))


def _once(world: World, shop: Shop, request: Request) -> Answer:
    """Execute the call, or repeat the first answer to its idempotency key."""
    if not needs_key(request.method, request.route.edge):
        return _carry_out(world, shop, request, key="")
    key = checked_key(request.params.get("idempotency_key"))
    meant = fingerprint(request.method, request.route.path, request.params)
    stored = world.answers.replay(key, meant)
    if stored is not None:
        return stored_answer(stored.status, stored.body)
    try:
        answer = _carry_out(world, shop, request, key=key)
    except RefusedError as error:
        answer = refused(world, error.refusal)
        if not error.refusal.storable:
            return answer
    world.answers.store(key, meant, status=answer.status, body=answer.body)
    return answer


def _carry_out(world: World, shop: Shop, request: Request, *, key: str) -> Answer:
    method, route = request.method, request.route
    fault = world.faults.take(CODED, method=method, path=route.path, rng=world.rng)
    if fault is not None:
        raise RefusedError(fault.refusal())
    if method not in _METHODS:
        raise invalid(f"Unsupported {method.lower()} request")
    view = View(
        now=world.clock.now(),
        base_url=request.base_url,
        token=request.token or "",
        status_as_text=world.settings.item_status == "text",
    )
    kind, node = find_node(world, shop, method, route)
    edge = find_edge(method, kind, route)
    call = Call(world=world, shop=shop, route=route, params=request.params, key=key, view=view)
    return stored_answer(_OK, to_json(edge.act(call, node)))
