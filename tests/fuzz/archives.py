"""Mutated zip archives: a spoiled one is refused, or gives files whose bytes are those that were packed."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import BinaryIO

from segeval.errors import SegevalError
from segeval.stores.archives import Archive
from tests.fuzz.engine import CURRENT, WrongError
from tests.fuzz.mutations import spoiled

MOST = 1 << 20


def check(chance: Random) -> tuple[str, bytes]:
    """Make one mutated archive, list it and read all that is in it."""
    seed = chance.choice(seeds())
    data = spoiled(chance, seed, seeds())
    if chance.random() < 0.5:  # what counts is in the directory at the end
        half = len(seed) // 2
        data = seed[:half] + spoiled(chance, seed[half:])
    CURRENT.data = data

    @contextlib.contextmanager
    def opened() -> Iterator[BinaryIO]:
        yield io.BytesIO(data)

    try:
        archive = Archive("a.zip", opened)
    except SegevalError:
        return "refused", data
    read = 0
    for name in archive.files:
        if name.startswith("/") or ".." in name.split("/") or "\\" in name:
            raise WrongError(f"a name that leads out of the archive: {name!r}", data)
        try:
            content = archive.read(name, name=name, most=MOST)
        except SegevalError:
            continue
        read += 1
        if len(content) > MOST:
            raise WrongError(f"{len(content)} bytes were read", data)
        if content not in contents():
            raise WrongError("an entry was read as what nobody packed", data)
    return ("read" if read else "listed, nothing read"), data


@cache
def contents() -> tuple[bytes, ...]:
    """Return what the archives hold."""
    return b"\x89PNG" + bytes(range(256)) * 4, b"0" * 5000, b"x"


@cache
def seeds() -> tuple[bytes, ...]:
    """Return whole archives of several kinds."""
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for names in (("a.png", "b.png", "c.png"), ("m/a.png", "m/n/b.png", "m/ü.png")):
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, "w", method) as archive:
                for name, content in zip(names, contents(), strict=True):
                    archive.writestr(zipfile.ZipInfo(name), content, method)
            found.append(stream.getvalue())
    return tuple(found)
