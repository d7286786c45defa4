"""Settings: read once from `ORDERWIRE_…` variables and checked; invalid values stop the start.

Exceptions:

    SettingsError (ValueError)      what is wrong with which setting, and the hint
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.domain.shops import Shop

PREFIX = "ORDERWIRE_"
SEALING_KEY_BYTES = 32  # AES-256
MAX_SHOPS = 1000  # each shop costs a reconciliation every few minutes; more shops need another deployment
MAX_SHOPS_FILE_BYTES = 1024 * 1024
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

_MAKE_A_KEY = "make one with: openssl rand -base64 32"
_SHOP_KEYS = frozenset({"id", "page_id", "name", "access_token", "acknowledge", "reference_template"})
_SHOP_REQUIRED = ("id", "page_id", "access_token")


class SettingsError(ValueError):
    """A setting is missing, unknown or invalid; the message names it and says what to do."""


def _listed(value: object) -> object:
    """Read a list written as JSON or separated by commas."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError("starts like a JSON list but is not one; use commas instead") from error
    return [part.strip() for part in text.split(",") if part.strip()]


SecretList = Annotated[tuple[SecretStr, ...], BeforeValidator(_listed)]


class Settings(BaseSettings):
    """All settings; frozen. The comments in .env.example explain each field.

    Build it with `load_settings`; the environment is not looked at by the constructor.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    redis_url: SecretStr | None = None
    graph_url: str = "https://graph.facebook.com"
    graph_version: str = "v25.0"
    app_secrets: SecretList = ()
    verify_token: SecretStr | None = None

    shops_file: Path | None = None
    shop_id: str | None = None
    shop_page_id: str | None = None
    shop_name: str | None = None
    shop_access_token: SecretStr | None = None
    shop_acknowledge: Literal["auto", "manual"] = "auto"
    shop_reference_template: str = "{order_id}"

    sealing_keys: SecretList = ()

    # Below 5 s it uses up a shop's call budget; above an hour, a lost webhook means a very late order.
    reconcile_interval_s: int = Field(default=300, ge=5, le=3600)
    # Longer than the interval, so that two windows always overlap even if clocks differ.
    reconcile_overlap_s: int = Field(default=600, ge=60, le=86_400)
    attempt_timeout_s: float = Field(default=10, ge=0.5, le=120)
    # The platform advises to wait about ten minutes after a missing answer.
    retry_delay_s: float = Field(default=600, ge=0.1, le=86_400)
    max_attempts: int = Field(default=5, ge=1, le=50)
    # Acknowledgements of a shop wait this long for others; a buyer does not notice two seconds.
    acknowledge_window_s: float = Field(default=2, ge=0, le=60)
    # Fewer calls in the window prove too little: a single failure must not open the breaker.
    breaker_minimum: int = Field(default=10, ge=1, le=10_000)
    breaker_rate: float = Field(default=0.5, gt=0, le=1)
    breaker_window_s: float = Field(default=60, ge=1, le=3600)
    # The time between two probes of a paused shop: long enough to be no burden, short enough for recovery.
    breaker_open_s: float = Field(default=30, ge=0.5, le=3600)
    read_timeout_s: float = Field(default=10, ge=0.5, le=120)
    # Three sweeps fit into the 30 s in which a killed worker's command has to run again.
    sweep_interval_s: int = Field(default=10, ge=1, le=300)

    # Refunds are made within half a year of a sale; older orders are hardly ever requested.
    archive_after_days: int = Field(default=180, ge=0, le=36_500)

    # The addresses of alerts, one apprise URL each; they hold passwords.
    alert_urls: SecretList = ()
    # Entries are processed within a second; after a minute, no worker can be running.
    inbox_age_alert_s: float = Field(default=60, ge=1, le=86_400)
    # Sweeps enqueue due work every few seconds; after two minutes, the workers do not keep up.
    due_age_alert_s: float = Field(default=120, ge=1, le=86_400)
    # A busy shop gets a webhook every few minutes; an hour of changes without one is not a coincidence.
    silence_alert_s: float = Field(default=3600, ge=60, le=604_800)

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8080, ge=0, le=65_535)
    dashboard_port: int = Field(default=0, ge=0, le=65_535)
    dashboard_password: SecretStr | None = None
    data_dir: Path = Path(".orderwire")
    intake_workers: int = Field(default=1, ge=1, le=8)
    sync_workers: int = Field(default=1, ge=1, le=16)
    lifecycle_workers: int = Field(default=2, ge=1, le=32)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def settings_customise_sources(  # noqa: D102 - pydantic-settings' own hook
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings passes it by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # Only load_settings reads the environment: once, and tests can pass their own.
        return (init_settings,)

    @field_validator("graph_url")
    @classmethod
    def _whole_url(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", value):
            raise ValueError("must be a URL like https://graph.facebook.com, without a version or a query")
        return value.rstrip("/")

    @field_validator("graph_version")
    @classmethod
    def _version(cls, value: str) -> str:
        if not re.fullmatch(r"v\d{1,3}\.\d{1,2}", value):
            raise ValueError("must look like v25.0")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"(rediss?|unix)://", value.get_secret_value()):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @field_validator("sealing_keys")
    @classmethod
    def _sealing(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for number, key in enumerate(value, start=1):
            try:
                size = len(_key_bytes(key))
            except binascii.Error as error:
                raise ValueError(f"key {number} is not base64; {_MAKE_A_KEY}") from error
            if size != SEALING_KEY_BYTES:
                raise ValueError(f"key {number} has {size} bytes, not 32; {_MAKE_A_KEY}")
        return value

    @field_validator("shop_reference_template")
    @classmethod
    def _template(cls, value: str) -> str:
        return _template_names_the_order(value)

    @model_validator(mode="after")
    def _intervals(self) -> Settings:
        if self.reconcile_overlap_s < self.reconcile_interval_s:
            raise ValueError(
                "ORDERWIRE_RECONCILE_OVERLAP_S is shorter than ORDERWIRE_RECONCILE_INTERVAL_S, which leaves "
                "gaps between reconciliations; set it to at least the same value"
            )
        return self

    def shops(self) -> tuple[Shop, ...]:
        """Return every configured shop, from the file and the variables, each id once.

        Raises SettingsError when the file can't be read, a shop is incomplete or an id is there twice.
        """
        shops = [*_shops_of_file(self.shops_file), *self._shop_of_variables()]
        seen: set[str] = set()
        for shop in shops:
            if shop.id in seen:
                raise SettingsError(f"shop {shop.id} is configured twice; keep one of the two")
            seen.add(shop.id)
        return tuple(shops)

    def sealing_key_bytes(self) -> tuple[bytes, ...]:
        """Return the sealing keys, 32 bytes each, the current one first."""
        return tuple(_key_bytes(key) for key in self.sealing_keys)

    def app_secret_texts(self) -> tuple[str, ...]:
        """Return the app secrets in the clear, the current one first."""
        return tuple(secret.get_secret_value() for secret in self.app_secrets)

    def require_redis_url(self) -> str:
        """Return the Redis URL in the clear, or raise SettingsError with the hint."""
        if self.redis_url is None:
            raise SettingsError(
                "ORDERWIRE_REDIS_URL is not set; set it to your Redis (redis://host:6379/0), "
                "or run `orderwire up`, which starts its own"
            )
        return self.redis_url.get_secret_value()

    def missing(self) -> tuple[str, ...]:
        """Return the missing settings that a process needs for the platform, each with its hint."""
        lacks = []
        if self.redis_url is None:
            lacks.append("ORDERWIRE_REDIS_URL: the URL of Redis; `orderwire up` starts its own")
        if not self.app_secrets:
            lacks.append(
                "ORDERWIRE_APP_SECRETS: without the app secret no webhook can be verified, so all are "
                "rejected; find it in App Dashboard > Settings > Basic"
            )
        if self.verify_token is None:
            lacks.append("ORDERWIRE_VERIFY_TOKEN: the text that you enter in your app's webhook subscription")
        if not self.sealing_keys:
            lacks.append(f"ORDERWIRE_SEALING_KEYS: seals buyer data; {_MAKE_A_KEY}")
        if not self.shops():
            lacks.append(
                "ORDERWIRE_SHOPS_FILE, or ORDERWIRE_SHOP_ID with page id and token: the shops to serve"
            )
        return tuple(lacks)

    def _shop_of_variables(self) -> tuple[Shop, ...]:
        given = {"ID": self.shop_id, "PAGE_ID": self.shop_page_id, "ACCESS_TOKEN": self.shop_access_token}
        absent = [f"ORDERWIRE_SHOP_{name}" for name, value in given.items() if not value]
        if len(absent) == len(given):
            return ()
        if absent or self.shop_id is None or self.shop_page_id is None or self.shop_access_token is None:
            raise SettingsError(f"the shop in the variables is incomplete: set {', '.join(absent)} too")
        return (
            Shop(
                id=self.shop_id,
                page_id=self.shop_page_id,
                name=self.shop_name or f"Shop {self.shop_id}",
                access_token=self.shop_access_token.get_secret_value(),
                acknowledge=self.shop_acknowledge,
                reference_template=self.shop_reference_template,
            ),
        )


def load_settings(env: Mapping[str, str], *, partial: bool = False) -> Settings:
    """Return the checked settings in `env`; empty variables count as not set.

    `partial` is for tools that need only Redis (the keys command, the dashboard): settings for calling
    the platform may be missing.

    Raises:
        SettingsError: variables are unknown, invalid or missing; the message names each, with its hint.
    """
    given = {name: value for name, value in env.items() if name.startswith(PREFIX) and value.strip()}
    known = variable_names()
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise SettingsError("\n".join(_unknown_line(name, known) for name in unknown))
    try:
        settings = Settings(**{name.removeprefix(PREFIX).lower(): value for name, value in given.items()})  # type: ignore[arg-type]  # texts, which pydantic reads
    except ValidationError as error:
        raise SettingsError("\n".join(_error_line(detail) for detail in error.errors())) from error
    lacks = () if partial else settings.missing()
    if lacks:
        raise SettingsError("not configured yet:\n" + "\n".join(f"  {line}" for line in lacks))
    return settings


def variable_names() -> tuple[str, ...]:
    """Return the names of all variables, in the order of the fields."""
    return tuple(PREFIX + name.upper() for name in Settings.model_fields)


def _unknown_line(name: str, known: tuple[str, ...]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)
    return f"{name} is not a setting of Orderwire; did you mean {nearest[0]}? (.env.example lists them all)"


def _error_line(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name = PREFIX + str(detail["loc"][0]).upper()
    return f"{name}: {message[:1].lower()}{message[1:]}; set another value, or remove it to use the default"


def _key_bytes(key: SecretStr) -> bytes:
    text = key.get_secret_value().replace("-", "+").replace("_", "/")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _template_names_the_order(value: str) -> str:
    if "{order_id}" not in value:
        raise ValueError("must contain {order_id}, or every order would get the same reference")
    return value


def _shops_of_file(path: Path | None) -> list[Shop]:
    if path is None:
        return []
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_SHOPS_FILE_BYTES:
            raise SettingsError(
                f"ORDERWIRE_SHOPS_FILE {path} is larger than 1 MiB, the limit for a list of shops"
            )
        rows = tomllib.loads(raw.decode()).get("shop", [])
    except OSError as error:
        raise SettingsError(f"ORDERWIRE_SHOPS_FILE {path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"ORDERWIRE_SHOPS_FILE {path} is not TOML: {error}") from error
    if not isinstance(rows, list) or not rows or len(rows) > MAX_SHOPS:
        raise SettingsError(
            f"ORDERWIRE_SHOPS_FILE {path} needs one [[shop]] table per shop, at most {MAX_SHOPS}"
        )
    return [_shop_of_row(row, f"{path}, shop {number}") for number, row in enumerate(rows, start=1)]


def _shop_of_row(row: dict[str, Any], where: str) -> Shop:
    for key in sorted(set(row) - _SHOP_KEYS):
        nearest = difflib.get_close_matches(key, sorted(_SHOP_KEYS), n=1, cutoff=0)[0]
        raise SettingsError(f"{where}: {key} is not a setting of a shop; did you mean {nearest}?")
    texts = {key: str(value) for key, value in row.items()}
    absent = [key for key in _SHOP_REQUIRED if not texts.get(key)]
    if absent:
        raise SettingsError(f"{where}: set {', '.join(absent)}")
    acknowledge = texts.get("acknowledge", "auto")
    if acknowledge not in ("auto", "manual"):
        raise SettingsError(f'{where}: acknowledge is "auto" or "manual", not {acknowledge!r}')
    try:
        template = _template_names_the_order(texts.get("reference_template", "{order_id}"))
    except ValueError as error:
        raise SettingsError(f"{where}: reference_template {error}") from error
    return Shop(
        id=texts["id"],
        page_id=texts["page_id"],
        name=texts.get("name") or f"Shop {texts['id']}",
        access_token=texts["access_token"],
        acknowledge="auto" if acknowledge == "auto" else "manual",
        reference_template=template,
    )
