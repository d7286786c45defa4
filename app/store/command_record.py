"""A command as its hash of texts, and back."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.codec import Record, decode, encode
from app.domain.commands import Attempt, Change, Command, CommandKind, CommandStatus, WireRequest
from app.domain.timeline import Cause
from app.store.times import time_of, time_or_none


class FixedPart(Record, frozen=True, kw_only=True):
    """What never changes about a command and no script looks at; its version is that of the whole hash."""

    cause: Cause
    change: Change


def fixed_part(command: Command) -> str:
    """Return the fixed part of the command as the hash keeps it."""
    return encode(FixedPart(cause=command.cause, change=command.change))


def command_of(fields: Mapping[str, str]) -> Command | None:
    """Return the command of a hash, None for an empty one. Raises RecordError."""
    if "document" not in fields:
        return None
    fixed = decode(fields["document"], FixedPart)
    attempts = (decode(text, Attempt) for name, text in fields.items() if name.startswith("attempt:"))
    wire = fields.get("wire")
    return Command(
        id=fields["id"],
        order_id=fields["order_id"],
        shop_id=fields["shop_id"],
        kind=CommandKind(fields["kind"]),
        change=fixed.change,
        status=CommandStatus(fields["status"]),
        idempotency_key=fields["idempotency_key"],
        created_at=time_of(fields["created_at"]),
        cause=fixed.cause,
        wire=decode(wire, WireRequest) if wire else None,
        attempts=tuple(sorted(attempts, key=lambda attempt: attempt.number)),
        attempts_before=int(fields.get("attempts_before", "0")),
        next_attempt_at=time_or_none(fields.get("next_attempt_at")),
        finished_at=time_or_none(fields.get("finished_at")),
        error=fields.get("error") or None,
    )
