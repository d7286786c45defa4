"""Settings: read once, whole and plausible, with texts that name the hint."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from app.settings import Settings, SettingsError, load_settings

KEY = base64.b64encode(b"k" * 32).decode()
WHOLE = {
    "ORDERWIRE_REDIS_URL": "redis://:pw-of-redis@localhost:6379/0",
    "ORDERWIRE_APP_SECRETS": "current-secret, previous-secret",
    "ORDERWIRE_VERIFY_TOKEN": "verify-me",
    "ORDERWIRE_SEALING_KEYS": KEY,
    "ORDERWIRE_SHOP_ID": "100",
    "ORDERWIRE_SHOP_PAGE_ID": "200",
    "ORDERWIRE_SHOP_ACCESS_TOKEN": "token-of-shop",
}


def refusal(**changes: str | None) -> str:
    env = {**WHOLE, **{f"ORDERWIRE_{name}": value or "" for name, value in changes.items()}}
    with pytest.raises(SettingsError) as caught:
        load_settings(env)
    return str(caught.value)


def test_a_whole_configuration_gives_one_shop_and_both_secrets() -> None:
    settings = load_settings(WHOLE)
    (shop,) = settings.shops()
    assert (shop.id, shop.page_id, shop.name, shop.access_token) == (
        "100",
        "200",
        "Shop 100",
        "token-of-shop",
    )
    assert (shop.acknowledge, shop.reference_template) == ("auto", "{order_id}")
    assert settings.app_secret_texts() == ("current-secret", "previous-secret")
    assert settings.sealing_key_bytes() == (b"k" * 32,)
    assert settings.require_redis_url() == "redis://:pw-of-redis@localhost:6379/0"


def test_app_secrets_may_be_a_json_list() -> None:
    settings = load_settings({**WHOLE, "ORDERWIRE_APP_SECRETS": '["a,b", "c"]'})
    assert settings.app_secret_texts() == ("a,b", "c")


def test_an_unknown_variable_is_refused_with_the_nearest_known_one() -> None:
    message = refusal(APP_SECRET="x")
    assert "ORDERWIRE_APP_SECRET is not a setting" in message
    assert "did you mean ORDERWIRE_APP_SECRETS?" in message


def test_variables_of_others_are_ignored() -> None:
    assert load_settings({**WHOLE, "PATH": "/bin", "REDIS_URL": "x"}).shops()


def test_without_an_app_secret_it_fails_closed_and_says_so() -> None:
    message = refusal(APP_SECRETS=None)
    assert "ORDERWIRE_APP_SECRETS" in message
    assert "all are rejected" in message


def test_everything_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({})
    for name in ("REDIS_URL", "APP_SECRETS", "VERIFY_TOKEN", "SEALING_KEYS", "SHOPS_FILE"):
        assert f"ORDERWIRE_{name}" in str(caught.value)


def test_a_tool_that_needs_redis_alone_may_lack_the_rest() -> None:
    settings = load_settings({"ORDERWIRE_REDIS_URL": "redis://localhost"}, partial=True)
    assert settings.require_redis_url() == "redis://localhost"
    with pytest.raises(SettingsError, match="ORDERWIRE_REDIS_URL is not set"):
        load_settings({}, partial=True).require_redis_url()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MAX_ATTEMPTS", "0", "greater than or equal to 1"),
        ("MAX_ATTEMPTS", "many", "valid integer"),
        ("ATTEMPT_TIMEOUT_S", "nan", "less than or equal to 120"),
        ("RECONCILE_INTERVAL_S", "0", "greater than or equal to 5"),
        ("PORT", "70000", "less than or equal to 65535"),
        ("LOG_LEVEL", "LOUD", "'DEBUG'"),
        ("GRAPH_URL", "graph.facebook.com", "must be a URL like"),
        ("GRAPH_VERSION", "25", "must look like v25.0"),
        ("REDIS_URL", "localhost:6379", "must start with redis://"),
        ("SEALING_KEYS", base64.b64encode(b"short").decode(), "key 1 has 5 bytes, not 32"),
        ("SEALING_KEYS", f"{KEY},???", "key 2 is not base64"),
        ("SHOP_REFERENCE_TEMPLATE", "order", "must contain {order_id}"),
        ("SHOP_ACKNOWLEDGE", "sometimes", "'auto' or 'manual'"),
        ("APP_SECRETS", '["a"', "use commas instead"),
    ],
)
def test_an_absurd_value_is_refused_by_name(name: str, value: str, said: str) -> None:
    message = refusal(**{name: value})
    assert f"ORDERWIRE_{name}" in message
    assert said in message


def test_an_overlap_shorter_than_the_interval_is_refused() -> None:
    assert "leaves gaps" in refusal(RECONCILE_OVERLAP_S="100", RECONCILE_INTERVAL_S="300")


def test_a_refused_secret_is_not_repeated() -> None:
    assert "hunter2" not in refusal(SEALING_KEYS="hunter2")
    assert "hunter2" not in refusal(APP_SECRETS='["hunter2"')


def test_settings_show_no_secret_and_can_t_be_changed() -> None:
    settings = load_settings(WHOLE)
    shown = repr(settings) + repr(settings.shops())
    for secret in ("current-secret", "pw-of-redis", "verify-me", "token-of-shop", KEY):
        assert secret not in shown
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # that is the point


def test_the_constructor_does_not_look_at_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1234")
    monkeypatch.setenv("ORDERWIRE_PORT", "1234")
    assert Settings().port == 8080


def test_a_shop_half_given_by_variables_names_what_is_missing() -> None:
    message = refusal(SHOP_PAGE_ID=None, SHOP_ACCESS_TOKEN=None)
    assert "set ORDERWIRE_SHOP_PAGE_ID, ORDERWIRE_SHOP_ACCESS_TOKEN too" in message


def shops_file(folder: Path, text: str) -> str:
    file = folder / "shops.toml"
    file.write_text(text)
    return str(file)


SHOP = '[[shop]]\nid = "1"\npage_id = "2"\naccess_token = "t"\n'


def test_a_file_of_shops_adds_to_the_shop_of_the_variables(tmp_path: Path) -> None:
    text = SHOP + 'name = "One"\nacknowledge = "manual"\nreference_template = "A-{order_id}"\n'
    settings = load_settings({**WHOLE, "ORDERWIRE_SHOPS_FILE": shops_file(tmp_path, text)})
    first, second = settings.shops()
    assert (first.id, first.name, first.acknowledge) == ("1", "One", "manual")
    assert first.reference_for("77") == "A-77"
    assert second.id == "100"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SHOP + SHOP, "shop 1 is configured twice"),
        (SHOP + 'acess_token = "t"\n', "did you mean access_token?"),
        (SHOP + 'acknowledge = "later"\n', '"auto" or "manual"'),
        (SHOP + 'reference_template = "x"\n', "must contain {order_id}"),
        ('[[shop]]\nid = "1"\n', "set page_id, access_token"),
        ("shop = 1\n", "needs one [[shop]] table per shop"),
        ("[[shop]\n", "is not TOML"),
    ],
)
def test_a_bad_file_of_shops_says_where_and_what(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(SHOPS_FILE=shops_file(tmp_path, text))


def test_a_file_of_shops_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "can't be read: No such file" in refusal(SHOPS_FILE=str(tmp_path / "none.toml"))
