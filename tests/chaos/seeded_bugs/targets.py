"""Where seeded bugs go in: every module path and attribute of the application that they touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One attribute to replace; `uses` names what the replacement reads from the same module."""

    module: str
    attribute: str
    uses: tuple[str, ...] = ()

    def replace(self, module: Any, make: Callable[[Any, Any], Any]) -> None:
        """Replace the attribute by `make(original, module)`. Raises AttributeError when one is missing."""
        self.check(module)
        owner, _, name = self.attribute.rpartition(".")
        setattr(_find(module, owner), name, make(self.find(module), module))

    def check(self, module: Any) -> None:
        """Raise AttributeError unless the module has all that is used of it."""
        for name in self.uses:
            _find(module, name)

    def find(self, module: Any) -> Any:
        """Return what stands at the attribute. Raises AttributeError when it is not found."""
        return _find(module, self.attribute)


INBOX_ACCEPT = Target(
    module="app.store.inbox", attribute="AsyncInbox.accept", uses=("Receipt", "keys.SEEN_PREFIX")
)
CLIENT_SEND = Target(module="app.graph.client", attribute="GraphClient.send", uses=("WireRequest",))
NEXT_STEP = Target(module="app.services.settle", attribute="Settle.next_step", uses=("Again",))
UNCERTAIN = Target(module="app.services.run", attribute="_uncertain")
SCRIPT_TEXT = Target(module="app.store.script", attribute="text_of")
COMMANDS_ACCEPT = Target(module="app.store.commands", attribute="Commands.accept")
CONSUMER_COUNTS_S = Target(module="app.services.drain_loop", attribute="ACTIVE_S")
RECONCILE = Target(module="app.services.reconcile", attribute="Reconcile.reconcile")

LEASE_SCRIPT = "command_lease"
LEASE_GUARDS = (
    "if tonumber(found[3]) > now then return { 'leased', found[3], shop } end",
    "if redis.call('LINDEX', at.lane, 0) ~= id then return { 'not_head', '', shop } end",
)


def _find(module: Any, path: str) -> Any:
    found = module
    for name in path.split(".") if path else ():
        if not hasattr(found, name):
            raise AttributeError(f"{module.__name__} has no {path}; mend tests/chaos/seeded_bugs/targets.py")
        found = getattr(found, name)
    return found
