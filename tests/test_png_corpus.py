"""The second decoder must itself be right: it is held against hand-written bytes, Pillow and its own encoder."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.corpora import png_corpus as corpus


def test_decodes_a_file_written_by_hand() -> None:
    # Two rows of three 2-bit pixels, 0b11_00_01 and, above plus one byte, 0b11_00_01 + 0b00_01_00 = 0b11_01_01.
    rows = bytes((0, 0b11000100, 2, 0b00010000))
    data = corpus.png(corpus.header(3, 2, 2, corpus.GRAY), corpus.chunk(b"IDAT", zlib.compress(rows)))
    color, depth, samples = corpus.decode(data)
    assert (color, depth, samples.tolist()) == (0, 2, [[3, 0, 1], [3, 1, 1]])


def test_the_passes_of_a_small_interlaced_image_are_in_the_order_of_the_specification() -> None:
    samples = np.arange(25).reshape(5, 5)
    # Passes: the corner; column 4; row 4; column 2; row 2; the odd columns of even rows; the odd rows.
    passes = [[0], [4], [20, 24], [2], [22], [10, 12, 14], [1, 3], [11, 13], [21, 23], list(range(5, 10))]
    passes.append(list(range(15, 20)))
    assert corpus.filtered(samples, interlaced=True) == b"".join(b"\0" + bytes(row) for row in passes)


@pytest.mark.parametrize(("color", "depth"), corpus.ALL_FORMS)
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", range(5))
def test_returns_what_was_encoded(color: int, depth: int, interlaced: bool, kind: int) -> None:
    samples = corpus.pattern(7, 6, color=color, depth=depth)
    data = corpus.encode(samples, color=color, depth=depth, interlaced=interlaced, filters=(kind,), idat_bytes=13)
    assert corpus.decode(data)[:2] == (color, depth)
    assert np.array_equal(corpus.decode(data)[2], samples)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("color", [corpus.GRAY, corpus.RGB, corpus.PALETTE, corpus.GRAY_ALPHA, corpus.RGBA])
def test_pillow_reads_the_encoded_8_bit_files_alike(color: int, interlaced: bool) -> None:
    samples = corpus.pattern(9, 11, color=color)
    data = corpus.encode(samples, color=color, interlaced=interlaced, filters=(4, 3, 1, 2, 0))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), samples)


@pytest.mark.parametrize("name", corpus.corrupt())
def test_refuses_the_corrupt_files(name: str) -> None:
    with pytest.raises(corpus.PngError):
        corpus.decode(corpus.corrupt()[name])


def test_only_what_is_named_is_wrong_with_the_corrupt_files() -> None:
    assert np.array_equal(corpus.decode(corpus.encode(corpus.pattern(5, 4)))[2], corpus.pattern(5, 4))
    cut = corpus.corrupt()["a row too few"]
    assert struct.unpack_from(">II", cut, 16) == (5, 4)
    assert len(zlib.decompress(cut[41:-16])) == 3 * 6
