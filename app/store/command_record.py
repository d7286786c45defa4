"""A command as its hash of texts, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.domain.commands import Attempt, Command, CommandKind, CommandStatus, WireRequest
from app.domain.documents import (
    attempt_from_document,
    change_document,
    change_from_document,
    document_text,
)
from app.store.times import time_of, time_or_none


def fixed_part(command: Command) -> str:
    """Return, as JSON text, what never changes about a command and no script looks at."""
    return document_text({"cause": command.cause, "change": change_document(command.change)})


def wire_text(wire: WireRequest) -> str:
    """Return the exact request as JSON text."""
    return document_text({"path": wire.path, "body": wire.body})


def command_of(fields: Mapping[str, str]) -> Command | None:
    """Return the command of a hash, None for an empty one."""
    if "document" not in fields:
        return None
    fixed = json.loads(fields["document"])
    kind = CommandKind(fields["kind"])
    return Command(
        id=fields["id"],
        order_id=fields["order_id"],
        shop_id=fields["shop_id"],
        kind=kind,
        change=change_from_document(kind, fixed["change"]),
        status=CommandStatus(fields["status"]),
        idempotency_key=fields["idempotency_key"],
        created_at=time_of(fields["created_at"]),
        cause=fixed["cause"],
        wire=WireRequest(**json.loads(fields["wire"])) if fields.get("wire") else None,
        attempts=_attempts(fields),
        attempts_before=int(fields.get("attempts_before", "0")),
        next_attempt_at=time_or_none(fields.get("next_attempt_at")),
        finished_at=time_or_none(fields.get("finished_at")),
        error=fields.get("error") or None,
    )


def _attempts(fields: Mapping[str, str]) -> tuple[Attempt, ...]:
    found = (
        attempt_from_document(json.loads(text))
        for field, text in fields.items()
        if field.startswith("attempt:")
    )
    return tuple(sorted(found, key=lambda attempt: attempt.number))
