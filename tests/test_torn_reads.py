"""Files that somebody writes while they are read: one content or the other, never a part of each."""

from __future__ import annotations

import io
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from segeval.errors import MaskError
from segeval.images import readers
from segeval.images.readers import decode_mask, read_bytes

OLD, NEW = b"o" * 4096, b"n" * 4096


def rewrite(path: Path, content: bytes) -> None:
    """Write in place, at a time of its own: a clock that stands still would hide it."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


@contextmanager
def while_reading(path: Path, *contents: bytes) -> Iterator[list[int]]:
    """Rewrite the file in the middle of each reading, as often as there are contents."""
    waiting = list(contents)
    readings: list[int] = []
    whole: Callable[[int, int], bytes] = readers._read_whole

    def half_of_each(descriptor: int, size: int) -> bytes:
        readings.append(size)
        first = os.read(descriptor, size // 2)
        if waiting:
            rewrite(path, waiting.pop(0))
        return first + whole(descriptor, size - len(first))

    with mock.patch.object(readers, "_read_whole", half_of_each):
        yield readings


def test_a_file_that_is_rewritten_once_at_equal_size_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(OLD)
    with while_reading(tmp_path / "x", NEW) as readings:
        assert read_bytes(tmp_path / "x", name="x") == NEW
    assert len(readings) == 2


@pytest.mark.parametrize("contents", [(NEW, OLD), (NEW + b"longer", OLD), (NEW[:100], OLD), (b"", OLD)])
def test_a_file_that_is_rewritten_again_is_refused(tmp_path: Path, contents: tuple[bytes, ...]) -> None:
    (tmp_path / "x").write_bytes(OLD)
    with while_reading(tmp_path / "x", *contents), pytest.raises(MaskError) as caught:
        read_bytes(tmp_path / "x", name="a/x.npy")
    assert caught.value.what == "a file changed while it was read"
    assert caught.value.where == ("a/x.npy",)


def test_a_file_that_is_replaced_by_a_rename_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(OLD)
    (tmp_path / "new").write_bytes(NEW)
    whole = readers._read_whole

    def replaced(descriptor: int, size: int) -> bytes:
        if (tmp_path / "new").exists():
            (tmp_path / "new").replace(tmp_path / "x")
        return whole(descriptor, size)

    with mock.patch.object(readers, "_read_whole", replaced):
        assert read_bytes(tmp_path / "x", name="x") == OLD
    assert read_bytes(tmp_path / "x", name="x") == NEW


def npy(value: int) -> bytes:
    target = io.BytesIO()
    np.save(target, np.full((512, 512), value, np.uint8))
    return target.getvalue()


def keep_rewriting(path: str, end: float) -> None:
    """Write one content over the other, in pieces, as a program that saves in place does; now and then rest."""
    contents = [npy(0), npy(1)]
    with open(path, "r+b", buffering=0) as file:  # noqa: PTH123
        for turn in range(int(end)):
            file.seek(0)
            content = contents[turn % 2]
            for start in range(0, len(content), 1 << 14):
                file.write(content[start : start + (1 << 14)])
            if turn % 400 == 0:
                multiprocessing.Event().wait(0.025)


@pytest.mark.slow  # on a loaded machine the writer itself may be kept waiting in the middle of a file
def test_a_writer_that_never_rests_for_long_is_never_read_in_part(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(npy(0))
    writer = multiprocessing.get_context("spawn").Process(target=keep_rewriting, args=(str(path), 100_000))
    writer.start()
    distinct: list[int] = []
    refusals: list[str] = []
    try:
        while writer.is_alive() and len(distinct) + len(refusals) < 150:
            time.sleep(0.003)  # so that the readings are spread over writing and rest
            try:
                distinct.append(len(np.unique(decode_mask(read_bytes(path, name="a.npy"), name="a.npy"))))
            except MaskError as error:
                refusals.append(error.what)
    finally:
        writer.kill()
        writer.join()
    assert set(distinct) <= {1}, "a part of each"
    assert set(refusals) <= {"a file changed while it was read"}
    assert len(distinct) + len(refusals) == 150
