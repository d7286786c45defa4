"""The doctor: look at all that promises rest on, say what is wrong, open what was closed for it."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.domain.outcomes import Accepted
from app.live_shops import SEALED_FIELD, token_digest
from app.settings import Settings, SettingsError
from app.store.tokens import NewToken
from app.wiring import Orderwire, build

# Tokens of the platform are some 200 letters; ten times that is something pasted by mistake.
_TOKEN = re.compile(r"[\x21-\x7e]{1,2000}")


def examine(settings: Settings, say: Callable[[str], None]) -> bool:
    """Check Redis, the workers and each shop's token with a probe; return whether all is well.

    A probe that finds a token good ends the shop's token hold, and what waited goes on.
    """
    orderwire = build(settings)
    well = True
    for check in orderwire.readiness.check():
        say(f"{'ok  ' if check.ok else 'BAD '} {check.name}: {check.detail}")
        well &= check.ok
    for shop in orderwire.shops:
        well &= _probe(orderwire, shop.id, say)
    return well


def put_token(settings: Settings, shop_id: str, text: str, say: Callable[[str], None]) -> bool:
    """Put a new access token in for a shop, sealed, without a restart; return whether it is good.

    It stands in place of the configured one until that one changes.

    Raises:
        SettingsError: the shop is not configured, or the text is no token.
    """
    orderwire = build(settings)
    token = text.strip()
    configured = {shop.id: shop for shop in settings.shops()}
    if shop_id not in configured:
        known = ", ".join(configured) or "none"
        raise SettingsError(f"shop {shop_id} is not configured; the shops are: {known}")
    if not _TOKEN.fullmatch(token):
        raise SettingsError("what was read is no access token; give it alone on standard input")
    sealed = orderwire.sealer.seal(token, record=shop_id, field=SEALED_FIELD)
    instead_of = token_digest(configured[shop_id].access_token)
    orderwire.tokens.put(shop_id, NewToken(sealed=sealed, instead_of=instead_of))
    say(f"shop {shop_id} has a new token")
    return _probe(orderwire, shop_id, say)


def _probe(orderwire: Orderwire, shop_id: str, say: Callable[[str], None]) -> bool:
    outcome = orderwire.probe_gate.probe(shop_id, forced=True)
    if outcome is None:
        say(f"ok   shop {shop_id}: it is being probed by a worker right now")
        return True
    if isinstance(outcome, Accepted):
        parked = orderwire.gates.state(shop_id).parked
        waits = f"; {parked} commands that waited go on now" if parked else ""
        say(f"ok   shop {shop_id}: the platform takes its token{waits}")
        return True
    say(f"BAD  shop {shop_id}: {outcome.message}")
    return False
