"""A shop: one commerce account with its page, its token and its policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One commerce account (CMS id) that Orderwire serves.

    `reference_template` makes the merchant_order_reference of automatic acknowledgements; `{order_id}` in it
    stands for the order's id.
    """

    id: str
    page_id: str
    name: str
    access_token: str
    acknowledge: Literal["auto", "manual"]
    reference_template: str = "{order_id}"

    def __repr__(self) -> str:
        """Name the shop without its token, so that no log or traceback can carry it."""
        return f"Shop(id={self.id!r}, name={self.name!r})"

    def reference_for(self, order_id: str) -> str:
        """Return the merchant_order_reference an automatic acknowledgement of that order carries."""
        return self.reference_template.replace("{order_id}", order_id)
