from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from app.store import group_commit
from app.store.failures import StoreUnavailable
from app.store.group_commit import GroupCommit, Parcel


class Writer:
    """Writes a group by noting it, once it is let; answers each parcel with its own text."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.open = asyncio.Event()
        self.failing: list[Exception] = []

    async def write(self, group: Sequence[Parcel]) -> list[str]:
        texts = [parcel.packed.decode() for parcel in group]
        self.groups.append(texts)
        await self.open.wait()
        if self.failing:
            raise self.failing.pop(0)
        return texts


def parcel(text: str, entries: int = 1) -> Parcel:
    return Parcel(packed=text.encode(), arguments=1, entries=entries)


async def committing(commits: GroupCommit[str], *parcels: Parcel) -> list[asyncio.Task[str]]:
    """Let these commit, each in a task of its own, and begin."""
    tasks = [asyncio.create_task(commits.commit(one)) for one in parcels]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def settled(tasks: Sequence[asyncio.Task[str]]) -> list[str]:
    found = await asyncio.gather(*tasks, return_exceptions=True)
    return [f"{type(one).__name__}: {one}" if isinstance(one, BaseException) else one for one in found]


def test_who_commits_in_the_very_moment_a_writer_ends_is_written() -> None:
    async def run() -> list[str]:
        writer = Writer()
        writer.open.set()
        commits = GroupCommit(writer.write)
        return [await commits.commit(parcel(f"{n}")) for n in range(20)]

    assert asyncio.run(run()) == [f"{n}" for n in range(20)]


def test_the_first_goes_at_once_and_what_waits_meanwhile_goes_together_in_order() -> None:
    async def run() -> None:
        writer = Writer()
        commits = GroupCommit(writer.write)
        first = await committing(commits, parcel("a"))
        assert writer.groups == [["a"]]
        rest = await committing(commits, parcel("b"), parcel("c"), parcel("d"))
        assert writer.groups == [["a"]]
        writer.open.set()
        assert await settled(first + rest) == ["a", "b", "c", "d"]
        assert writer.groups == [["a"], ["b", "c", "d"]]
        assert await commits.commit(parcel("e")) == "e"

    asyncio.run(run())


def test_a_group_holds_no_more_entries_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_GROUP_ENTRIES", 10)

    async def run() -> list[list[str]]:
        writer = Writer()
        writer.open.set()
        commits = GroupCommit(writer.write)
        sizes = [4, 6, 1, 10, 25, 5, 5, 1]
        await settled(await committing(commits, *(parcel(f"{n}", n) for n in sizes)))
        return writer.groups

    assert asyncio.run(run()) == [["4", "6"], ["1"], ["10"], ["25"], ["5", "5"], ["1"]]


def test_a_group_holds_no_more_bytes_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_GROUP_BYTES", 4)

    async def run() -> list[list[str]]:
        writer = Writer()
        writer.open.set()
        commits = GroupCommit(writer.write)
        await settled(await committing(commits, *map(parcel, ["aa", "bb", "c", "ddddddd", "ee"])))
        return writer.groups

    assert asyncio.run(run()) == [["aa", "bb"], ["c"], ["ddddddd"], ["ee"]]


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ValueError("unheard of")])
def test_a_group_that_fails_fails_each_of_its_own_and_nobody_elses(error: Exception) -> None:
    async def run() -> tuple[list[str], list[str], list[list[str]]]:
        writer = Writer()
        writer.failing = [error]
        commits = GroupCommit(writer.write)
        failed = await committing(commits, parcel("a"), parcel("b"))
        later = await committing(commits, parcel("c"), parcel("d"))
        writer.open.set()
        return await settled(failed), await settled(later), writer.groups

    failed, later, groups = asyncio.run(run())
    assert failed == [f"StoreUnavailable: {error}"] * 2
    assert later == ["c", "d"]
    assert groups == [["a", "b"], ["c", "d"]]


def test_who_waited_long_behind_a_failure_is_told_so_without_another_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_commit, "MAX_PATIENCE_S", 0.05)

    async def run() -> tuple[list[str], list[list[str]]]:
        writer = Writer()
        writer.failing = [StoreUnavailable("away")]
        commits = GroupCommit(writer.write)
        tasks = await committing(commits, parcel("a"))
        tasks += await committing(commits, parcel("long"))
        await asyncio.sleep(0.1)
        tasks += await committing(commits, parcel("short"))
        writer.open.set()
        return await settled(tasks), writer.groups

    answers, groups = asyncio.run(run())
    assert answers == ["StoreUnavailable: away", "StoreUnavailable: away", "short"]
    assert groups == [["a"], ["short"]]


@pytest.mark.parametrize(("name", "limit"), [("MAX_WAITING_ENTRIES", 3), ("MAX_WAITING_BYTES", 3)])
def test_more_than_can_be_written_in_time_is_refused_until_there_is_room(
    monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    monkeypatch.setattr(group_commit, name, limit)

    async def run() -> tuple[list[str], str]:
        writer = Writer()
        commits = GroupCommit(writer.write)
        tasks = await committing(commits, parcel("a"))
        tasks += await committing(commits, *map(parcel, "bcde"))
        writer.open.set()
        return await settled(tasks), await commits.commit(parcel("f"))

    answers, after = asyncio.run(run())
    assert answers[:4] == ["a", "b", "c", "d"]
    assert answers[4].startswith("StoreUnavailable: more deliveries wait")
    assert after == "f"


def test_a_caller_that_leaves_takes_nothing_from_the_others() -> None:
    async def run() -> tuple[list[str], list[list[str]]]:
        writer = Writer()
        commits = GroupCommit(writer.write)
        first = await committing(commits, parcel("a"), parcel("b"))
        rest = await committing(commits, parcel("c"), parcel("d"))
        first[0].cancel()
        rest[0].cancel()
        await asyncio.sleep(0)
        writer.open.set()
        return await settled([first[1], rest[1]]), writer.groups

    assert asyncio.run(run()) == (["b", "d"], [["a", "b"], ["c", "d"]])


def test_nobody_is_left_waiting_when_the_writer_is_stopped() -> None:
    async def run() -> list[str]:
        commits = GroupCommit(Writer().write)
        tasks = await committing(commits, parcel("a"))
        tasks += await committing(commits, parcel("b"))
        assert commits._writer is not None
        commits._writer.cancel()
        return await settled(tasks)

    assert asyncio.run(run()) == ["StoreUnavailable: the process ends"] * 2
