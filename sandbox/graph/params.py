"""Reading a request's parameters, in every encoding that real clients send.

Query, form, multipart, PHP brackets, JSON body, JSON text in a field, quoted scalars: all become one dict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from sandbox.errors import invalid
from sandbox.rules import documented

MAX_PARAMETERS = 2_000  # a bulk acknowledgement in brackets takes 200; ten times that is no honest request
MAX_DEPTH = 8
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


@documented(
    "Parameters come in the query, form, multipart, PHP brackets, JSON body, or as JSON text in a form field",
    source="samples of the docs, the SDK and both connectors",
)
def read_params(*, query: bytes, content_type: str, body: bytes) -> dict[str, Any]:
    """Return all parameters of a request; the body's win over the query's.

    Raises:
        RefusedError: the body can't be read as what it says it is (code 100).
    """
    kind = content_type.partition(";")[0].strip().lower()
    params = _unfold(_pairs(query))
    if not body:
        return params
    if kind == "application/json" or (not kind and body.lstrip()[:1] == b"{"):
        return params | _json_body(body)
    if kind == "multipart/form-data":
        return params | _unfold(_multipart(content_type, body))
    return params | _unfold(_pairs(body))


def loosened(value: Any) -> Any:
    """Return the value behind JSON text (``{…}``, ``[…]`` or a quoted scalar); other text stays as it is."""
    if not isinstance(value, str) or value[:1] not in {"{", "[", '"'}:
        return value
    try:
        return _from_json(value)
    except (ValueError, RecursionError):
        return value


def _json_body(body: bytes) -> dict[str, Any]:
    try:
        params = _from_json(body)
    except (ValueError, RecursionError) as error:
        raise invalid("The request body is not valid JSON") from error
    if not isinstance(params, dict) or len(params) > MAX_PARAMETERS:
        raise invalid(f"The request body must be a JSON object of at most {MAX_PARAMETERS} parameters")
    return {name: loosened(value) for name, value in params.items()}


def _from_json(text: str | bytes) -> Any:
    return json.loads(text, parse_float=Decimal, parse_constant=_no_number)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _pairs(text: bytes) -> list[tuple[str, str]]:
    if not text:
        return []
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:  # UnicodeDecodeError is one
        raise invalid(f"The parameters can't be read; send at most {MAX_PARAMETERS}, in UTF-8") from error


def _multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    message: Message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n" + body
    )
    if not message.is_multipart():
        raise invalid("The multipart body can't be read; is the boundary right?")
    pairs: list[tuple[str, str]] = []
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            pairs.append((name, payload.decode("utf-8", "replace")))
    if len(pairs) > MAX_PARAMETERS:
        raise invalid(f"At most {MAX_PARAMETERS} parameters are read")
    return pairs


def _unfold(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return pairs as a dict, with ``a[b][c]=1`` and ``a[]=1`` nested as PHP does."""
    params: dict[str, Any] = {}
    for name, text in pairs:
        value = loosened(text)
        head, bracket, _ = name.partition("[")
        steps = _BRACKETS.findall(name[len(head) :]) if bracket and head else []
        if not steps:
            params[name] = value
        elif len(steps) > MAX_DEPTH:
            raise invalid(f"Parameter {head} is nested deeper than {MAX_DEPTH} levels")
        else:
            _plant(params, [head, *steps], value)
    return {name: _listed(value) for name, value in params.items()}


def _plant(params: dict[str, Any], steps: list[str], value: Any) -> None:
    here = params
    for step in steps[:-1]:
        inner = here.get(step)
        if not isinstance(inner, _Folded):
            inner = here[step] = _Folded()
        here = inner
    last = steps[-1]
    here[last if last or not isinstance(here, _Folded) else str(len(here))] = value


class _Folded(dict[str, Any]):
    """A dict made of brackets, which is a list if its keys count up from 0."""


def _listed(value: Any) -> Any:
    if not isinstance(value, _Folded):
        return value
    if list(value) == [str(index) for index in range(len(value))]:
        return [_listed(inner) for inner in value.values()]
    return {name: _listed(inner) for name, inner in value.items()}
