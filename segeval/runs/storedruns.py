"""Run files by name: paths of this machine, URLs of stores, and patterns of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO

from segeval.errors import RunFileError, SegevalError
from segeval.files.atomic import AtomicFile
from segeval.runs.file import commit_run, is_parquet, load_run, named_bytes, run_from_bytes, save_run
from segeval.runs.run import Run
from segeval.runs.unions import union
from segeval.stores.outputs import opened_output as opened_place
from segeval.stores.urls import LARGEST_FILE, Place, StoreUrl

if TYPE_CHECKING:
    from segeval.runs.merging import Merged

WILD = frozenset("*?[")


def load_named(named: Place) -> Run:
    """Read a run file of this machine or of a store; raises `RunFileError`."""
    if isinstance(named, Path):
        return load_run(named)
    from segeval.stores.files import read_url  # here and below for URLs alone

    try:
        data = read_url(named, most=LARGEST_FILE)
    except SegevalError as error:
        raise RunFileError("a run file cannot be read", error.where, error.fix) from error
    return run_from_bytes(data, name=str(named))


def save_named(run: Run, named: Place) -> None:
    """Write a run file to this machine or to a store, whole or not at all; raises `OutputError`."""
    if isinstance(named, Path):
        save_run(run, named)
    else:
        from segeval.stores.files import write_file

        write_file(named, named_bytes(run, named.name))


@contextmanager
def opened_output(named: Place) -> Iterator[Callable[[Run], None]]:
    """Prove the place of a run file before the work, and give what writes a run there; raises `OutputError`."""
    if is_parquet(named.name):
        from segeval.runs.parquet import require_pyarrow

        require_pyarrow(str(named))
    with opened_place(named) as place:
        if isinstance(place, AtomicFile):
            yield lambda run: commit_run(run, place)
        else:
            yield lambda run: place.commit(named_bytes(run, named.name))


@contextmanager
def united_into(output: Place, parts: Sequence[Place]) -> Iterator[tuple[Run, int, int]]:
    """Unite run files into one; gives it, how many there were, and their rows together.

    What reads or writes Parquet does so in bounded memory. Raises `OutputError`, and `RunFileError` as
    `segeval.runs.unions.union` does; an old file stays then.
    """
    if isinstance(output, Path) and is_parquet(output.name):
        from segeval.runs.parquet import require_pyarrow

        require_pyarrow(str(output))
        with AtomicFile(output) as file:
            merged = _merged(parts, file.stream())
            file.commit(b"")
        yield load_named(output), merged.parts, merged.rows
        return
    with opened_output(output) as save:
        if not any(is_parquet(part.name) for part in parts):
            named = [(str(part), load_named(part)) for part in parts]
            united, rows = union(named), sum(len(run.rows) for _, run in named)
            save(united)
        elif len(parts) == 1:
            united = load_named(parts[0])
            save(united)
            rows = len(united.rows)
        else:
            from segeval.runs.parquet import read_parquet, require_pyarrow

            require_pyarrow(str(parts[0]))
            with TemporaryFile() as stream:
                rows = _merged(parts, stream).rows
                stream.seek(0)
                united = read_parquet(stream, str(output))
                save(united)
                yield united, len(parts), rows
            return
    yield united, len(parts), rows


def _merged(parts: Sequence[Place], stream: BinaryIO) -> Merged:
    from segeval.runs.merging import merge_files

    return merge_files(list(map(str, parts)), lambda place: load_named(parts[place]), stream)


def expanded(parts: Iterable[Place]) -> list[Place]:
    """Return the run files that names and patterns stand for; raises `RunFileError` where one has none.

    A `*` stands for any part of a name, and not for a slash.
    """
    found: list[Place] = []
    for part in parts:
        text = str(part)
        if not WILD & set(text) or (isinstance(part, Path) and part.exists()):
            found.append(part)
            continue
        matching: list[Place] = list(_matching(part)) if isinstance(part, StoreUrl) else _paths(text)
        if not matching:
            raise RunFileError("no run file is called so", (text,), "Check the pattern, and that the parts are there")
        found.extend(matching)
    return found


def _paths(pattern: str) -> list[Place]:
    import glob

    return [Path(name) for name in sorted(glob.glob(pattern))]  # noqa: PTH207  # the pattern may be absolute


def _matching(pattern: StoreUrl) -> Iterable[StoreUrl]:
    """Yield the files of a store that match; the folder above the first wildcard is listed."""
    from fnmatch import fnmatchcase

    from segeval.stores.files import list_files

    parts = pattern.path.split("/")
    fixed = next(place for place, part in enumerate(parts) if WILD & set(part))
    folder = StoreUrl(pattern.scheme, "/".join(parts[:fixed]), pattern.timeout)
    wanted = parts[fixed:]
    for name in list_files(folder)[0]:
        names = name.split("/")
        if len(names) == len(wanted) and all(map(fnmatchcase, names, wanted)):
            yield folder / name
