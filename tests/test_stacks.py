"""TIFF files of several images as volumes (`--stack`): voxels as libtiff packs them, and files that are no stack."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval import inspect, score, verify
from segeval.errors import MaskError, UsageError
from segeval.images.readers import read_mask
from segeval.images.tiff import MOST_PAGES
from segeval.protocol.palettes import Palette
from segeval.protocol.storage import SideStorage

Array = NDArray[Any]
STACKED = SideStorage(stack=True)
VOLUME = np.random.default_rng(3).integers(0, 5, (4, 7, 9)).astype(np.uint8)


def packed(slices: Array, compression: str | None = "tiff_lzw", **options: Any) -> bytes:
    """Write slices as Pillow and libtiff do."""
    first, *others = (Image.fromarray(one) for one in slices)
    target = io.BytesIO()
    first.save(target, "TIFF", save_all=True, append_images=others, compression=compression, **options)
    return target.getvalue()


def read(data: bytes, storage: SideStorage = STACKED, **options: Any) -> Array:
    return read_mask(data, name="a.tif", storage=storage, **options)[0]


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
@pytest.mark.parametrize("big", [False, True])
def test_slices_are_those_that_were_packed(compression: str | None, dtype: Any, big: bool) -> None:
    volume = VOLUME.astype(dtype)
    found = read(packed(volume, compression, big_tiff=big))
    assert found.dtype == dtype
    assert np.array_equal(found, volume)


def test_floats_palettes_and_channels_are_read_as_in_single_images() -> None:
    assert np.array_equal(read(packed(VOLUME.astype(np.float32)), SideStorage(stack=True, cast_labels=True)), VOLUME)
    colours = np.stack([VOLUME, 9 - VOLUME, VOLUME * 2], axis=-1)
    assert np.array_equal(read(packed(colours), SideStorage(stack=True, channel="B")), VOLUME * 2)
    palette = Palette({(value, 9 - value, value * 2): value for value in range(5)}, "p")
    assert np.array_equal(read(packed(colours), palette=palette), VOLUME)
    gray, facts = read_mask(packed(np.repeat(VOLUME[..., None], 3, axis=-1)), name="a.tif", storage=STACKED)
    assert np.array_equal(gray, VOLUME)
    assert facts is not None
    assert facts.gray_as_rgb


def test_one_image_is_an_image() -> None:
    assert read(packed(VOLUME[:1])).shape == (7, 9)


def test_a_stack_scores_as_its_slices_side_by_side(tmp_path: Path) -> None:
    other = np.where(np.random.default_rng(4).random(VOLUME.shape) < 0.8, VOLUME, 0).astype(np.uint8)
    for side, volume in (("gt", VOLUME), ("pred", other)):
        (tmp_path / side).mkdir()
        (tmp_path / side / "a.tif").write_bytes(packed(volume))
        (tmp_path / f"flat_{side}").mkdir()
        Image.fromarray(volume.reshape(-1, 9)).save(tmp_path / f"flat_{side}" / "a.png")
    folders = tmp_path / "pred", tmp_path / "gt"
    found = score(*folders, stack=True)
    assert found.scores == score(tmp_path / "flat_pred", tmp_path / "flat_gt").scores
    assert verify(str(found.signature), f"miou={found.scores['miou']!r}", *folders).holds(strict=True)
    assert inspect(*folders, stack=True).ready
    told = inspect(*folders)
    assert not told.ready
    assert any("--stack" in finding.fix for finding in told.findings)
    with pytest.raises(MaskError, match="several images") as raised:
        score(*folders)
    assert "--stack" in raised.value.fix
    with pytest.raises(UsageError, match="of label masks"):
        score(*folders, stack=True, probs=True)


# What is refused


@pytest.mark.parametrize("other", [VOLUME[:, :6], VOLUME.astype(np.uint16), np.repeat(VOLUME[..., None], 3, axis=-1)])
def test_images_that_differ_are_no_stack(other: Array) -> None:
    first, *others = (Image.fromarray(one) for one in (*VOLUME[:2], other[0]))
    target = io.BytesIO()
    first.save(target, "TIFF", save_all=True, append_images=others)
    with pytest.raises(MaskError, match="are no stack") as raised:
        read(target.getvalue())
    assert "image 1:" in raised.value.where[0]
    assert "image 3:" in raised.value.where[0]


def next_of(data: bytes | bytearray, page: int) -> int:
    """Return where the directory of a page says what follows."""
    at = 4
    for _ in range(page + 1):
        (start,) = struct.unpack_from("<I", data, at)
        (count,) = struct.unpack_from("<H", data, start)
        at = start + 2 + 12 * count
    return at


@pytest.mark.parametrize("to", [0, 1, 3])
def test_directories_that_lead_back_are_refused(to: int) -> None:
    data = bytearray(packed(VOLUME))
    (start,) = struct.unpack_from("<I", data, 4 if to == 0 else next_of(data, to - 1))
    struct.pack_into("<I", data, next_of(data, 3), start)
    with pytest.raises(MaskError, match="damaged"):
        read(bytes(data))


@pytest.mark.parametrize("to", [1, 7, 2**31, 2**32 - 1])
def test_directories_beyond_the_file_are_refused(to: int) -> None:
    data = bytearray(packed(VOLUME))
    struct.pack_into("<I", data, next_of(data, 1), to)
    with pytest.raises(MaskError):
        read(bytes(data))


def test_a_cut_is_refused_or_changes_nothing() -> None:
    data = packed(VOLUME, None)
    read_whole = 0
    for size in range(8, len(data), 7):
        try:
            found = read(data[:size])
        except MaskError:
            continue
        assert np.array_equal(found, VOLUME)  # what follows the last strip is padding
        read_whole += 1
    assert read_whole < 5


def test_pixels_are_bounded_over_all_slices_and_pages_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed(VOLUME)
    assert read(data, max_pixels=VOLUME.size).shape == VOLUME.shape
    with pytest.raises(MaskError, match="more pixels than the limit"):
        read(data, max_pixels=VOLUME.size - 1)
    # One strip shared by very many directories of one pixel each.
    tags = [
        (256, 4, 1, 1),
        (257, 4, 1, 1),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (279, 4, 1, 1),
    ]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    size = 2 + len(entries) + 4
    pages = [
        struct.pack("<H", len(tags)) + entries + struct.pack("<I", 12 + size * (place + 1)) for place in range(1001)
    ]
    start = time.process_time()
    monkeypatch.setattr("segeval.images.tiff.MOST_PAGES", 1000)
    with pytest.raises(MaskError, match="damaged") as raised:
        read(b"II*\0" + struct.pack("<I", 12) + b"\1\0\0\0" + b"".join(pages))
    assert "more than 1,000" in str(raised.value)
    assert (time.process_time() - start) * MOST_PAGES / 1000 < 10
