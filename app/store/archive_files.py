"""The archive's files: NDJSON in gzip members, written once, whole, and never changed.

A file is `orders-<number>.ndjson.gz`, one order a line; `zcat` reads them all. It appears under its name only
when all of it is on disk, so a crash leaves a file or none. A member holds few lines, so that one order is
read without the rest of its file.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from app.store.failures import ArchiveBroken, ArchiveFileTaken

# An order is read in about a millisecond; more lines a member compress hardly better.
MEMBER_LINES = 32
# Far above what 32 orders of a thousand timeline entries take: more than this is no archive of ours.
MAX_MEMBER_BYTES = 64 * 1024 * 1024
_READ_BYTES = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an order stands: number of the file, where its gzip member begins, line within the member."""

    file: int
    offset: int
    line: int

    def __str__(self) -> str:
        return f"{self.file}.{self.offset}.{self.line}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that `str` wrote."""
        file, offset, line = text.split(".")
        return cls(file=int(file), offset=int(offset), line=int(line))


class ArchiveFiles:
    """The folder of the archive. It is made with the first file; only its owner may look into it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, number: int, lines: Sequence[str]) -> list[Place]:
        """Write a new file of these lines and return their places; when it returns they are on disk.

        Raises:
            ArchiveFileTaken: there is a file of that number; take the next.
            ArchiveBroken: the folder cannot be written.
        """
        content, places = _members(number, lines)
        whole = self._path(number)
        part = self._folder / f".{uuid4().hex}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _put_on_disk(part, content)
            _name(part, whole)
            _sync_folder(self._folder)
        except OSError as error:
            raise ArchiveBroken(
                f"the archive cannot write {whole} ({error.strerror}); nothing left Redis. Make the folder "
                "writable, or set ORDERWIRE_ARCHIVE_AFTER_DAYS=0 to archive nothing"
            ) from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return places

    def read(self, place: Place) -> str:
        """Return the line at that place.

        Raises:
            ArchiveBroken: the file is not there, or not what was written.
        """
        path = self._path(place.file)
        try:
            with path.open("rb") as file:
                file.seek(place.offset)
                unpacker = zlib.decompressobj(_GZIP)
                member = bytearray()
                while not unpacker.eof and len(member) < MAX_MEMBER_BYTES and (raw := file.read(_READ_BYTES)):
                    member += unpacker.decompress(raw, MAX_MEMBER_BYTES - len(member))
            if unpacker.eof:
                return member.decode().split("\n")[place.line]
            reason = "it ends too early"
        except FileNotFoundError:
            reason = "it is not there"
        except (OSError, zlib.error, UnicodeDecodeError, IndexError) as error:
            reason = str(error)
        raise ArchiveBroken(
            f"{path} holds archived orders and cannot be read ({reason}); put the archive's folder back "
            "where ORDERWIRE_DATA_DIR says, for the API and for the workers"
        )

    def remove(self, number: int) -> None:
        """Remove a file none of whose orders left Redis."""
        self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"orders-{number:09d}.ndjson.gz"


def _members(number: int, lines: Sequence[str]) -> tuple[bytes, list[Place]]:
    content, places = bytearray(), []
    for start in range(0, len(lines), MEMBER_LINES):
        chosen = lines[start : start + MEMBER_LINES]
        places += [Place(file=number, offset=len(content), line=line) for line in range(len(chosen))]
        text = "".join(f"{line}\n" for line in chosen)
        content += gzip.compress(text.encode(), mtime=0)
    return bytes(content), places


def _put_on_disk(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _name(part: Path, whole: Path) -> None:
    try:
        os.link(part, whole)  # unlike a renaming, it never replaces a file
    except FileExistsError as error:
        raise ArchiveFileTaken(f"{whole} exists already; the next number is to be tried") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
