"""Access tokens: the shop of each token, and whether the token is valid."""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

from .errors import Refusal, RefusedError, invalid
from .rules import assumed, documented

TokenState = Literal["ok", "expired", "revoked"]

_BAD_TOKEN = 190
_UNAUTHORIZED = 401


class Tokens:
    """Knows every accepted token, its shop and its health."""

    def __init__(self, tokens: dict[str, str]) -> None:
        """Start with tokens (token: CMS id of its shop), all valid."""
        self._first = dict(tokens)
        self._shops = dict(tokens)
        self._states: dict[str, TokenState] = dict.fromkeys(tokens, "ok")

    def set_state(self, state: TokenState, *, shop_id: str | None, token: str | None) -> None:
        """Give one token a state (a new token starts being known), or every token of one shop or of all."""
        if token is not None:
            if shop_id is not None:
                self._shops[token] = shop_id
            self._states[token] = state
            return
        for known, shop in self._shops.items():
            if shop_id in {None, shop}:
                self._states[known] = state

    def known_shop(self, token: str | None) -> str | None:
        """Return the CMS id of the shop a token belongs to, alive or not; None for an unknown token."""
        return None if token is None else self._shops.get(token)

    def reset(self) -> None:
        """Go back to the tokens of the start."""
        self._shops = dict(self._first)
        self._states = dict.fromkeys(self._first, "ok")

    @documented(
        "A dead token is code 190: subcode 463 expired, 460 revoked", source="Graph API: Handle Errors"
    )
    @assumed(
        "A missing token is code 190, an unknown one 190 with subcode 467, both HTTP 401",
        why="Graph API practice",
    )
    def shop_of(self, token: str | None) -> str:
        """Return the CMS id of the shop that a living token opens.

        Raises:
            RefusedError: the token is missing, unknown, expired or revoked (code 190).
        """
        if not token:
            raise _refused("An access token is required to request this resource.", subcode=None)
        if token not in self._shops:
            raise _refused("Invalid OAuth access token - Cannot parse access token", subcode=467)
        state = self._states[token]
        if state == "expired":
            raise _refused("Error validating access token: Session has expired.", subcode=463)
        if state == "revoked":
            raise _refused(
                "Error validating access token: The session has been invalidated because the user changed "
                "their password or Facebook has changed the session for security reasons.",
                subcode=460,
            )
        return self._shops[token]


@documented(
    "appsecret_proof is the hex HMAC-SHA256 of the token under the app secret",
    source="Graph API: Secure Requests",
)
@assumed(
    "A wrong appsecret_proof is code 100; a missing one is fine", why="Graph API practice, app setting off"
)
def check_proof(proof: str | None, *, token: str, app_secret: str) -> None:
    """Accept a correct proof, or no proof.

    Raises:
        RefusedError: the proof does not fit the token (code 100).
    """
    if proof is None:
        return
    right = hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right.encode(), proof.encode()):
        raise invalid("Invalid appsecret_proof provided in the API argument")


def _refused(message: str, *, subcode: int | None) -> RefusedError:
    return RefusedError(Refusal(code=_BAD_TOKEN, subcode=subcode, message=message, http_status=_UNAUTHORIZED))
