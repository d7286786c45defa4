"""Control of the world: its faults, clock, tokens, settings, webhooks, and the reset."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from sandbox.faults import (
    Fault,
    Faults,
)
from sandbox.options import BadOptionsError, check_callback
from sandbox.settings import Settings
from sandbox.webhooks.policy import Policy
from sandbox.world import World

from .access import TheSender, TheWorld, order_in
from .bodies import (
    ClockBody,
    ResetBody,
    SendBody,
    TokenBody,
    VerifyBody,
)
from .problems import CONFLICT, UNPROCESSABLE, ProblemError

router = APIRouter()

M = TypeVar("M", Settings, Policy)

MAX_FAULTS = 1_000
WAIT_S = 60.0  # how long `wait` holds a request open at most


@router.get("/faults")
async def list_faults(world: TheWorld) -> dict[str, Any]:
    """Return the faults that are still on, with how many times each will still hit."""
    return _armed(world.faults)


@router.put("/faults")
async def arm_faults(body: list[Fault], world: TheWorld) -> dict[str, Any]:
    """Replace all faults; an empty list switches them off."""
    if len(body) > MAX_FAULTS:
        raise ProblemError(UNPROCESSABLE, "body", f"At most {MAX_FAULTS} faults; send fewer")
    world.faults.arm(body)
    return _armed(world.faults)


@router.get("/settings")
async def look_at_settings(world: TheWorld) -> dict[str, Any]:
    """Return the settings as they are."""
    return world.settings.model_dump(mode="json")


@router.put("/settings")
async def change_settings(body: dict[str, Any], world: TheWorld) -> dict[str, Any]:
    """Change the named settings."""
    world.settings = _changed(Settings, world.settings, body)
    return world.settings.model_dump(mode="json")


@router.get("/clock")
async def look_at_clock(world: TheWorld) -> dict[str, Any]:
    """Return what time it is in the sandbox."""
    return {"now": world.clock.now().isoformat()}


@router.post("/clock")
async def advance_clock(body: ClockBody, world: TheWorld) -> dict[str, Any]:
    """Advance the clock; holds that end by then end at once."""
    try:
        world.clock.advance(seconds=body.advance_s)
    except (ValueError, OverflowError) as error:
        raise ProblemError(UNPROCESSABLE, "advance_s", str(error)) from error
    world.end_due_holds()
    return {"now": world.clock.now().isoformat()}


@router.post("/token")
async def set_token(body: TokenBody, world: TheWorld) -> dict[str, Any]:
    """Expire, revive or add tokens."""
    shop_id = body.shop_id
    if shop_id is not None and shop_id not in world.shops:
        raise ProblemError(UNPROCESSABLE, "shop_id", f"Shop {shop_id} is not known here")
    if (
        body.access_token is not None
        and shop_id is None
        and world.tokens.known_shop(body.access_token) is None
    ):
        shop_id = next(iter(world.shops))
    world.tokens.set_state(body.state, shop_id=shop_id, token=body.access_token)
    return {"state": body.state}


@router.get("/webhooks")
async def look_at_webhooks(sender: TheSender) -> dict[str, Any]:
    """Return the standing policy of the sender."""
    return sender.policy.model_dump(mode="json")


@router.put("/webhooks")
async def change_webhooks(body: dict[str, Any], world: TheWorld, sender: TheSender) -> dict[str, Any]:
    """Change the named members of the sender's policy."""
    sender.policy = _policy(world, sender.policy, body)
    return sender.policy.model_dump(mode="json")


@router.post("/webhooks", status_code=202)
async def send_webhooks(body: SendBody, world: TheWorld, sender: TheSender) -> JSONResponse:
    """Send notifications of orders now; with `wait`, respond after the first attempts were answered."""
    policy = _policy(world, sender.policy, body.model_extra or {})
    if policy.url is None:
        raise ProblemError(CONFLICT, "url", "No callback URL is set; PUT /_sandbox/webhooks with a url first")
    orders = [order_in(world, order_id, field="order_ids") for order_id in body.order_ids]
    queued, receipt = sender.send_now(orders, policy)
    if not body.wait:
        return JSONResponse({"queued": queued}, status_code=202)
    try:
        await asyncio.wait_for(receipt.wait(), WAIT_S)
    except TimeoutError:
        return JSONResponse({"queued": queued, "answered": False}, status_code=202)
    return JSONResponse({"queued": queued, "answered": True}, status_code=200)


@router.post("/webhooks/verify")
async def verify_webhooks(body: VerifyBody, world: TheWorld, sender: TheSender) -> dict[str, Any]:
    """Verify the callback by GET, as Meta does when it is registered."""
    policy = sender.policy if body.url is None else _policy(world, sender.policy, {"url": body.url})
    if policy.url is None:
        raise ProblemError(CONFLICT, "url", "No callback URL is set; send one as url")
    verified, reason = await sender.verify(policy.url, body.verify_token)
    return {"verified": verified, "reason": reason}


@router.post("/reset")
async def reset(world: TheWorld, sender: TheSender, body: ResetBody | None = None) -> dict[str, str]:
    """Empty the sandbox, with the settings it started with."""
    sender.reset()
    world.reset(seed=None if body is None else body.seed)
    return {"status": "empty"}


def _armed(faults: Faults) -> dict[str, Any]:
    return {"data": [{**fault.model_dump(exclude_none=True), "left": left} for fault, left in faults.armed()]}


def _policy(world: World, standing: Policy, changes: dict[str, Any]) -> Policy:
    policy = _changed(Policy, standing, changes)
    if policy.url is not None:
        try:
            check_callback(policy.url, allow_any=world.options.allow_any_url)
        except BadOptionsError as error:
            raise ProblemError(UNPROCESSABLE, "url", str(error)) from error
    if policy.enabled and policy.url is None:
        raise ProblemError(
            UNPROCESSABLE, "url", "Webhooks can't be enabled without a callback; send a url too"
        )
    return policy


def _changed(model: type[M], standing: M, changes: dict[str, Any]) -> M:
    try:
        return model.model_validate({**standing.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"]) or "body"
        known = ", ".join(model.model_fields)
        hint = f"; known are {known}" if first["type"] == "extra_forbidden" else ""
        raise ProblemError(UNPROCESSABLE, field, f"{first['msg']}{hint}") from error
