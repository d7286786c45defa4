"""A merchant's OMS that behaves well: one key per request, the same on every retry, and great patience."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from tests.chaos.facts import UNANSWERED, Ask

Json = dict[str, Any]
_TIMEOUT_S = 4.0
_WAIT_S = 2
_PAUSE_S = (0.2, 0.8)
MAX_TRIES = 400  # a safety net; the deadline ends a request long before
PATIENCE = 6  # how often a request is made again, under a new key, that the order was not ready for
_REFUSALS = frozenset({400, 404, 409, 422})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One REST request of the OMS, with what it is about."""

    kind: str
    order_id: str
    mark: str
    method: str
    path: str
    body: Json
    waits: bool = False


@dataclass(slots=True, kw_only=True)
class Oms:
    """Sends requests and remembers what it was promised. `deadline_s` (monotonic) ends all patience."""

    url: str
    api_key: str
    seed: int
    deadline_s: float
    asks: dict[str, Ask] = field(default_factory=dict)
    _http: httpx.Client = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Open the one client its threads share."""
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
        headers = {"Authorization": f"Bearer {self.api_key}"}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT_S, limits=limits)

    def request(self, request: Request, *, patient: bool) -> Ask:
        """Make one request until it is promised or refused; `patient` asks again when it came too early."""
        for turn in range(PATIENCE if patient else 1):
            key = f"chaos-{self.seed}-{request.mark}-{turn}"
            answer = self.send(request, key)
            if answer.refusal is None or answer.unexpected or time.monotonic() > self.deadline_s:
                break
            time.sleep(1.0)
        return answer

    def send(self, request: Request, key: str) -> Ask:
        """Send one request under one key until there is an answer that stands."""
        rng = random.Random(f"{key}-{threading.get_ident()}")  # noqa: S311 - spreads retries
        ask = Ask(mark=request.mark, kind=request.kind, order_id=request.order_id)
        headers = {"Idempotency-Key": key} | ({"Prefer": f"wait={_WAIT_S}"} if request.waits else {})
        for _ in range(MAX_TRIES):
            answer = self._once(request, headers)
            if answer is not None:
                if answer.is_success:
                    return self._note(replace(ask, command_ids=(str(answer.json()["id"]),)))
                code = _code(answer)
                if answer.status_code in _REFUSALS and code != "request_in_flight":
                    odd = None if answer.status_code in (404, 409) else f"{answer.status_code} {answer.text}"
                    return self._note(replace(ask, refusal=code, unexpected=odd))
                if answer.status_code < httpx.codes.BAD_REQUEST or answer.status_code in (401, 403):
                    return self._note(replace(ask, unexpected=f"{answer.status_code} {answer.text}"))
            if time.monotonic() > self.deadline_s:
                break
            time.sleep(rng.uniform(*_PAUSE_S))
        return self._note(replace(ask, refusal=UNANSWERED))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _once(self, request: Request, headers: Mapping[str, str]) -> httpx.Response | None:
        try:
            return self._http.request(request.method, request.path, json=request.body, headers=dict(headers))
        except httpx.HTTPError:
            return None

    def _note(self, ask: Ask) -> Ask:
        with self._lock:
            before = self.asks.get(ask.mark)
            merged = ask if before is None else _merged(before, ask)
            self.asks[ask.mark] = merged
        return ask


def _merged(before: Ask, after: Ask) -> Ask:
    return replace(
        after,
        command_ids=before.command_ids + after.command_ids,
        unexpected=before.unexpected or after.unexpected,
    )


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("code", answer.status_code))
    except ValueError:
        return str(answer.status_code)
