"""The base of all response models."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.store.pages import Page


class ResponseModel(BaseModel):
    """A response, or a part of one: built from the attributes of our own records and from nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class PageModel(ResponseModel):
    """One page of a list; `next_cursor` is null on the last one."""

    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        """Return the response that shows this page of the store."""
        return cls.model_validate({"data": page.items, "next_cursor": page.next_cursor})


def _plain(amount: object) -> object:
    return format(amount, "f") if isinstance(amount, Decimal) else amount


class MoneyResponse(ResponseModel):
    """An exact amount: decimal text and an ISO 4217 code."""

    amount: Annotated[str, BeforeValidator(_plain)] = Field(examples=["5.00"])
    currency: str = Field(examples=["USD"])
