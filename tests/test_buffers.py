"""Decoding into memory that was used before: whatever lay there never shows."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import MaskError
from segeval.images import png
from segeval.images.png import Buffer
from segeval.images.readers import decode_mask


def as_png(mask: NDArray[np.integer]) -> bytes:
    stream = BytesIO()
    Image.fromarray(mask).save(stream, "png")
    return stream.getvalue()


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40), st.booleans()), min_size=2, max_size=6))
def test_images_of_any_size_and_depth_follow_each_other_in_one_buffer(images: list[tuple[int, int, bool]]) -> None:
    buffer, rng = Buffer(), np.random.default_rng(0)
    for height, width, deep in images:
        mask = rng.integers(0, 60_000 if deep else 256, (height, width), dtype=np.uint16 if deep else np.uint8)
        assert np.array_equal(decode_mask(as_png(mask), name="a.png", buffer=buffer), mask)


def test_a_truncated_image_is_not_filled_up_from_the_one_before() -> None:
    buffer, mask = Buffer(), np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    whole = as_png(mask)
    assert np.array_equal(decode_mask(whole, name="a.png", buffer=buffer), mask)
    with pytest.raises(MaskError):
        decode_mask(whole[: len(whole) // 2], name="a.png", buffer=buffer)


def test_the_next_image_takes_the_place_of_the_one_before() -> None:
    buffer = Buffer()
    first = buffer.array((2, 3), np.dtype(np.uint8))
    first[:] = 7
    second = buffer.array((2, 3), np.dtype(np.uint8))
    assert np.shares_memory(first, second)


def test_an_image_too_large_to_keep_has_memory_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "LARGEST_KEPT", 8)
    buffer, kind = Buffer(), np.dtype(np.uint16)
    assert np.shares_memory(buffer.array((2, 2), kind), buffer.array((2, 2), kind))
    assert not np.shares_memory(buffer.array((2, 3), kind), buffer.array((2, 3), kind))


@pytest.mark.parametrize(("mode", "kind"), [("L", np.uint8), ("P", np.uint8), ("I;16", np.uint16)])
def test_an_array_and_its_canvas_are_the_same_memory(mode: str, kind: type[np.generic]) -> None:
    samples, canvas = Buffer().canvas(mode, (5, 3))
    assert samples.shape == (3, 5)
    assert samples.dtype == np.dtype(kind)
    for value in (0, 200):
        samples[:] = value
        assert np.asarray(canvas).tolist() == samples.tolist()


def test_a_canvas_serves_as_long_as_mode_and_size_stay() -> None:
    buffer = Buffer()
    _, first = buffer.canvas("L", (5, 3))
    assert buffer.canvas("L", (5, 3))[1] is first
    for mode, size in (("P", (5, 3)), ("L", (3, 5)), ("L", (50, 30))):
        samples, canvas = buffer.canvas(mode, size)
        assert (canvas.mode, canvas.size) == (mode, size)
        samples[:] = 9
        assert np.asarray(canvas).min() == 9


def test_a_canvas_too_large_to_keep_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "LARGEST_KEPT", 8)
    buffer = Buffer()
    assert buffer.canvas("L", (3, 3))[1] is not buffer.canvas("L", (3, 3))[1]
