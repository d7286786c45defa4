"""Orderwire as the judge reads it: its REST routes, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

Json = dict[str, Any]
PAGE = 100
MAX_PAGES = 5_000
OPEN = ("pending", "running", "waiting")
# Samples of the metrics that must come to zero: entries not drained, and reads of orders that are overdue.
UNDONE = ("orderwire_inbox_entries", 'orderwire_pending_syncs_due{of="order"}')
_TIMEOUT_S = 10.0


class Desk:
    """Reads orders, commands, timelines and readiness; raises httpx.HTTPError when there is no answer."""

    def __init__(self, url: str, api_key: str) -> None:
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {api_key}"}, timeout=_TIMEOUT_S
        )

    def orders(self) -> dict[str, Json]:
        """Return our copy of every order, by id."""
        return {str(row["id"]): row for row in self._rows("/v1/orders", {})}

    def commands(self) -> list[Json]:
        """Return every command."""
        return list(self._rows("/v1/commands", {}))

    def open_commands(self) -> list[Json]:
        """Return the commands that have not ended."""
        return [row for status in OPEN for row in self._rows("/v1/commands", {"status": status})]

    def running(self, *, timeout_s: float) -> list[Json]:
        """Return some of the commands somebody runs, or ran when killed."""
        params = {"status": "running", "limit": str(PAGE)}
        answer = self.http.get("/v1/commands", params=params, timeout=timeout_s)
        answer.raise_for_status()
        return list(answer.json()["data"])

    def command(self, command_id: str, *, timeout_s: float = _TIMEOUT_S) -> Json | None:
        """Return one command, None when it is not known."""
        answer = self.http.get(f"/v1/commands/{command_id}", timeout=timeout_s)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]

    def timeline(self, order_id: str) -> list[Json]:
        """Return what happened to an order, oldest first; nothing when it is not known."""
        answer = self.http.get(f"/v1/orders/{order_id}/timeline", params={"limit": PAGE})
        return list(answer.json()["data"]) if answer.status_code == httpx.codes.OK else []

    def left_undone(self) -> dict[str, float]:
        """Return what the metrics say still waits to be done, by name; nothing at zero."""
        answer = self.http.get("/metrics")
        answer.raise_for_status()
        rows = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
        return {name: count for name in UNDONE if (count := float(rows[name]))}

    def ready(self) -> bool:
        """Whether the API says that it and what it rests on are ready."""
        try:
            return self.http.get("/readyz", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def _rows(self, path: str, params: dict[str, str]) -> Iterator[Json]:
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            asked = {**params, "limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            answer = self.http.get(path, params=asked)
            answer.raise_for_status()
            page = answer.json()
            yield from page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return
        raise RuntimeError(f"{path} has more than {MAX_PAGES} pages")
