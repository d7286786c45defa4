"""What the bench fills a store with is what the application would have put there."""

from __future__ import annotations

from app.store import keys
from app.store.commands import Commands
from app.store.connection import Store
from app.store.orders import Orders
from app.store.sealing import Sealer
from bench.store.fill import calls_of, fill, indexes_of
from bench.store.lives import Life, Living

SEALER = Sealer([bytes(32)])
FIRST, COUNT = 1_000, 30


def left_by(store: Store, life: Life) -> list[object]:
    sets = [store.zscore(name, member) for name, member in indexes_of(life)]
    return [*calls_of(store, life), *sets]


def test_a_copy_is_key_by_key_what_a_life_through_the_store_leaves(redis: Store) -> None:
    fill(redis, SEALER, first=FIRST, count=COUNT)
    lives = [Life(number=number) for number in range(FIRST, FIRST + COUNT)]
    copied = [left_by(redis, life) for life in lives]
    size = redis.dbsize()
    redis.flushdb()
    living = Living(Orders(redis), Commands(redis), SEALER)
    for life in lives:
        living.live(life)
    assert copied == [left_by(redis, life) for life in lives]
    assert size == redis.dbsize()


def test_a_copy_reads_as_a_whole_order_whose_buyer_opens(redis: Store) -> None:
    fill(redis, SEALER, first=FIRST, count=2)
    life = Life(number=FIRST + 1)
    stored = Orders(redis).get(life.order_id)
    assert stored is not None
    assert stored.order.merchant_order_reference == life.reference
    assert stored.sealed.buyer is not None
    assert "name" in SEALER.open(stored.sealed.buyer, record=life.order_id, field="buyer")
    assert len(redis.lrange(keys.timeline(life.order_id), 0, -1)) == 12
