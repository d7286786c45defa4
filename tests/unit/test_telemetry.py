"""No secret reaches a log line, by the name of its key or by its shape inside a text."""

from __future__ import annotations

from typing import Any

import pytest

from app.telemetry import REDACTED, redact


def cleaned(**event: Any) -> dict[str, Any]:
    return dict(redact(None, "info", event))


@pytest.mark.parametrize(
    "key",
    [
        "access_token",
        "appsecret_proof",
        "Authorization",
        "hub.verify_token",
        "app_secret",
        "api_key",
        "password",
    ],
)
def test_a_value_under_a_secret_s_name_is_taken_out_at_any_depth(key: str) -> None:
    assert cleaned(**{key: "s3cret"}) == {key: REDACTED}
    assert cleaned(call={"headers": [{key: "s3cret"}]}) == {"call": {"headers": [{key: REDACTED}]}}


@pytest.mark.parametrize(
    "text",
    [
        "GET /v25.0/1?fields=id&access_token=s3cret&limit=1",
        "GET /webhooks/facebook?hub.mode=subscribe&hub.verify_token=s3cret",
        "GET /webhooks/facebook?hub%2Everify_token=s3cret",
        "/1?appsecret_proof=s3cret",
        "Authorization: Bearer s3cretLongEnough",
        "sent with Bearer s3cretLongEnough|and.more",
        "Error connecting to redis://:s3cret@127.0.0.1:6379/0",
        "key ow_s3cretAAAAAAAAAAAAAAAAAAAAAAAA was used",
    ],
)
def test_a_secret_inside_a_text_is_taken_out_and_the_rest_stays(text: str) -> None:
    shown = cleaned(event=text)["event"]
    assert "s3cret" not in shown
    assert REDACTED in shown
    assert shown.split(" ", maxsplit=1)[0][:4] == text.split(" ", maxsplit=1)[0][:4]


def test_ordinary_events_stay_as_they_are() -> None:
    event = {"event": "job", "job_id": "ship-cmd_1", "idempotency_key": "k", "order_id": "1", "took_ms": 1.5}
    assert cleaned(**event) == event
