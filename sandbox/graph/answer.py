"""HTTP responses: results, coded errors in both styles, usage headers, and HTML pages of a proxy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.errors import Refusal
from sandbox.ledger.model import Shop
from sandbox.rules import assumed, documented
from sandbox.settings import Usage

Headers = list[tuple[bytes, bytes]]

_JSON: Headers = [(b"content-type", b"application/json; charset=UTF-8"), (b"cache-control", b"no-store")]
_HTML: Headers = [(b"content-type", b"text/html; charset=utf-8")]
_PAGE = (
    b"<!DOCTYPE html><html><head><title>Error</title></head>"
    b"<body><h1>Sorry, something went wrong.</h1></body></html>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer: status, exact body bytes, headers."""

    status: int
    body: bytes
    headers: Headers


def json_answer(status: int, content: dict[str, Any]) -> Answer:
    """Return a JSON answer."""
    return Answer(status=status, body=to_json(content), headers=_JSON)


def stored_answer(status: int, body: bytes) -> Answer:
    """Return a JSON answer whose bytes exist already."""
    return Answer(status=status, body=body, headers=_JSON)


def html_answer(status: int) -> Answer:
    """Return a page for people where JSON was expected, as a proxy in between would send it."""
    return Answer(status=status, body=_PAGE, headers=_HTML)


@documented(
    "An error has message, type, code, error_subcode, user title and text, fbtrace_id", source="Handle Errors"
)
@assumed(
    "A commerce code is the error_subcode under code 100, or the code itself by setting error_style",
    why="Magento reads the subcode, WooCommerce the code; the outer code is not published",
)
def error_answer(refusal: Refusal, *, style: str, trace_id: str) -> Answer:
    """Return the refusal as a coded error."""
    code, subcode = refusal.code, refusal.subcode
    if refusal.commerce and style == "code" and subcode is not None:
        code, subcode = subcode, None
    error = {
        "message": refusal.message,
        "type": "OAuthException",
        "code": code,
        "error_subcode": subcode,
        "is_transient": refusal.transient,
        "error_user_title": refusal.title,
        "error_user_msg": refusal.user_message,
        "fbtrace_id": trace_id,
    }
    return json_answer(
        refusal.http_status, {"error": {name: value for name, value in error.items() if value is not None}}
    )


@documented(
    "x-app-usage is flat; x-business-use-case-usage is nested: business id, list, percents",
    source="Graph API: Rate Limits",
)
@assumed(
    "Both headers come with every answer, and the business type is pages",
    why="the docs say: once enough calls",
)
def usage_headers(usage: Usage, shop: Shop | None) -> Headers:
    """How much of its allowance a shop has used; the time to regain access is in minutes."""
    flat = {
        "call_count": usage.call_count,
        "total_time": usage.total_time,
        "total_cputime": usage.total_cputime,
    }
    headers: Headers = [(b"x-app-usage", json.dumps(flat, separators=(",", ":")).encode())]
    if shop is not None:
        told = {
            "type": "pages",
            **flat,
            "estimated_time_to_regain_access": usage.estimated_time_to_regain_access,
        }
        nested = json.dumps({shop.business_id: [told]}, separators=(",", ":"))
        headers.append((b"x-business-use-case-usage", nested.encode()))
    return headers


def to_json(content: Any) -> bytes:
    """Return compact JSON bytes, non-ASCII escaped as Graph does it."""
    return json.dumps(content, separators=(",", ":")).encode()
