"""Times as the store keeps them: whole microseconds since 1970, which a sorted set's score holds exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(time: datetime) -> int:
    """Return the aware time as microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def time_of(stored: str | float) -> datetime:
    """Return the aware UTC time of stored microseconds."""
    return _EPOCH + timedelta(microseconds=int(stored))


def time_of_row(stream_id: str) -> datetime:
    """Return when Redis took a row into a stream, to the millisecond, by Redis's own clock."""
    return _EPOCH + timedelta(milliseconds=int(stream_id.partition("-")[0]))


def time_or_none(stored: str | None) -> datetime | None:
    """Return the time, or None where nothing is stored."""
    return time_of(stored) if stored else None
