"""One HTTP exchange with the platform: bounded in time and size, and a value whatever the network does."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from app.domain.commands import CommandKind
from app.domain.outcomes import Outcome, Unknown
from app.graph.errors import outcome_of
from app.graph.usage import Usage, read_usage

# A page of 25 whole orders is under 200 KiB; what is larger than this is no answer of the platform.
MAX_ANSWER = 8 * 1024 * 1024
# A handshake that takes longer than this will not come; what is left of the time is for the answer.
CONNECT_TIMEOUT_S = 5.0
# Shorter than the five seconds after which common servers close an idle connection: a write on a connection
# that is just being closed has an unknown outcome, and costs a retry minutes later.
KEEP_ALIVE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one call came to. `status` is None without an answer; `fbtrace_id` names it to Meta's support."""

    outcome: Outcome
    usage: Usage | None
    fbtrace_id: str | None
    status: int | None


def open_http(base_url: str, *, connections: int) -> httpx.Client:
    """Return the process's one HTTP client for the platform; building it costs some 30 ms of CPU.

    Redirects are not followed and nothing is retried: both could send a write twice. A platform on this very
    machine (the sandbox) is reached without the proxies of the environment.
    """
    return httpx.Client(
        follow_redirects=False,
        trust_env=urlsplit(base_url).hostname not in {"127.0.0.1", "::1", "localhost"},
        limits=httpx.Limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEP_ALIVE_S,
        ),
        headers={"User-Agent": "orderwire"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: `path` below the version; `body` a form as text, None for a read."""

    method: str
    path: str
    params: Mapping[str, str]
    body: str | None
    access_token: str
    kind: CommandKind | None


@dataclass(frozen=True, slots=True)
class Transport:
    """The way to the platform at one address, in one version of its API ("" for unversioned)."""

    base_url: str
    version: str
    app_secret: str | None
    http: httpx.Client

    def exchange(self, call: Call, *, timeout_s: float) -> Reply:
        """Return what the call came to; an Unknown for every trouble of the network, never an exception.

        `timeout_s` bounds the connection, each pause and the whole answer, so that an exchange ends within
        twice that. The token travels in the Authorization header only, and is cut out of every answer before
        anybody reads it. A refused connection is Unknown as well: the rule has no exceptions to get wrong.
        """
        request = self._request(call, timeout_s)
        try:
            response, body = self._answer(request, timeout_s)
        except httpx.HTTPError as error:
            said = str(error).replace(call.access_token, "[token]") or "no details"
            return _silence(f"no answer from the platform ({type(error).__name__}: {said})")
        if body is None:
            return _silence(
                f"HTTP {response.status_code} whose body did not end in time or in {MAX_ANSWER} bytes"
            )
        body = body.replace(call.access_token.encode(), b"[token]")
        return Reply(
            outcome=outcome_of(response.status_code, response.headers, body, kind=call.kind),
            usage=read_usage(response.headers),
            fbtrace_id=response.headers.get("x-fb-trace-id") or _trace_in(body),
            status=response.status_code,
        )

    def _request(self, call: Call, timeout_s: float) -> httpx.Request:
        version = f"/{self.version.strip('/')}" if self.version else ""
        params = dict(call.params)
        if self.app_secret:
            params["appsecret_proof"] = hmac.new(
                self.app_secret.encode(), call.access_token.encode(), hashlib.sha256
            ).hexdigest()
        headers = {"Authorization": f"Bearer {call.access_token}", "Accept": "application/json"}
        if call.body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connect_s = min(timeout_s, CONNECT_TIMEOUT_S)
        return self.http.build_request(
            call.method,
            f"{self.base_url.rstrip('/')}{version}{call.path}",
            params=params,
            content=call.body.encode() if call.body is not None else None,
            headers=headers,
            timeout=httpx.Timeout(timeout_s, connect=connect_s, pool=connect_s),
        )

    def _answer(self, request: httpx.Request, timeout_s: float) -> tuple[httpx.Response, bytes | None]:
        # A monotonic clock, because only the length of this exchange matters, and no date.
        deadline = time.monotonic() + timeout_s
        response = self.http.send(request, stream=True)
        try:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER or time.monotonic() > deadline:
                    return response, None
            return response, bytes(body)
        finally:
            response.close()


# The trace stands in the header of every answer, and in the error itself.
_TRACE = re.compile(rb'"fbtrace_id"\s*:\s*"([\w+/=-]{1,64})"')


def _trace_in(body: bytes) -> str | None:
    match = _TRACE.search(body)
    return match.group(1).decode() if match else None


def _silence(message: str) -> Reply:
    return Reply(outcome=Unknown(message=message), usage=None, fbtrace_id=None, status=None)
