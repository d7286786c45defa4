"""How the sandbox is started, and what a delivery looks like in bytes."""

from __future__ import annotations

import json

import pytest

from sandbox.options import BadOptionsError, Options, check_callback, read_options
from sandbox.webhooks.policy import Policy
from sandbox.webhooks.wire import Notification, headers_for, write_body


def test_without_options_there_is_one_shop_on_a_free_port() -> None:
    options = read_options([], {})
    assert options == Options()
    assert (options.port, options.host, len(options.shops)) == (0, "127.0.0.1", 1)


def test_the_environment_names_shops_and_secrets() -> None:
    shops = [
        {"cms_id": "1", "page_id": "2", "access_token": "t", "name": "One"},
        {"cms_id": 3, "page_id": 4, "access_token": "u"},
    ]
    environ = {
        "SANDBOX_SHOPS": json.dumps(shops),
        "SANDBOX_APP_SECRET": "s",
        "SANDBOX_WEBHOOK_URL": "http://127.0.0.1:1/",
        "SANDBOX_PORT": "99",
    }
    options = read_options([], environ)
    assert [access.shop.cms_id for access in options.shops] == ["1", "3"]
    assert (options.app_secret, options.port, options.webhook_url) == ("s", 99, "http://127.0.0.1:1/")
    assert read_options(["--port", "7"], environ).port == 7


def test_the_command_line_names_one_shop_by_parts_or_more_by_colons() -> None:
    one = read_options(["--shop-id", "5", "--page-id", "6", "--access-token", "t"], {}).shops
    assert [(access.shop.cms_id, access.shop.page_id, access.access_token) for access in one] == [
        ("5", "6", "t")
    ]
    two = read_options(["--shop", "1:2:t:with:colons", "--shop", "3:4:u"], {}).shops
    assert [access.access_token for access in two] == ["t:with:colons", "u"]


@pytest.mark.parametrize(
    ("argv", "environ"),
    [
        (["--shop", "1:2"], {}),
        (["--shop", "a:2:t"], {}),
        (["--shop", "1:2:t", "--shop", "1:3:u"], {}),
        (["--shop", "1:2:t", "--shop", "3:4:t"], {}),
        (["--webhook-url", "https://example.com/"], {}),
        (["--webhook-url", "not a url"], {}),
        ([], {"SANDBOX_SHOPS": "{"}),
        ([], {"SANDBOX_SHOPS": '["x"]'}),
    ],
)
def test_options_that_make_no_sense_are_refused(argv: list[str], environ: dict[str, str]) -> None:
    with pytest.raises(BadOptionsError):
        read_options(argv, environ)


def test_a_callback_may_leave_this_machine_only_with_leave() -> None:
    check_callback("https://example.com/hook", allow_any=True)
    check_callback("http://localhost:8000/", allow_any=False)
    check_callback("http://[::1]:8000/", allow_any=False)
    with pytest.raises(BadOptionsError, match="--allow-any-url"):
        check_callback("https://example.com/hook", allow_any=False)


def notification() -> Notification:
    return Notification(
        id="900",
        time=1_790_000_000,
        event="ORDER_CREATED",
        order_id="64000000000000001",
        state="CREATED",
        shop_id="17",
        updated_time=1_790_000_001,
    )


def test_a_delivery_is_written_as_the_webhook_reference_suggests() -> None:
    assert write_body([notification()], Policy()) == (
        b'{"object":"commerce_account","entry":[{"id":"900","time":1790000000,"changes":[{"field":"orders",'
        b'"value":{"order_id":"64000000000000001","event":"ORDER_CREATED","state":"CREATED",'
        b'"commerce_account_id":"17","updated_time":1790000001}}]}]}'
    )


def test_signatures_fit_the_known_vector() -> None:
    body = (
        b'{"object":"commerce_account","entry":[{"id":"900000000000017","time":1790000000,"changes":[{"field":'
        b'"orders","value":{"order_id":"64000000000000001","event":"order_created",'
        b'"note":"Caf\\u00e9 <5% a/b @x"}}]}]}'
    )
    headers = headers_for(body, "emulator-app-secret-0001")
    assert headers["X-Hub-Signature-256"] == (
        "sha256=f15889b49d630f78bcba4da8df9a8253bcd5db6d3c6877fad0ccbdcf9accfccf"
    )
    assert headers["X-Hub-Signature"] == "sha1=986841303459392ab9eec5d7b10e8b54b057272d"
