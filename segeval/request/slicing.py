"""What slices a user asks for: columns of a file by key, expressions that find a value in the key, and `--by`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from fnmatch import fnmatchcase

from segeval.errors import UsageError, did_you_mean
from segeval.folders.roots import root_of
from segeval.records import dataclass
from segeval.request.options import SliceOptions
from segeval.request.slicefiles import SliceFile, read_slice_file

CLASS_SIZE = "class-size"
"""What `--by` calls the slices by the size of objects, which the masks themselves tell."""
MOST_BINS = 100
MOST_SLICES = 100
"""Slices of one column: of more nobody reads the scores."""


@dataclass(frozen=True, slots=True)
class Column:
    """Name one column of slices, and how many ranges its numbers are put into, `None` for the values as they are."""

    name: str
    bins: int | None = None

    def __str__(self) -> str:
        return self.name if self.bins is None else f"{self.name}:{self.bins}"


@dataclass(frozen=True, slots=True)
class Slicing:
    """Hold the slices asked for.

    Each entry of `by` is one table of slices: a column, or several whose values are crossed. `file` has the values of
    columns by key, `patterns` the expressions that find those of others in the key itself.
    """

    by: tuple[tuple[Column, ...], ...]
    file: SliceFile | None = None
    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    def values(self, name: str, keys: Sequence[str], chosen: str | None = None) -> list[str]:
        """Return the value of a column for each key.

        `chosen` is the glob of a run that holds some of the images only: a file may tell of the others too. Raises
        `UsageError` with the keys that have no value, and with those of the file that the run does not have.
        """
        if name in self.patterns:
            return self._found(name, keys)
        told = {} if self.file is None else self.file.columns.get(name, {})
        if self.file is not None:
            known = set(keys)
            others = [key for key in self.file.keys if key not in known]
            strangers = [key for key in others if chosen is None or fnmatchcase(key, chosen)]
            if strangers:
                raise UsageError(
                    "the file of slices names images that are not scored",
                    [f"{self.file.name}: {key}" for key in strangers],
                    f"Give keys as they are scored, such as {keys[0]}, or take these lines out",
                )
        without = [key for key in keys if key not in told]
        if without:
            raise UsageError(
                f"images have no value of '{name}'", without, "Give every image a value in the file of --slices"
            )
        return [told[key] for key in keys]

    def _found(self, name: str, keys: Sequence[str]) -> list[str]:
        pattern = self.patterns[name]
        found = [pattern.search(key) for key in keys]
        parts = [match and match[min(1, pattern.groups)] for match in found]
        without = [key for key, part in zip(keys, parts, strict=True) if part is None]
        if without:
            raise UsageError(
                f"--slice-regex {name}={pattern.pattern} finds nothing in some keys",
                without,
                "Give an expression that matches every key",
            )
        return [part for part in parts if part is not None]


def asked_slices(options: SliceOptions) -> Slicing | None:
    """Return the slices that options ask for, their file read; `None` for none. Raises `UsageError`."""
    by, path, patterns = options.get("by"), options.get("slices"), options.get("slice_regex")
    given = read_patterns(patterns)
    if not by:
        if path is not None or given:
            raise UsageError(
                "slices are named, and nothing says by which column to show them",
                (str(path) if path is not None else ", ".join(given),),
                f"Add --by {next(iter(given), 'NAME')}",
            )
        return None
    columns = parse_by(by)
    file = None if path is None else read_slice_file(root_of(path))
    known = [*(() if file is None else file.columns), *given]
    for column in dict.fromkeys(column for crossed in columns for column in crossed):
        if column.name not in known and column.name != CLASS_SIZE:
            raise _unknown(column.name, known)
    both = sorted({*given} & {*(() if file is None else file.columns)})
    if both:
        raise UsageError(
            "a column of slices is in the file and in --slice-regex", both, "Give one of them another name"
        )
    return Slicing(columns, file, given)


def _unknown(name: str, known: Sequence[str]) -> UsageError:
    if not known:
        return UsageError(
            f"--by names a column, '{name}', and nothing tells its values",
            (),
            f"Add --slices FILE with a column of this name, or --slice-regex {name}=REGEX",
        )
    return UsageError(
        "there is no column of slices of this name",
        (name,),
        f"{did_you_mean(name, known)}Columns are {', '.join(known)}, {CLASS_SIZE}",
    )


def parse_by(by: str | Sequence[str]) -> tuple[tuple[Column, ...], ...]:
    """Read "city,weather*fog:4": each part by itself, of which a product is crossed; raises `UsageError`."""
    texts = [part for text in ((by,) if isinstance(by, str) else by) for part in text.split(",")]
    found = []
    for text in texts:
        crossed = tuple(_column(part.strip(), text) for part in text.split("*"))
        names = [column.name for column in crossed]
        if len(set(names)) < len(names) or (CLASS_SIZE in names and len(names) > 1):
            raise UsageError("--by cannot cross these columns", (text,), f"Cross columns that differ; not {CLASS_SIZE}")
        found.append(crossed)
    if len(set(found)) < len(found):
        raise UsageError("--by names a column twice", (",".join(texts),), "Name each once")
    return tuple(found)


def _column(text: str, whole: str) -> Column:
    name, colon, bins = text.rpartition(":")
    if not colon:
        name, bins = text, ""
    if not name or (colon and not (bins.isascii() and bins.isdecimal() and 2 <= int(bins) <= MOST_BINS)):
        raise UsageError(
            "--by is no list of columns",
            (whole,),
            f"Write it as in --by city,weather*time,fog:4, with 2 to {MOST_BINS} ranges of a number",
        )
    if name == CLASS_SIZE and bins:
        raise UsageError(f"{CLASS_SIZE} has three sizes", (whole,), f"Write --by {CLASS_SIZE}")
    return Column(name, int(bins) if bins else None)


def read_patterns(patterns: str | Sequence[str] | Mapping[str, str] | None) -> dict[str, re.Pattern[str]]:
    """Read NAME=REGEX; raises `UsageError` for what is none, and for a name that is given twice."""
    if isinstance(patterns, Mapping):
        pairs = list(patterns.items())
    else:
        texts = (patterns,) if isinstance(patterns, str) else patterns or ()
        pairs = [(text.partition("=")[0].strip(), text.partition("=")[2]) for text in texts]
    found: dict[str, re.Pattern[str]] = {}
    for name, text in pairs:
        if not name or not text or name == CLASS_SIZE:
            raise UsageError(
                "a slice must be NAME=REGEX", (f"{name}={text}",), "Write it as in --slice-regex city='^[^/]+'"
            )
        if name in found:
            raise UsageError("--slice-regex names a column twice", (name,), "Give each a name of its own")
        try:
            found[name] = re.compile(text)
        except re.error as error:
            raise UsageError(
                f"--slice-regex '{text}' is not a regular expression: {error}", (name,), "Fix the expression"
            ) from None
    return found
