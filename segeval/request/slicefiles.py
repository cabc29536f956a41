"""A file that tells of each image what slices it is in: CSV, JSON Lines or Parquet with a column `key`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, BinaryIO

from segeval.errors import UsageError
from segeval.files.usertexts import json_data
from segeval.records import dataclass
from segeval.stores.urls import Place
from segeval.stores.userfiles import read_user_file, user_bytes

KEY = "key"
LARGEST_FILE = 1 << 26
"""Bytes of a file of slices: a hundred for each of 600,000 images."""
FORM = f"Give a table with a column '{KEY}', which holds the images' keys, and any others"
Record = tuple[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class SliceFile:
    """Hold the values of every column by key, as text; an image without a value of a column is not in it.

    `keys` are all that the file names, in its order.
    """

    name: str
    keys: tuple[str, ...]
    columns: Mapping[str, Mapping[str, str]]


def read_slice_file(path: Place) -> SliceFile:
    """Read a file of slices by its suffix: .csv, .jsonl or .parquet.

    Raises `UsageError` for a file that is none of them, has no column `key`, is too large, or gives one key two values.
    """
    readers = {".csv": _csv_records, ".jsonl": _json_records, ".parquet": _parquet_records}
    reader = readers.get(path.suffix.casefold())
    if reader is None:
        raise UsageError(
            "a file of slices is CSV, JSON Lines or Parquet", (str(path),), "End its name in .csv, .jsonl or .parquet"
        )
    keys: dict[str, None] = {}
    columns: dict[str, dict[str, str]] = {}
    doubled: list[str] = []
    for key, values in reader(path):
        keys[key] = None
        for name, value in values.items():
            column = columns.setdefault(name, {})
            if value and column.setdefault(key, value) != value:
                doubled.append(f"{key}: {name} is {column[key]} and {value}")
    if doubled:
        raise UsageError(f"{path} puts images into two slices of a column", doubled, "Give each image one value")
    if not keys:
        raise UsageError("a file of slices names no image", (str(path),), FORM)
    return SliceFile(str(path), tuple(keys), columns)


def _csv_records(path: Place) -> Iterator[Record]:
    text = read_user_file(path, most=LARGEST_FILE)
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        names = next(reader, [])
        _check_names(path, names)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names):
                what = f"a line of a file of slices has {len(cells)} cells, its heading {len(names)}"
                raise UsageError(what, (f"{path}: line {reader.line_num}",), "Give every line as many as the heading")
            values = dict(zip(names, cells, strict=True))
            yield values.pop(KEY), values
    except csv.Error as error:
        raise UsageError(f"a file of slices is no CSV: {error}", (f"{path}: line {reader.line_num}",), FORM) from None


def _json_records(path: Place) -> Iterator[Record]:
    for number, line in enumerate(read_user_file(path, most=LARGEST_FILE).splitlines(), 1):
        if not line.strip():
            continue
        place = (f"{path}: line {number}",)
        try:
            record = json_data(line)
        except ValueError as error:
            raise UsageError(f"a line of a file of slices is no JSON: {error}", place, FORM) from None
        if not isinstance(record, dict) or not isinstance(record.get(KEY), str):
            raise UsageError(f"a line of a file of slices is no object with a text '{KEY}'", place, FORM)
        yield record.pop(KEY), _texts(record, place)


def _parquet_records(path: Place) -> Iterator[Record]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise UsageError(
            "reading Parquet needs pyarrow, which is not installed",
            (str(path),),
            "Install it: pip install 'segeval-masks[parquet]', or give the slices as CSV",
        ) from None
    try:
        with _opened(path) as opened:
            file = parquet.ParquetFile(opened)
            _check_names(path, list(file.schema_arrow.names))
            for batch in file.iter_batches():
                for record in batch.to_pylist():
                    key = record.pop(KEY)
                    if not isinstance(key, str):
                        raise UsageError("a key of a file of slices is no text", (f"{path}: {key}",), FORM)
                    yield key, _texts(record, (f"{path}: {key}",))
    except OSError as error:
        told = error.strerror or str(error)
        raise UsageError("a file cannot be read", (f"{path}: {told}",), "Check the path of --slices") from None
    except ArrowException as error:
        told = (str(error).splitlines() or [""])[0]
        raise UsageError("a file of slices is no Parquet", (f"{path}: {told}",), FORM) from None


def _opened(path: Place) -> BinaryIO:
    return path.open("rb") if isinstance(path, Path) else BytesIO(user_bytes(path, most=LARGEST_FILE)[1])


def _texts(record: Mapping[Any, Any], place: tuple[str, ...]) -> dict[str, str]:
    """Return the values of a record as text; what is null is left empty."""
    found = {}
    for name, value in record.items():
        if isinstance(value, list | dict):
            raise UsageError(f"a value of a file of slices is no plain one: {name}", place, FORM)
        if isinstance(value, bool):
            found[str(name)] = "true" if value else "false"
        else:
            found[str(name)] = "" if value is None else str(value)
    return found


def _check_names(path: Place, names: Iterable[str]) -> None:
    listed = list(names)
    if KEY not in listed:
        raise UsageError(f"a file of slices has no column '{KEY}'", (f"{path}: {', '.join(listed)}",), FORM)
    doubled = sorted({name for name in listed if listed.count(name) > 1})
    if doubled:
        raise UsageError("a file of slices has two columns of one name", doubled, "Give each a name of its own")
