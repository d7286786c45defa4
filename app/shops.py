"""The shops as they are now: the shops file is read again when it changes, and new tokens count at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from threading import Lock

import structlog

from app.domain.shops import Shop, Shops
from app.settings import Settings, SettingsError
from app.store.failures import SealBroken
from app.store.sealing import Sealer
from app.store.tokens import NewToken, Tokens

log = structlog.get_logger()

SEALED_FIELD = "access_token"


class ShopRegistry(Shops):
    """Shops that follow their file and their tokens; `refresh` is called before admission."""

    def __init__(self, settings: Settings, tokens: Tokens, sealer: Sealer) -> None:
        self._settings = settings
        self._tokens = tokens
        self._sealer = sealer
        self._lock = Lock()
        self._seen: tuple[object, str] | None = None
        self._stamp = self._file_stamp()
        self._configured = settings.shops()
        super().__init__(self._configured)

    def refresh(self) -> None:
        """Read the file and the tokens again where they changed; costs one small read of Redis.

        A file that is broken or gone is logged, and the shops stay as they were.

        Raises:
            StoreUnavailable: the tokens cannot be looked at.
        """
        seen = (self._file_stamp(), self._tokens.version())
        if seen == self._seen:
            return
        with self._lock:
            if seen[0] != self._stamp:
                self._read_file()
                self._stamp = seen[0]
            self._install(_with_tokens(self._configured, self._tokens.all(), self._sealer))
            self._seen = seen

    def _read_file(self) -> None:
        try:
            self._configured = self._settings.shops()
        except SettingsError as error:
            log.error("shops.file_ignored", reason=str(error))  # noqa: TRY400 - the text says all there is
        else:
            log.info("shops.file_read", shops=len(self._configured))

    def _file_stamp(self) -> object:
        path = self._settings.shops_file
        if path is None:
            return None
        try:
            found = path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino)


def token_digest(token: str) -> str:
    """Return the digest by which a new token names the configured one it stands for."""
    return sha256(token.encode()).hexdigest()


def _with_tokens(shops: Iterable[Shop], tokens: dict[str, NewToken], sealer: Sealer) -> list[Shop]:
    return [_with_token(shop, tokens.get(shop.id), sealer) for shop in shops]


def _with_token(shop: Shop, new: NewToken | None, sealer: Sealer) -> Shop:
    if new is None or new.instead_of != token_digest(shop.access_token):
        return shop
    try:
        return replace(shop, access_token=sealer.open(new.sealed, record=shop.id, field=SEALED_FIELD))
    except SealBroken as error:
        log.error("shops.token_unreadable", shop_id=shop.id, reason=str(error))  # noqa: TRY400 - as above
        return shop
