"""Faults of the Graph side, switched on by hand: lost connections, outages, coded or slow answers."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .errors import PENDING_ACTION, Refusal, commerce_refusal

FaultKind = Literal["drop_before", "drop_after", "status", "error", "slow", "throttle", "busy", "html"]

# A network fault happens before the request is read; a coded fault replaces the work; a lost answer happens
# after the work is done.
TRANSPORT: frozenset[FaultKind] = frozenset({"drop_before", "status", "slow", "throttle", "html"})
CODED: frozenset[FaultKind] = frozenset({"error", "busy"})
_LAST_GRAPH_CODE = 999_999  # commerce codes have seven digits
LOST: frozenset[FaultKind] = frozenset({"drop_after"})


class Fault(BaseModel):
    """One fault: which calls it hits, what it does, and how often (`times` in all, or `rate` of them)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(default="*", min_length=1, max_length=200)
    method: Literal["GET", "POST", "DELETE"] | None = None
    kind: FaultKind
    times: int | None = Field(default=None, ge=1, le=10_000_000)
    rate: float | None = Field(default=None, gt=0, le=1)
    status: int | None = Field(default=None, ge=200, le=599)
    http_status: int = Field(default=400, ge=200, le=599)
    code: int | None = None
    subcode: int | None = None
    message: str | None = Field(default=None, max_length=1_000)
    is_transient: bool = False
    delay_s: float = Field(default=1, ge=0, le=600)
    estimated_time: int = Field(default=1, ge=0, le=10_080)

    @model_validator(mode="after")
    def _bounded_one_way(self) -> Self:
        if self.times is not None and self.rate is not None:
            raise ValueError("give times or rate, not both")
        return self

    def fits(self, method: str, path: str) -> bool:
        """Return whether a call is hit: its path, without version, fits the glob or contains the text."""
        if self.method not in {None, method}:
            return False
        if any(mark in self.path for mark in "*?["):
            return fnmatchcase(path, self.path)
        return self.path in path

    def refusal(self) -> Refusal:
        """Return the error of a coded fault: its own code, or 2361081 for `busy`."""
        if self.kind == "busy":
            return commerce_refusal(self.code or PENDING_ACTION)
        if self.code is not None and self.code > _LAST_GRAPH_CODE:
            return commerce_refusal(self.code, self.message or "")
        return Refusal(
            code=100 if self.code is None else self.code,
            subcode=self.subcode,
            message=self.message or f"(#{self.code or 100}) A fault of the sandbox",
            http_status=self.http_status,
            transient=self.is_transient,
        )


@dataclass(slots=True)
class _Armed:
    """A fault and how often it still applies; not frozen, because that changes."""

    fault: Fault
    left: int | None


class Faults:
    """The faults that are on; each call asks for the first that hits it."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, faults: list[Fault]) -> None:
        """Replace all faults; an empty list switches them off."""
        self._armed = [_Armed(fault, fault.times) for fault in faults]

    def armed(self) -> list[tuple[Fault, int | None]]:
        """Return the active faults, each with its remaining count (None: no limit)."""
        return [(armed.fault, armed.left) for armed in self._armed if armed.left != 0]

    def take(self, kinds: frozenset[FaultKind], *, method: str, path: str, rng: Random) -> Fault | None:
        """Return the first fault of these kinds that applies to the call, and count it; else None."""
        for armed in self._armed:
            fault = armed.fault
            if fault.kind not in kinds or armed.left == 0 or not fault.fits(method, path):
                continue
            if fault.rate is not None and rng.random() >= fault.rate:
                continue
            if armed.left is not None:
                armed.left -= 1
            return fault
        return None
