"""Shops that change while everything runs: the file, and tokens that an operator puts in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.settings import Settings
from app.shops import SEALED_FIELD, ShopRegistry, token_digest
from app.store.connection import Store
from app.store.sealing import Sealer
from app.store.tokens import NewToken, Tokens

ROW = '[[shop]]\nid = "1"\npage_id = "2"\naccess_token = "{token}"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shops.toml"
    path.write_text(ROW.format(token="old"))
    return path


def _live(redis: Store, file: Path) -> tuple[ShopRegistry, Tokens, Sealer]:
    tokens, sealer = Tokens(redis), Sealer([b"k" * 32])
    return ShopRegistry(Settings(shops_file=file), tokens, sealer), tokens, sealer


def _token(shops: ShopRegistry) -> str:
    shops.refresh()
    shop = shops.get("1")
    assert shop is not None
    return shop.access_token


def _write(file: Path, text: str) -> None:
    before = file.stat().st_mtime_ns
    file.write_text(text)
    os.utime(file, ns=(before + 1, before + 1))


def test_a_token_changed_in_the_file_is_in_use_at_the_next_look(redis: Store, file: Path) -> None:
    shops, _, _ = _live(redis, file)
    assert _token(shops) == "old"
    _write(file, ROW.format(token="new"))
    assert _token(shops) == "new"


def test_a_shop_added_to_the_file_is_served(redis: Store, file: Path) -> None:
    shops, _, _ = _live(redis, file)
    _write(file, ROW.format(token="old") + '[[shop]]\nid = "7"\npage_id = "8"\naccess_token = "t"\n')
    shops.refresh()
    assert {shop.id for shop in shops} == {"1", "7"}
    assert shops.by_account("8") is shops.get("7")


@pytest.mark.parametrize("broken", ["[[shop", "", '[[shop]]\nid = "1"\n'])
def test_a_broken_file_leaves_the_shops_as_they_were(redis: Store, file: Path, broken: str) -> None:
    shops, _, _ = _live(redis, file)
    _write(file, broken)
    assert _token(shops) == "old"
    _write(file, ROW.format(token="mended"))
    assert _token(shops) == "mended"


def test_a_token_put_in_counts_until_the_configured_one_changes(redis: Store, file: Path) -> None:
    shops, tokens, sealer = _live(redis, file)
    sealed = sealer.seal("by hand", record="1", field=SEALED_FIELD)
    tokens.put("1", NewToken(sealed=sealed, instead_of=token_digest("old")))
    assert _token(shops) == "by hand"
    _write(file, ROW.format(token="newer"))
    assert _token(shops) == "newer"


def test_a_token_sealed_with_a_lost_key_leaves_the_configured_one_in_use(redis: Store, file: Path) -> None:
    shops, tokens, _ = _live(redis, file)
    sealed = Sealer([b"x" * 32]).seal("by hand", record="1", field=SEALED_FIELD)
    tokens.put("1", NewToken(sealed=sealed, instead_of=token_digest("old")))
    assert _token(shops) == "old"


def test_a_token_stands_in_redis_sealed(redis: Store, file: Path) -> None:
    _, tokens, sealer = _live(redis, file)
    sealed = sealer.seal("EAAB-secret", record="1", field=SEALED_FIELD)
    tokens.put("1", NewToken(sealed=sealed, instead_of=token_digest("old")))
    assert "EAAB-secret" not in str(redis.hgetall("ow:tokens"))
