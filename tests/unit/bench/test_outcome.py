from __future__ import annotations

from bench.parts.platform import Effect
from bench.rows.outcome import Outcome


def test_orders_done_once_have_a_latency_from_their_intended_time() -> None:
    effects = [Effect(order_id="a", at=101.0), Effect(order_id="b", at=103.0)]
    outcome = Outcome.of(effects, meant_at={"a": 100.5, "b": 101.0})
    assert outcome.wrong == 0
    assert outcome.done_at == (101.0, 103.0)
    assert sorted(outcome.latencies_s) == [0.5, 2.0]
    assert outcome.p_ms(0.99) == 2000


def test_orders_missing_done_again_or_never_meant_are_each_wrong() -> None:
    effects = [
        Effect(order_id="a", at=101.0),
        Effect(order_id="a", at=102.0),
        Effect(order_id="stranger", at=103.0),
    ]
    outcome = Outcome.of(effects, meant_at={"a": 100.0, "lost": 100.0})
    assert outcome.wrong == 3
    assert outcome.done_at == (101.0,)
    assert outcome.latencies_s == (1.0,)
