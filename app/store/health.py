"""Whether this Redis may be trusted with orders: the checks that readiness names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.store.connection import Store
from app.store.failures import StoreUnavailable

# The oldest versions the scripts were written and tested for.
MIN_REDIS = (7, 2)
MIN_VALKEY = (8, 0)
_NAMES = ("redis_version", "redis_append_only", "redis_fsync", "redis_eviction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its name, whether it holds, and what was found, with the hint when it does not hold."""

    name: str
    ok: bool
    detail: str


def check(store: Store) -> tuple[Check, ...]:
    """Return every check of the store, failing ones too; never raises for a Redis that is away."""
    pipeline = store.pipeline(transaction=False)
    pipeline.info("server")
    pipeline.info("persistence")
    pipeline.config_get("appendfsync", "maxmemory-policy")
    try:
        server, persistence, config = pipeline.execute(raise_on_error=False)
    except StoreUnavailable as away:
        reachable = Check(name="redis_reachable", ok=False, detail=str(away))
        return (
            reachable,
            *(Check(name=name, ok=False, detail="not known: Redis is away") for name in _NAMES),
        )
    return (
        Check(name="redis_reachable", ok=True, detail="it answers"),
        _version(_answer(server)),
        _append_only(_answer(persistence)),
        _setting(_answer(config), "redis_fsync", "appendfsync", "always"),
        _setting(_answer(config), "redis_eviction", "maxmemory-policy", "noeviction"),
    )


def _answer(answer: Any) -> dict[str, Any]:
    # An error (a hosted Redis may refuse CONFIG) tells nothing, so that the check fails and says so.
    return answer if isinstance(answer, dict) else {}


def _version(server: dict[str, Any]) -> Check:
    is_valkey = server.get("server_name") == "valkey"
    name, least = ("Valkey", MIN_VALKEY) if is_valkey else ("Redis", MIN_REDIS)
    text = str(server.get("valkey_version" if is_valkey else "redis_version", ""))
    parts = tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())
    needed = ".".join(map(str, least))
    return Check(
        name="redis_version", ok=parts >= least, detail=f"{name} {text or 'unknown'}, {needed} is needed"
    )


def _append_only(persistence: dict[str, Any]) -> Check:
    enabled = persistence.get("aof_enabled")
    written = persistence.get("aof_last_write_status", "ok")
    if enabled == 1 and written == "ok":
        return Check(name="redis_append_only", ok=True, detail="the append-only file is on")
    detail = (
        f"the last write of the append-only file was '{written}'; see the disk"
        if enabled == 1
        else "the append-only file is off: set 'appendonly yes', or a crash loses accepted work"
    )
    return Check(name="redis_append_only", ok=False, detail=detail)


def _setting(config: dict[str, Any], name: str, setting: str, wanted: str) -> Check:
    found = str(config.get(setting, "unknown"))
    detail = f"{setting} is {found}" if found == wanted else f"{setting} is {found}: set it to '{wanted}'"
    return Check(name=name, ok=found == wanted, detail=detail)
