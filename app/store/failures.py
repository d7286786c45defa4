"""What can go wrong in this room.

StoreError
├── StoreUnavailable    Redis is away, loading, read-only, full or misconfigured: try again later
│   └── InboxFull       entries wait for workers, more than the inbox may hold
├── ArchiveBroken       a file of the archive is gone, damaged, or cannot be written
│   └── ArchiveFileTaken    a file of that number is there already
├── LaneFull            one order has more open commands than a lane may hold
└── SealBroken          a sealed text does not open with any key of the ring
"""

from __future__ import annotations


class StoreError(Exception):
    """Something in the store went wrong; its message names what, and what to do."""


class StoreUnavailable(StoreError):
    """Redis cannot take or answer this now; nothing may be reported as stored."""


class InboxFull(StoreUnavailable):
    """The inbox holds as many entries as it may: the workers have not drained it for long."""


class ArchiveBroken(StoreError):
    """A file of the archive cannot be read or written; its message names it and says what to do."""


class ArchiveFileTaken(ArchiveBroken):
    """Another file has that number; nothing was written."""


class LaneFull(StoreError):
    """The lane of one order holds as many open commands as it may."""


class SealBroken(StoreError):
    """A sealed text was altered, moved to another record, or sealed with a key that is not in the ring."""
