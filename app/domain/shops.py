"""A shop: one commerce account with its page, its token and its policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


class Shops:
    """The shops this installation serves, found by commerce account id or page id."""

    def __init__(self, shops: Iterable[Shop]) -> None:
        self._install(shops)

    def _install(self, shops: Iterable[Shop]) -> None:
        self._by_id = {shop.id: shop for shop in shops}
        self._by_account = {shop.page_id: shop for shop in self._by_id.values()} | self._by_id

    def __iter__(self) -> Iterator[Shop]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, shop_id: str) -> Shop | None:
        """Return the shop of that commerce account, or None."""
        return self._by_id.get(shop_id)

    def by_account(self, account_id: str | None) -> Shop | None:
        """Return the shop whose commerce account or page that is, or None: the id is only a hint."""
        return self._by_account.get(account_id) if account_id else None
