"""The files of the archive on a real disk."""

from __future__ import annotations

import gzip
import json
import stat
from pathlib import Path

import pytest

from app.domain.orders import OrderState
from app.store import keys
from app.store.archive import Archive
from app.store.archive_files import ArchiveFiles, Place
from app.store.archive_moves import ArchiveMoves
from app.store.connection import Store
from app.store.failures import ArchiveBroken, ArchiveFileTaken
from app.store.orders import Orders, SealedBuyer
from tests.integration.store.samples import NOW, later, order

LINES = [f'{{"line":{number}}}' for number in range(100)]


def put(redis: Store, folder: Path, *ids: str) -> tuple[Orders, ArchiveMoves]:
    files = ArchiveFiles(folder)
    orders = Orders(redis, Archive(redis, files))
    for order_id in ids:
        orders.write(
            order(order_id, state=OrderState.COMPLETED),
            SealedBuyer(buyer="v1.sealed", shipping_address=None),
            expected_version=0,
            read_at=NOW,
            write_id=order_id,
            timeline=[],
        )
    return orders, ArchiveMoves(redis, files)


def test_a_file_is_what_zcat_reads_one_line_an_order_for_its_owner_alone(tmp_path: Path) -> None:
    ArchiveFiles(tmp_path / "archive").write(12, LINES)
    file = tmp_path / "archive" / "orders-000000012.ndjson.gz"
    assert gzip.decompress(file.read_bytes()).decode().splitlines() == LINES
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    files = ArchiveFiles(tmp_path)
    place = files.write(1, ["old"])[0]
    with pytest.raises(ArchiveFileTaken):
        files.write(1, ["new"])
    assert files.read(place) == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("damage", ["gone", "cut", "garbled"])
def test_a_damaged_file_is_told_by_its_name_and_never_read_as_something_else(
    tmp_path: Path, damage: str
) -> None:
    files = ArchiveFiles(tmp_path)
    place = files.write(1, LINES)[-1]
    file = tmp_path / "orders-000000001.ndjson.gz"
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[:-20])
    else:
        file.write_bytes(content[: place.offset + 15] + b"\x00\xff" + content[place.offset + 17 :])
    with pytest.raises(ArchiveBroken, match="orders-000000001"):
        files.read(place)


def test_where_redis_came_back_from_an_old_backup_the_files_it_forgot_stay_as_they_are(
    redis: Store, tmp_path: Path
) -> None:
    for number in (1, 2):
        ArchiveFiles(tmp_path).write(number, ["forgotten"])
    orders, moves = put(redis, tmp_path, "1")
    assert moves.put(moves.candidates(later(1), skip=0, limit=10)) == 1
    assert redis.hget(keys.archived("1"), "1") == "3.0.0"
    assert ArchiveFiles(tmp_path).read(Place(file=1, offset=0, line=0)) == "forgotten"
    found = orders.get("1")
    assert found is not None
    assert found.archived


def test_buyer_data_stays_sealed_in_the_archive(redis: Store, tmp_path: Path) -> None:
    _, moves = put(redis, tmp_path, "1")
    moves.put(moves.candidates(later(1), skip=0, limit=10))
    line = json.loads(ArchiveFiles(tmp_path).read(Place(file=1, offset=0, line=0)))
    assert line["order"]["buyer"] == "v1.sealed"


def test_a_disk_that_takes_nothing_lets_no_order_leave(redis: Store, tmp_path: Path) -> None:
    blocked = tmp_path / "archive"
    blocked.write_text("a file where the folder should be")
    orders, moves = put(redis, blocked, "1", "2")
    with pytest.raises(ArchiveBroken, match="nothing left Redis"):
        moves.put(moves.candidates(later(1), skip=0, limit=10))
    assert [stored is not None and stored.archived for stored in orders.get_many(["1", "2"])] == [
        False,
        False,
    ]


def test_a_file_none_of_whose_orders_left_is_removed(redis: Store, tmp_path: Path) -> None:
    _, moves = put(redis, tmp_path, "1")
    read = moves.candidates(later(1), skip=0, limit=10)
    assert moves.put(read) == 1
    assert moves.put(read) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["orders-000000001.ndjson.gz"]
