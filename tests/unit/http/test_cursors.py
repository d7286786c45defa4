"""A listing takes ValueError for the store's word on its cursor, so nothing else may be one."""

from __future__ import annotations

import pytest

from app.domain.codec import RecordError, decode
from app.domain.orders import Order
from app.http.requests.queries import PageQuery
from app.http.routes.parameters import cursor_of


def test_a_record_that_cannot_be_read_is_not_blamed_on_the_cursor() -> None:
    with pytest.raises(RecordError), cursor_of(PageQuery(cursor="MQp4")):
        decode('{"id":"1"}', Order)
