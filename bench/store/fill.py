"""Fills a store: one order runs through its real lifecycle, and its keys are then copied for each number.

A life is some twenty scripts; a million of them would be an hour. Here the commands that make the same keys
are packed once, and each copy is those bytes with the ids and times of its number put in: all of one length,
so that the packing holds. `tests/unit/bench/test_store_fill.py` checks that a copy equals a real one.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from app.domain.orders import OrderState
from app.store import keys
from app.store.commands import Commands
from app.store.connection import Store
from app.store.orders import Orders
from app.store.sealing import Sealer
from app.store.times import micros
from bench.store.lives import ANSWERED_AFTER, READ_AFTER, Life, Living, sealed_of

MAX_ORDERS = 10_000_000
# Copies sent at once: some 2 MB, and never more than that unread.
AT_ONCE = 200


class FillFailed(Exception):
    """Redis does not hold the keys that were sent."""


def fill(store: Store, sealer: Sealer, *, first: int, count: int) -> None:
    """Write completed orders number `first` to `first + count - 1`; the first one runs for real.

    Raises:
        FillFailed: not all of them are there at the end.
    """
    if count > MAX_ORDERS:
        raise ValueError(f"{count} orders asked for; the most is {MAX_ORDERS}")
    origin, held = Life(number=first), int(store.execute_command("ZCARD", keys.ORDERS))
    Living(Orders(store), Commands(store), sealer).live(origin)
    connection: Any = store.connection_pool.get_connection()
    try:
        calls = calls_of(store, origin)
        packed = b"".join(b"".join(connection.pack_command(*call)) for call in calls)
        template = _template(packed, origin)
        for start in range(first + 1, first + count, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, first + count))
            lives = [Life(number=number) for number in numbers]
            connection.send_packed_command(
                [part for life in lives for part in _copy(connection, template, life, sealer)]
            )
            for _ in range(len(lives) * (len(calls) + 1)):
                connection.read_response()
    finally:
        store.connection_pool.release(connection)
    found = int(store.execute_command("ZCARD", keys.ORDERS)) - held
    if found != count:
        raise FillFailed(f"{found} orders are new of {count} that were sent")


def calls_of(store: Store, life: Life) -> list[tuple[str, ...]]:
    """Return the Redis commands that write all keys of that order again, without its buyer."""
    calls: list[tuple[str, ...]] = []
    for name in (keys.order(life.order_id), *map(keys.command, life.command_ids)):
        content = store.execute_command("HGETALL", name)
        texts = [text for pair in sorted(content.items()) if pair[0] not in _SEALED for text in pair]
        calls.append(("HSET", name, *texts))
    timeline = keys.timeline(life.order_id)
    calls.append(("RPUSH", timeline, *store.execute_command("LRANGE", timeline, 0, -1)))
    for name, member in indexes_of(life):
        score = store.execute_command("ZSCORE", name, member)
        if score is not None:
            calls.append(("ZADD", name, f"{float(score):.0f}", member))
    return calls


def indexes_of(life: Life) -> list[tuple[str, str]]:
    """Return the sorted sets that contain a completed order, each with its member."""
    order = life.order_id
    found = [
        (keys.ORDERS, order),
        (keys.orders_by_state(OrderState.COMPLETED.value), order),
        (keys.orders_by_reference(life.reference), order),
    ]
    for command, kind in zip(life.command_ids, ("acknowledge", "ship"), strict=True):
        found += [
            (keys.COMMANDS, command),
            (keys.commands_by_status("succeeded"), command),
            (keys.commands_by_kind(kind), command),
            (keys.commands_by_order(order), command),
        ]
    return found


def words_of(life: Life) -> list[str]:
    """Return every id and time in an order's texts; none is part of another."""
    times = [life.at, life.at + ANSWERED_AFTER, *(life.at + after for after in READ_AFTER.values())]
    return [
        life.order_id,
        life.reference,
        *life.command_ids,
        *life.part_ids,
        life.key,
        life.token,
        life.tracking_number,
        *(msgspec.json.encode(time).decode().strip('"') for time in times),
        *(str(micros(time)) for time in times),
    ]


_SEALED = frozenset({"buyer", "shipping_address"})


def _template(packed: bytes, origin: Life) -> list[bytes | int]:
    """Return the bytes in parts, with the numbers of the words between them."""
    words = [word.encode() for word in words_of(origin)]
    parts = re.split(b"(" + b"|".join(re.escape(word) for word in words) + b")", packed)
    return [words.index(part) if at % 2 else part for at, part in enumerate(parts)]


def _copy(connection: Any, template: list[bytes | int], life: Life, sealer: Sealer) -> list[bytes]:
    words = [word.encode() for word in words_of(life)]
    copied = b"".join(words[part] if isinstance(part, int) else part for part in template)
    sealed = sealed_of(life, sealer)
    buyer = ("buyer", sealed.buyer or "", "shipping_address", sealed.shipping_address or "")
    return [copied, *connection.pack_command("HSET", keys.order(life.order_id), *buyer)]
