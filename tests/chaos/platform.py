"""The platform as the chaos tests see it: the sandbox's control side, without proxy and without faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import httpx

Json = dict[str, Any]
PAGE = 200
MAX_PAGES = 5_000
_TIMEOUT_S = 30.0


class Platform:
    """Places orders, acts as the buyer and as Meta, arms faults, and tells what really happened."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/_sandbox", timeout=_TIMEOUT_S)

    def place(self, body: Json) -> str:
        """Have a buyer place one order; returns its id."""
        return str(self._call("POST", "/orders", body)["ids"][0])

    def act(self, order_id: str, verb: str, body: Json) -> bool:
        """Have the platform release, cancel or refund; False when its own rules forbid that now."""
        answer = self._http.post(f"/orders/{order_id}/{verb}", json=body)
        if answer.status_code == httpx.codes.CONFLICT:
            return False
        answer.raise_for_status()
        return True

    def order(self, order_id: str) -> Json:
        """Return the whole order."""
        return self._call("GET", f"/orders/{order_id}")

    def order_ids(self) -> list[str]:
        """Return the ids of all orders."""
        return [str(row["id"]) for row in self._rows("/orders", {})]

    def effects(self) -> list[Json]:
        """Return everything that really changed, by whomever, once each."""
        return list(self._rows("/effects", {"by": "any"}))

    def writes(self) -> list[Json]:
        """Return every call that meant to change something."""
        return list(self._rows("/calls", {"method": "POST"}))

    def arm(self, faults: Sequence[Json]) -> None:
        """Replace all faults; an empty list ends them."""
        self._call("PUT", "/faults", list(faults))

    def send_to(self, url: str, *, entry_id: str) -> None:
        """Have every change told to this callback."""
        self._call("PUT", "/webhooks", {"enabled": True, "url": url, "entry_id": entry_id})

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, method: str, path: str, body: Any = None) -> Json:
        answer = self._http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]

    def _rows(self, path: str, params: dict[str, str]) -> Iterator[Json]:
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            asked = {**params, "limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            answer = self._http.get(path, params=asked)
            answer.raise_for_status()
            page = answer.json()
            yield from page["data"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return
        raise RuntimeError(f"{path} has more than {MAX_PAGES} pages")
