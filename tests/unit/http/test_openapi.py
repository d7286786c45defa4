from __future__ import annotations

import json
import re
from typing import Any

import pytest

from app.http.app import bare_app
from app.http.openapi import document_of

DOCUMENT = document_of(bare_app())
OPERATIONS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def test_every_reference_of_the_document_resolves() -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)))
    assert named == set(DOCUMENT["components"]["schemas"])


def test_the_document_is_the_same_each_time_it_is_made() -> None:
    assert json.dumps(document_of(bare_app())) == json.dumps(DOCUMENT)
    assert bare_app().openapi() == DOCUMENT


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_says_what_it_does_and_how_it_fails(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert operation["description"]
    failures = {status for status in operation["responses"] if status >= "400"}
    if path.startswith("/v1/"):
        ((scheme, scopes),) = operation["security"][0].items()
        assert scheme == "apiKey"
        assert set(scopes) & {"orders:read", "orders:write", "admin"}
        assert {"401", "403", "422", "503"} <= failures
    if method == "post":
        assert {"401", "413", "503"} <= failures


def test_operation_ids_are_unique_names_for_client_generators() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    assert all(name.isidentifier() for name in ids)


def test_writes_document_their_headers() -> None:
    operation = DOCUMENT["paths"]["/v1/orders/{order_id}/refunds"]["post"]
    headers = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "header"}
    assert headers == {"Idempotency-Key", "Prefer"}


def test_request_schemas_forbid_unknown_fields() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if schema["type"] == "object":
            assert schema["additionalProperties"] is False, name
