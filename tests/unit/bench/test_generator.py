from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.load.deliveries import deliveries, invented_orders
from bench.load.generator import closed_loop, open_loop
from bench.measure.schedule import Schedule, percentile

Answer = tuple[float, int]  # seconds to wait, status


@contextmanager
def server(answer: Callable[[int], Answer]) -> Iterator[tuple[int, list[bytes]]]:
    """Serve HTTP on a free port: request n is answered as asked for; yields the port and the bodies seen."""
    bodies: list[bytes] = []
    ready, stop, ports = threading.Event(), asyncio.Event(), list[int]()
    loop = asyncio.new_event_loop()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                number = len(bodies)
                bodies.append(await reader.readexactly(length))
                wait_s, status = answer(number)
                await asyncio.sleep(wait_s)
                if status == 0:
                    break
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % status)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve() -> None:
        made = await asyncio.start_server(handle, "127.0.0.1", 0)
        ports.append(made.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        made.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(5)
    try:
        yield ports[0], bodies
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        loop.close()


def requests(count: int, entries: int = 1) -> list[bytes]:
    return deliveries(
        invented_orders(0, count * entries), entries=entries, shop_id="900000000000017", secret="s"
    )


def test_a_stall_of_the_server_is_seen_by_every_request_that_was_meant_for_it() -> None:
    # Coordinated omission: a client that waits would have sent one request in the stall, and 20 after it.
    with server(lambda number: (0.4 if number < 4 else 0.0, 200)) as (port, _):
        schedule = Schedule(rate=100, count=40)
        load = open_loop(port, requests(40), schedule, lines=4)
    assert load.failures == 0
    assert len(load.latencies_s) == 40
    stalled = [seconds for seconds in load.latencies_s.values() if seconds > 0.2]
    assert 4 <= len(stalled) < 40
    assert percentile(list(load.latencies_s.values()), 0.99) >= 0.4


def test_requests_leave_at_their_intended_times_whatever_is_answered() -> None:
    with server(lambda _number: (0.1, 200)) as (port, _):
        load = open_loop(port, requests(50), Schedule(rate=100, count=50), lines=2)
    assert load.failures == 0
    # Two lines alone would need 2.5 s; more are opened, so that the last answer comes soon after its time.
    assert load.seconds < 1.5


def test_refused_and_broken_requests_are_failures_by_number() -> None:
    statuses = {3: 503, 7: 0}
    with server(lambda number: (0.0, statuses.get(number, 200))) as (port, _):
        load = closed_loop(port, requests(12), lines=2)
    assert sorted(load.refused.values()) == [0, 503]
    assert load.failures == 2
    assert len(load.latencies_s) == 10


def test_whoever_answers_too_late_leaves_unanswered_requests() -> None:
    with server(lambda number: (5.0 if number == 2 else 0.0, 200)) as (port, _):
        load = open_loop(port, requests(5), Schedule(rate=200, count=5), drain_s=0.3)
    assert load.failures == 1
    assert load.refused == {}


def test_a_closed_loop_ends_when_its_time_is_up() -> None:
    with server(lambda _number: (0.05, 200)) as (port, _):
        load = closed_loop(port, requests(1000), lines=4, seconds=0.4)
    assert 8 <= len(load.latencies_s) <= 40
    assert load.failures == 0


def test_deliveries_are_signed_and_name_every_order_once() -> None:
    with server(lambda _number: (0.0, 200)) as (port, bodies):
        closed_loop(port, requests(3, entries=4), lines=1)
    entries = [entry for body in bodies for entry in json.loads(body)["entry"]]
    named = [entry["changes"][0]["value"]["order_id"] for entry in entries]
    assert sorted(named) == invented_orders(0, 12)
    assert len({entry["id"] for entry in entries}) == 12
    [first, *_] = requests(1)
    head, body = first.split(b"\r\n\r\n", 1)
    assert hmac.new(b"s", body, hashlib.sha256).hexdigest().encode() in head
