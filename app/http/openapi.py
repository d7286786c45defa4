"""The OpenAPI document: what openapi/orderwire.json holds, made from the routes themselves."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.http.problems import PROBLEM_MEDIA_TYPE
from app.http.responses.problems import ProblemResponse

_ABOUT = """\
Orderwire stands between Meta's Commerce Platform and the merchant's own systems: it receives webhooks,
keeps a true copy of every order, and acknowledges, ships, cancels and refunds on the platform.

Every write is answered with a *command*, a durable promise, and its `Location`. Every refusal and failure
is `application/problem+json` with a stable `code` and a `hint`. Lists have cursors: `next_cursor` goes into
`cursor`."""

# What any route under /v1 may return besides its own responses.
_PROBLEMS = {
    "401": "No API key, or one that is not valid.",
    "403": "The key lacks the scope.",
    "422": "The request does not say what it must; `errors` names the fields.",
    "503": "Redis or the platform is away; `Retry-After` says when to try again.",
}
_WRITE_PROBLEMS = {
    "400": "The body is not readable JSON, or the Idempotency-Key is missing or malformed.",
    "404": "Neither Orderwire nor the platform knows the order.",
    "409": "The rules of the order refuse it, or the same request is in flight.",
    "413": "The body is over 1 MiB.",
}


def document_of(app: FastAPI) -> dict[str, Any]:
    """Return the document of an application's routes, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=version("orderwire"), description=_ABOUT, routes=app.routes
        )
        app.openapi_schema = _finished(document)
    return app.openapi_schema


def route_name(route: APIRoute) -> str:
    """Return the operation id of a route: its function's name, which is what client generators call it."""
    return route.name


def _finished(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = ProblemResponse.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["ProblemResponse"] = problem
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _finish(path, method, operation)
    return document


def _finish(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for parameter in operation.get("parameters", ()):
        _finish_parameter(path, parameter)
    if "202" in responses:
        responses["202"] |= {"description": "Promised; `Location` says where to look.", "headers": _LOCATION}
    if path.startswith(("/v1/", "/metrics")):
        told = _PROBLEMS if method == "get" else _PROBLEMS | _WRITE_PROBLEMS
        if "{" in path:
            told = {"404": "There is no such thing.", **told}
    elif path == "/webhooks/facebook":
        told = _WEBHOOK_PROBLEMS[method]
    else:
        told = {}
    for status, description in sorted(told.items()):
        responses.setdefault(status, _problem(description))


def _finish_parameter(path: str, parameter: dict[str, Any]) -> None:
    schema = parameter["schema"]
    # A header or query parameter is there or not; it is never null.
    present = [one for one in schema.pop("anyOf", ()) if one != {"type": "null"}]
    for one in present:
        schema |= one
    if parameter["name"] == "Idempotency-Key":
        schema |= {"minLength": 1, "maxLength": 255}
        parameter["required"] = path.endswith(("/refunds", "/cancellations"))


_LOCATION = {"Location": {"description": "The command's path.", "schema": {"type": "string"}}}

_WEBHOOK_PROBLEMS = {
    "get": {"403": "The verify token, the mode or the challenge is wrong."},
    "post": {
        "401": "The signature is missing, malformed, or not of this body.",
        "413": "The delivery is over 4 MiB.",
        "503": "Redis is away; nothing was kept, send it again.",
    },
}


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemResponse"}
    return {"description": description, "content": {PROBLEM_MEDIA_TYPE: {"schema": schema}}}
