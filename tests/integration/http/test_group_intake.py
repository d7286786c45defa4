"""Many deliveries at once, over the served API: what is shared, and what is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx

from app.store.connection import Store
from tests.integration.http.conftest import Served, environment
from tests.integration.http.test_process import await_alive, start
from tests.integration.http.test_webhooks import body_of, signature
from tests.support.ports import free_port

CALLERS = httpx.Limits(max_connections=100)


def post_all(requests: Sequence[tuple[str, bytes, dict[str, str]]]) -> list[httpx.Response]:
    """Send them all at the same time."""

    async def run() -> list[httpx.Response]:
        async with httpx.AsyncClient(limits=CALLERS, timeout=20) as client:
            return await asyncio.gather(
                *(
                    client.post(f"{url}/webhooks/facebook", content=raw, headers=headers)
                    for url, raw, headers in requests
                )
            )

    return asyncio.run(run())


def signed(raw: bytes) -> dict[str, str]:
    return {"X-Hub-Signature-256": signature(raw)}


def test_deliveries_that_come_together_are_answered_each_for_itself(api: Served, redis: Store) -> None:
    bodies = [body_of(*(f"{number}{n:03}" for n in range(number % 3 + 1))) for number in range(1, 61)]
    requests = [(api.url, raw, signed(raw)) for raw in bodies]
    requests.insert(10, (api.url, bodies[0], signed(b"other bytes")))
    requests.insert(20, (api.url, b"{", signed(b"{")))
    redis.config_resetstat()
    answers = post_all(requests)
    stats = redis.info("commandstats")
    forged, unreadable = answers.pop(10), answers.pop(19)
    assert forged.status_code == 401
    assert unreadable.json() == {"accepted": 0, "duplicates": 0, "unrecognized": 1}
    assert [answer.json()["accepted"] for answer in answers] == [n % 3 + 1 for n in range(1, 61)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 60
    assert api.orderwire.inbox.size() == 120
    scripts = sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("eval", "evalsha"))
    assert scripts < 61


def test_s01_one_webhook_fifty_times_at_once_over_several_processes_is_one_entry(
    api: Served, redis_url: str
) -> None:
    ports = [free_port() for _ in range(2)]
    urls = [api.url, *(f"http://127.0.0.1:{port}" for port in ports)]
    own = environment(redis_url, api.platform)
    processes = [start({**own, "ORDERWIRE_PORT": str(port)}) for port in ports]
    try:
        for url in urls:
            await_alive(url)
        raw = body_of("35001")
        answers = post_all([(urls[n % 3], raw, signed(raw)) for n in range(50)])
    finally:
        for process in processes:
            process.terminate()
            process.communicate(timeout=15)
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["accepted"] for answer in answers) == 1
    assert sum(answer.json()["duplicates"] for answer in answers) == 49
    assert api.orderwire.inbox.size() == 1


def test_while_redis_turns_writes_away_every_delivery_is_503_and_none_is_there(
    api: Served, redis: Store
) -> None:
    bodies = [body_of(f"{number}") for number in range(1, 31)]
    requests = [(api.url, raw, signed(raw)) for raw in bodies]
    redis.config_set("maxmemory", "1mb")
    try:
        turned_away = post_all(requests)
    finally:
        redis.config_set("maxmemory", "0")
    assert {answer.status_code for answer in turned_away} == {503}
    assert {answer.headers["retry-after"] for answer in turned_away} == {"1"}
    assert api.orderwire.inbox.size() == 0
    assert [answer.json()["accepted"] for answer in post_all(requests)] == [1] * 30
