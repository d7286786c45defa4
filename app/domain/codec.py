"""The codec of stored records: msgspec structs as JSON text with a schema version, and back.

RecordError
├── RecordUnversioned   the record was written before records had versions
└── RecordTooNew        the record was written by a newer version of Orderwire
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import msgspec

T = TypeVar("T", bound="Record")
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

# Rises by one with every change that the decoder of the version before cannot read.
SCHEMA_VERSION = 1


class RecordError(Exception):
    """A stored record cannot be read by this version; the message says what to do."""


class RecordUnversioned(RecordError):
    """The record carries no schema version."""


class RecordTooNew(RecordError):
    """The record carries a version that this Orderwire does not know."""


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of what is stored; subclasses add `kw_only=True`, and `array_like=True` where they are small."""


@dataclass(frozen=True, slots=True)
class Codec:
    """Reads and writes records. `upgrades` turns the JSON of a type's older version into the next one."""

    version: int = SCHEMA_VERSION
    upgrades: Mapping[tuple[type[Record], int], Upgrade] = field(default_factory=dict)
    _decoders: dict[type[Record], msgspec.json.Decoder[Any]] = field(default_factory=dict)

    def encode(self, record: Record) -> str:
        """Return the record as JSON text, the same text for equal records: its times are written in UTC."""
        fields = _ENCODER.encode(_in_utc(record)).decode()[1:]
        comma = "" if fields == "}" else ","  # every field may have its default, as in an empty address
        return f'{{"v":{self.version}{comma}{fields}'

    def decode(self, text: str, kind: type[T]) -> T:
        """Return the record that `encode` wrote, in this version or an older one.

        Raises:
            RecordUnversioned, RecordTooNew: as the module says.
            msgspec.ValidationError: the text is not such a record.
        """
        if text.startswith(f'{{"v":{self.version},'):
            decoder = self._decoders.get(kind) or self._decoders.setdefault(kind, msgspec.json.Decoder(kind))
            record: T = decoder.decode(text)
            return record
        raw = msgspec.json.decode(text, type=dict[str, Any])
        for version in range(self.known(raw.get("v"), kind.__name__), self.version):
            upgrade = self.upgrades.get((kind, version))
            raw = upgrade(raw) if upgrade else raw
        return msgspec.convert(raw, kind)

    def known(self, version: object, what: str) -> int:
        """Return the version of a stored `what` when this Orderwire can read it. Raises RecordError."""
        if isinstance(version, str) and version.isdecimal():  # a field of a hash
            version = int(version)
        if not isinstance(version, int):
            raise RecordUnversioned(
                f"a stored {what} has no schema version: a release before 0.1.0 wrote it. "
                "Start with an empty store (a new ORDERWIRE_DATA_DIR, or an empty Redis)"
            )
        if version > self.version:
            raise RecordTooNew(
                f"a stored {what} has schema version {version}; this Orderwire reads versions up to "
                f"{self.version}. Start the newer Orderwire that wrote it"
            )
        return version


CODEC = Codec()
encode, decode = CODEC.encode, CODEC.decode


def document(value: object) -> Any:
    """Return a record as plain JSON values with every field named, as REST and the wire show it."""
    if isinstance(value, msgspec.Struct):
        return {name: document(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple | list):
        return [document(one) for one in value]
    return format(value, "f") if isinstance(value, Decimal) else value


def _in_utc(record: Record) -> Record:
    times = [(name, getattr(record, name)) for name in _times(type(record))]
    moved = {name: at.astimezone(UTC) for name, at in times if at is not None and at.tzinfo is not UTC}
    return msgspec.structs.replace(record, **moved) if moved else record


@cache
def _times(kind: type[Record]) -> tuple[str, ...]:
    fields = msgspec.structs.fields(kind)
    return tuple(field.name for field in fields if field.type in (datetime, datetime | None))


_ENCODER = msgspec.json.Encoder(order="deterministic")
