"""`orderwire doctor` and `orderwire shops token`: check what the service depends on, replace a token."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.container import Container
from app.domain.outcomes import Accepted
from app.settings import Settings, SettingsError
from app.shops import SEALED_FIELD, token_digest
from app.store.tokens import NewToken

# The platform's tokens have about 200 characters; ten times that was pasted by mistake.
_TOKEN = re.compile(r"[\x21-\x7e]{1,2000}")


def examine(settings: Settings, say: Callable[[str], None]) -> bool:
    """Check Redis, the workers and each shop's token with a probe; return whether all is well.

    A probe that finds a token valid resumes the commands that an invalid one had paused.
    """
    container = Container(settings)
    well = True
    for check in container.readiness.check():
        say(f"{'ok  ' if check.ok else 'BAD '} {check.name}: {check.detail}")
        well &= check.ok
    for shop in container.shops:
        well &= _probe(container, shop.id, say)
    return well


def put_token(settings: Settings, shop_id: str, text: str, say: Callable[[str], None]) -> bool:
    """Store a new access token for a shop, sealed, without a restart; return whether the platform accepts it.

    It replaces the configured token until the configured one changes.

    Raises:
        SettingsError: the shop is not configured, or the text is not a token.
    """
    container = Container(settings)
    token = text.strip()
    configured = {shop.id: shop for shop in settings.shops()}
    if shop_id not in configured:
        known = ", ".join(configured) or "none"
        raise SettingsError(f"shop {shop_id} is not configured; the shops are: {known}")
    if not _TOKEN.fullmatch(token):
        raise SettingsError("what was read is not an access token; write only the token to standard input")
    sealed = container.sealer.seal(token, record=shop_id, field=SEALED_FIELD)
    instead_of = token_digest(configured[shop_id].access_token)
    container.tokens.put(shop_id, NewToken(sealed=sealed, instead_of=instead_of))
    say(f"shop {shop_id} has a new token")
    return _probe(container, shop_id, say)


def _probe(container: Container, shop_id: str, say: Callable[[str], None]) -> bool:
    outcome = container.probe.probe(shop_id, forced=True)
    if outcome is None:
        say(f"ok   shop {shop_id}: a worker is probing it right now")
        return True
    if isinstance(outcome, Accepted):
        paused = container.admission_states.state(shop_id).paused
        resumed = f"; {paused} paused commands resume now" if paused else ""
        say(f"ok   shop {shop_id}: the platform accepts its token{resumed}")
        return True
    say(f"BAD  shop {shop_id}: {outcome.message}")
    return False
