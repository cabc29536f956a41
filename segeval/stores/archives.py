"""Zip archives read in place: the whole directory is held against its bounds before a byte is unpacked.

Python's zipfile parses the directory; entries are unpacked here, as many bytes as the directory says and no more.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from segeval.errors import MaskError, PairingError, printable

LARGEST_DIRECTORY = 1 << 27
"""Bytes of an archive's directory: a million entries with names of 80 characters."""
MOST_ENTRIES = 1 << 20
LONGEST_NAME = 1 << 12
MOST_UNPACKED = 1 << 40
"""Bytes that the entries of an archive may have together."""
PACK_AGAIN = "Pack the folder again, as in zip -r masks.zip masks"
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 1
_NOT_MASKS = "__MACOSX"
"""The folder in which macOS keeps what archives cannot."""

USUAL_EXTRA = 64
"""Bytes behind the name in the header of an entry: times and owners, as zip and macOS write them, have 28 to 36."""

Again = tuple[Callable[..., "Archive"], tuple[Any, ...]]
"""What makes an archive anew: a function and its arguments, both of which can be pickled."""
Opener = Callable[[], AbstractContextManager[BinaryIO]]
"""Gives a stream that can be sought in; it is left when an entry has been read, and is not shared between threads."""


class Archive:
    """A zip archive in the place of a folder; entries in one folder at its top are named from there on.

    `name` is what the folder would be called, `files` are the paths of its entries in code point order, and `problems`
    (path, reason) of those that cannot be read. Several threads may read at once.
    """

    def __init__(self, location: str, opened: Opener, *, again: Again | None = None, far: bool = False) -> None:
        """Read and check the directory; `location` is what errors call the archive. Raises `PairingError`.

        `again` says how a worker comes by it, by default from the path `location`; `far` that reads are requests to a
        store, of which many should be out at once.
        """
        self.location = location
        self.far = far
        self._opened = opened
        self._again: Again = again or (archive_at, (Path(location),))
        try:
            with opened() as stream:
                entries = _entries(stream, location)
        except OSError as error:
            raise PairingError(
                "an archive cannot be read", (f"{printable(location)}: {error.strerror or error}",), "Check the path"
            ) from error
        self.name = location.rpartition("/")[2].removesuffix(".zip")
        top = _top(entries)
        self._entries = {name[len(top) :]: entry for name, entry in entries.items()}
        reasons = {name: _unreadable(entry) for name, entry in self._entries.items()}
        self.files = tuple(sorted(name for name, reason in reasons.items() if not reason))
        self.problems = tuple(sorted((name, reason) for name, reason in reasons.items() if reason))

    def __str__(self) -> str:
        return self.location

    def __reduce__(self) -> tuple[Any, ...]:
        return self._again  # a worker reads the directory itself

    def read(self, file: str, *, name: str, most: int) -> bytes:
        """Return the bytes of an entry, checked against its checksum; raises `MaskError`."""
        entry = self._entries[file]
        if entry.file_size > most:
            where = f"{name}: {entry.file_size} bytes, the limit is {most}"
            fix = "Remove it from the archive, or raise --max-pixels if the size is meant"
            raise MaskError("a file is larger than any mask", (where,), fix)
        if not entry.file_size:
            raise MaskError("a file is empty", (name,), "Write the file again from its source, or remove it")
        try:
            with self._opened() as stream:
                packed = _packed(stream, entry)
            return _unpacked(packed, entry)
        except (OSError, zlib.error, struct.error, _DamagedError) as error:
            reason = f"{name}: {error}"
            raise MaskError("an entry of an archive is damaged", (reason,), PACK_AGAIN) from error


class _DamagedError(ValueError):
    """An entry is not what the directory says of it."""


def archive_at(path: Path) -> Archive:
    """Return the zip archive at a path of this machine, whose directory is read once; raises `PairingError`."""
    try:
        status = path.stat()
    except OSError as error:
        raise PairingError("an archive cannot be read", (f"{path}: {error.strerror}",), "Check the path") from error
    return _archive(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _archive(path: Path, changed: int, size: int) -> Archive:
    return Archive(str(path), lambda: path.open("rb", buffering=0))


def _entries(stream: BinaryIO, location: str) -> Mapping[str, zipfile.ZipInfo]:
    """Return the files of an archive by name; raises `PairingError` for what no honest archive has."""

    def refused(what: str, where: Iterable[str], fix: str = PACK_AGAIN) -> PairingError:
        return PairingError(what, [f"{printable(location)}: {printable(one)}" for one in where], fix)

    size, count = _directory(stream)
    if size > LARGEST_DIRECTORY or count > MOST_ENTRIES:
        raise refused("an archive has too large a directory", (f"{count:,} entries, {size:,} bytes",))
    try:
        found = zipfile.ZipFile(stream).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, UnicodeDecodeError) as error:
        raise refused("a file is no zip archive, or a damaged one", (str(error),)) from error
    if strange := [entry.orig_filename for entry in found if _is_strange(entry)]:
        raise refused("an archive has names that lead out of it, or are none", strange[:10])
    files = [entry for entry in found if not entry.is_dir() and not _is_hidden(entry.filename)]
    if doubled := [name for name, times in Counter(entry.filename for entry in files).items() if times > 1]:
        raise refused("an archive holds several files of one name", doubled[:10])
    unpacked = sum(entry.file_size for entry in files)
    if unpacked > MOST_UNPACKED:
        raise refused("an archive unpacks to more than its masks can need", (f"{unpacked:,} bytes",))
    if overlapping := next(_overlapping(found), None):
        raise refused("entries of an archive overlap", (overlapping.filename,))
    return {entry.filename: entry for entry in files}


def _directory(stream: BinaryIO) -> tuple[int, int]:
    """Return size and number of entries of the directory, as the archive's end says; (0, 0) where it has none."""
    end = stream.seek(0, 2)
    start = max(0, end - _END.size - (1 << 16))
    stream.seek(start)
    tail = stream.read(end - start)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        return 0, 0
    _, _, _, _, count, size, _, _ = _END.unpack_from(tail, at)
    locator = tail[max(0, at - _LOCATOR_64.size) : at]
    if locator[:4] == b"PK\6\7":
        _, _, offset, _ = _LOCATOR_64.unpack(locator)
        if offset > end:
            return 0, 0
        stream.seek(offset)
        record = stream.read(_END_64.size)
        if len(record) == _END_64.size and record[:4] == b"PK\6\6":
            _, _, _, _, _, _, _, count, size, _ = _END_64.unpack(record)
    return size, count


def _is_strange(entry: zipfile.ZipInfo) -> bool:
    """Tell names that are no path below a folder: absolute, with .. or an empty part, a drive, a control character."""
    name = entry.orig_filename
    parts = name.removesuffix("/").split("/")
    control = any(character < " " or character == "\x7f" for character in name)
    drive = len(parts[0]) == 2 and parts[0][1] == ":"
    return control or drive or "\\" in name or len(name) > LONGEST_NAME or bool({"", ".", ".."} & set(parts))


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == _NOT_MASKS for part in name.split("/"))


def _overlapping(entries: Iterable[zipfile.ZipInfo]) -> Iterator[zipfile.ZipInfo]:
    """Yield entries that begin before the one before them ends, so that bytes would be unpacked many times."""
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < end:
            yield entry
        end = entry.header_offset + _LOCAL.size + len(entry.orig_filename) + entry.compress_size


def _unreadable(entry: zipfile.ZipInfo) -> str:
    """Say why an entry cannot be read, "" where it can."""
    if entry.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "a link"
    if entry.compress_type not in (STORED, DEFLATED):
        return f"its packing, method {entry.compress_type}, is not read"
    return ""


def _top(names: Iterable[str]) -> str:
    """Return the one folder, with its slash, in which all files lie; "" where there is none."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    (top, *others) = tops or {""}
    return f"{top}/" if top and not others else ""


def _packed(stream: BinaryIO, entry: zipfile.ZipInfo) -> bytes:
    """Return the packed bytes of an entry, its header and itself as one read wherever the header is an ordinary one."""
    stream.seek(entry.header_offset)
    data = stream.read(_LOCAL.size + len(entry.orig_filename) + USUAL_EXTRA + entry.compress_size)
    if len(data) < _LOCAL.size:
        raise _DamagedError("the archive ends within it")
    magic, *_, name_length, extra_length = _LOCAL.unpack_from(data)
    if magic != b"PK\3\4":
        raise _DamagedError("the archive has changed, or its directory points elsewhere")
    start = _LOCAL.size + name_length + extra_length
    stop = start + entry.compress_size
    if len(data) < stop:
        data += _exactly(stream, stop - len(data))
    return data[start:stop]


def _exactly(stream: BinaryIO, size: int) -> bytes:
    parts = []
    while size:
        part = stream.read(min(size, 1 << 30))
        if not part:
            raise _DamagedError("the archive ends within it")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _unpacked(packed: bytes, entry: zipfile.ZipInfo) -> bytes:
    data = packed
    if entry.compress_type == DEFLATED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        data = inflater.decompress(packed, entry.file_size + 1)
    if len(data) != entry.file_size:
        raise _DamagedError(f"it unpacks to another size than {entry.file_size} bytes")
    if zlib.crc32(data) != entry.CRC:
        raise _DamagedError("its checksum is another")
    return data
