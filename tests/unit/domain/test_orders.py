from __future__ import annotations

from itertools import product

import pytest

from app.domain.orders import OrderState

FORWARD = [OrderState.FB_PROCESSING, OrderState.CREATED, OrderState.IN_PROGRESS, OrderState.COMPLETED]


@pytest.mark.parametrize(("state", "aim"), list(product(FORWARD, FORWARD)))
def test_a_state_has_reached_itself_and_every_state_before_it(state: OrderState, aim: OrderState) -> None:
    assert state.reached(aim) is (FORWARD.index(state) >= FORWARD.index(aim))


@pytest.mark.parametrize("state", list(OrderState))
def test_nothing_is_reached_where_a_state_is_unknown(state: OrderState) -> None:
    assert not state.reached(OrderState.UNKNOWN)
    assert not OrderState.UNKNOWN.reached(state)
