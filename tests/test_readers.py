"""What is read from bytes, bit for bit, and what is refused, with its reason, place and remedy."""

from __future__ import annotations

import io
import os
import pickle
import struct
import threading
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import MaskError
from segeval.images.readers import IMAGE_SUFFIXES, decode_mask, decode_probability, describe, read_bytes, read_mask
from segeval.protocol.palettes import Palette
from tests.corpora import png_corpus as corpus
from tests.corpora import tiff_corpus
from tests.support.properties import examples

CAMVID = Path(__file__).resolve().parents[1].parent / "shared" / "camvid-val"
COLORS = {(0, 0, 0): 255, (128, 64, 128): 7, (0, 0, 142): 26}
PALETTE = Palette(COLORS, name="palette colours.txt", names={(128, 64, 128): "road"})


def saved(array: NDArray[Any], form: str, mode: str | None = None, **options: Any) -> bytes:
    """Save `array` with Pillow."""
    image = Image.fromarray(array)
    if mode == "P":
        image.putpalette([(37 * index) % 256 for index in range(768)])
    elif mode is not None:
        image = image.convert(mode)
    if form == "GIF":
        # Or Pillow numbers the indices anew.
        options["optimize"] = False
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def npz(compressed: bool = True, **named: NDArray[Any]) -> bytes:
    target = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(target, allow_pickle=True, **named)
    return target.getvalue()


def npy_with(header: str, content: bytes = b"", version: bytes = b"\1\0") -> bytes:
    text = header.encode("latin-1")
    return b"\x93NUMPY" + version + struct.pack("<H" if version[0] == 1 else "<I", len(text)) + text + content


def refusal(call: Callable[[], object]) -> MaskError:
    with pytest.raises(MaskError) as caught:
        call()
    error = caught.value
    assert error.where
    assert all(place.startswith("a/b.png") for place in error.where)
    assert error.fix
    assert "b.png" not in error.what, "what is the same for every file, so that errors merge"
    return error


def outcome(decode: Callable[..., Any], data: bytes, **options: Any) -> Any:
    """Return what is decoded, or None for what is refused as it should be; any other exception goes through."""
    try:
        return decode(data, name="a/b.png", **options)
    except MaskError as error:
        return None if error.where[0].startswith("a/b.png") else error


def mask_refusal(data: bytes, **options: Any) -> MaskError:
    return refusal(lambda: decode_mask(data, name="a/b.png", **options))


def map_refusal(data: bytes, **options: Any) -> MaskError:
    return refusal(lambda: decode_probability(data, name="a/b.png", **options))


# --- The same mask in every encoding ---------------------------------------------------------------------------------

BITS = corpus.pattern(13, 9, depth=1).astype(np.uint8)
TWO_BITS = corpus.pattern(13, 9, depth=2).astype(np.uint8)
FOUR_BITS = corpus.pattern(13, 9, depth=4).astype(np.uint8)
BYTES = corpus.pattern(13, 9).astype(np.uint8)
WORDS = corpus.pattern(13, 9, depth=16).astype(np.uint16)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (saved(BITS.astype(bool), "PNG"), BITS),
        (saved(BYTES, "PNG"), BYTES),
        (saved(BYTES, "PNG", "P"), BYTES),
        (saved(WORDS, "PNG"), WORDS),
        (saved(FOUR_BITS, "PNG", "P", bits=4), FOUR_BITS),
        (saved(BYTES, "PNG", "LA"), BYTES),
        (saved(BYTES, "GIF", "P"), BYTES),
        (saved(BYTES, "GIF", interlace=True), BYTES),
        (saved(BYTES, "GIF", "P", interlace=False), BYTES),
        (saved(BYTES, "GIF", "P", transparency=7), BYTES),
        (saved(BITS, "GIF", "P"), BITS),
        (saved(BYTES, "BMP"), BYTES),
        (saved(BYTES, "BMP", "P"), BYTES),
        (saved(BITS.astype(bool), "BMP"), BITS),
        (saved(BITS.astype(bool), "TIFF"), BITS),
        (saved(BYTES, "TIFF"), BYTES),
        (saved(BYTES, "TIFF", "P"), BYTES),
        (saved(WORDS, "TIFF"), WORDS),
        (saved(BYTES, "TIFF", compression="tiff_lzw"), BYTES),
        (saved(WORDS, "TIFF", compression="tiff_adobe_deflate"), WORDS),
        (saved(BYTES, "TIFF", compression="packbits"), BYTES),
        (saved(WORDS.astype(np.int32) - 7, "TIFF"), WORDS.astype(np.int32) - 7),
        (npy(WORDS.astype(np.int64) - 70000), WORDS.astype(np.int64) - 70000),
        (npy(np.asfortranarray(BYTES)), BYTES),
        (npy(BYTES[..., None]), BYTES),
        (npy(BITS.astype(bool)), BITS),
        (npy(WORDS.astype(">u2")), WORDS),
        (npz(mask=WORDS), WORDS),
        (npz(compressed=False, mask=BYTES), BYTES),
    ],
)
def test_reads_what_was_saved(data: bytes, expected: NDArray[Any]) -> None:
    samples = decode_mask(data, name="a/b.png")
    assert samples.dtype == expected.dtype
    assert samples.dtype.isnative
    assert np.array_equal(samples, expected)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize(("color", "depth"), corpus.ONE_CHANNEL)
def test_reads_every_one_channel_png_of_every_size_as_the_second_decoder_does(
    color: int, depth: int, transparent: bool, interlaced: bool
) -> None:
    sizes = [(size, size) for size in range(1, 33)] + [(1, 32), (32, 1), (3, 17), (31, 2), (5, 8)]
    for width, height in sizes:
        samples = corpus.pattern(width, height, color=color, depth=depth)
        content = (b"\0\x80\xff" if color == corpus.PALETTE and depth > 1 else b"\0\1") if transparent else None
        data = corpus.encode(
            samples,
            color=color,
            depth=depth,
            interlaced=interlaced,
            filters=(4, 3, 2, 1, 0, 2, 4) if height % 2 else (height // 2 % 5,),
            transparency=content,
            idat_bytes=17,
        )
        decoded = decode_mask(data, name="a/b.png")
        assert decoded.dtype == (np.uint16 if depth == 16 else np.uint8)
        assert np.array_equal(decoded, corpus.decode(data)[2])
        assert np.array_equal(decoded, samples)


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("value", [0, 1, 0xA5, 0xA5A5])
def test_flat_masks_are_read_whatever_marks_the_last_row(value: int, kind: int, level: int) -> None:
    depth = 16 if value > 255 else 8
    samples = np.full((6, 40), value)
    data = corpus.encode(samples, depth=depth, filters=(kind,), level=level)
    assert np.array_equal(decode_mask(data, name="a/b.png"), samples)


def test_compressed_data_may_have_empty_parts_at_their_end() -> None:
    packer = zlib.compressobj()
    rows = corpus.filtered(BYTES)
    packed = packer.compress(rows) + packer.flush(zlib.Z_SYNC_FLUSH) + packer.flush(zlib.Z_FULL_FLUSH) + packer.flush()
    data = corpus.png(corpus.header(13, 9, 8, corpus.GRAY), corpus.chunk(b"IDAT"), corpus.chunk(b"IDAT", packed))
    assert np.array_equal(decode_mask(data, name="a/b.png"), BYTES)


def test_an_index_beyond_the_palette_is_a_stored_value() -> None:
    data = corpus.encode(BYTES, color=corpus.PALETTE, entries=2)
    assert np.array_equal(decode_mask(data, name="a/b.png"), BYTES)


def test_text_profiles_and_metadata_are_passed_over() -> None:
    bomb = zlib.compress(bytes(1 << 26))
    extra = (
        corpus.chunk(b"zTXt", b"Comment\0\0" + bomb),
        corpus.chunk(b"iTXt", b"Comment\0\1\0\0\0" + bomb),
        corpus.chunk(b"iCCP", b"profile\0\0" + bomb),
        corpus.chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
    )
    data = corpus.encode(BYTES, extra=extra)
    tracemalloc.start()
    try:
        decoded = decode_mask(data, name="a/b.png")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(decoded, BYTES)
    assert peak < 1 << 20


@given(st.data())
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_encoded_is_read(data: st.DataObject) -> None:
    color, depth = data.draw(st.sampled_from(corpus.ONE_CHANNEL))
    width, height = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 12))
    values = data.draw(st.lists(st.integers(0, (1 << depth) - 1), min_size=width * height, max_size=width * height))
    samples = np.array(values).reshape(height, width)
    png = corpus.encode(
        samples,
        color=color,
        depth=depth,
        interlaced=data.draw(st.booleans()),
        filters=data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=12)),
        idat_bytes=data.draw(st.integers(1, 99)),
        level=data.draw(st.integers(0, 9)),
    )
    assert np.array_equal(decode_mask(png, name="a/b.png"), samples)


@given(st.data())
@settings(max_examples=examples(300), deadline=None)
def test_a_mutated_png_is_refused_or_read_as_the_second_decoder_reads_it(data: st.DataObject) -> None:
    color, depth = data.draw(st.sampled_from(corpus.ONE_CHANNEL))
    interlaced = data.draw(st.booleans())
    good = corpus.encode(
        corpus.pattern(6, 5, color=color, depth=depth),
        color=color,
        depth=depth,
        interlaced=interlaced,
        filters=(4, 0, 1),
    )
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        bad[data.draw(st.integers(8, len(bad) - 1))] = data.draw(st.integers(0, 255))
    # Checksums are mended, so that the mutation gets past them.
    mended, position = bytearray(bad[:8]), 8
    while position + 12 <= len(bad):
        length = int.from_bytes(bad[position : position + 4], "big")
        kind, content = bytes(bad[position + 4 : position + 8]), bytes(bad[position + 8 : position + 8 + length])
        mended += (
            corpus.chunk(kind, content) if data.draw(st.integers(0, 9)) else bad[position : position + 12 + length]
        )
        position += 12 + length
    try:
        expected: Any = corpus.decode(bytes(mended))
    except corpus.PngError:
        expected = None
    decoded = outcome(decode_mask, bytes(mended), max_pixels=corpus.LARGEST)
    if expected is None:
        assert decoded is None
    elif expected[0] in (corpus.GRAY, corpus.PALETTE):
        assert np.array_equal(decoded, expected[2])
    else:
        assert decoded is None or np.array_equal(decoded, expected[2][..., 0])


# --- Colours and alpha -----------------------------------------------------------------------------------------------

RGB = np.array([[(0, 0, 0), (128, 64, 128)], [(0, 0, 142), (128, 64, 128)]], np.uint8)
LABELS = [[255, 7], [26, 7]]


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF"])
def test_a_palette_decodes_rgb_to_raw_values(form: str) -> None:
    labels = decode_mask(saved(RGB, form), name="a/b.png", palette=PALETTE)
    assert labels.dtype == np.uint8
    assert labels.tolist() == LABELS


def test_a_palette_decodes_opaque_rgba_and_32_bit_bitmaps() -> None:
    assert decode_mask(saved(RGB, "PNG", "RGBA"), name="a/b.png", palette=PALETTE).tolist() == LABELS
    assert decode_mask(saved(RGB, "TIFF", "RGBA"), name="a/b.png", palette=PALETTE).tolist() == LABELS
    narrow = RGB[:, :1]
    assert decode_mask(saved(narrow, "BMP"), name="a/b.png", palette=PALETTE).tolist() == [[255], [26]]
    bitmap = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 62, 0, 0, 54, 40, 1, -2, 1, 32, 0, 0, 0, 0, 0, 0)
    bitmap += bytes((128, 64, 128, 9, 142, 0, 0, 0))
    assert decode_mask(bitmap, name="a/b.png", palette=PALETTE).tolist() == [[7], [26]]


def test_values_of_a_palette_may_be_negative_or_large() -> None:
    palette = Palette({(0, 0, 0): -1, (128, 64, 128): 70000, (0, 0, 142): 3})
    assert decode_mask(saved(RGB, "PNG"), name="a/b.png", palette=palette).tolist() == [[-1, 70000], [3, 70000]]


@given(st.lists(st.sampled_from(sorted(COLORS)), min_size=1, max_size=60))
@settings(max_examples=examples(60), deadline=None)
def test_runs_of_colours_decode_like_a_loop(colors: list[tuple[int, int, int]]) -> None:
    data = corpus.encode(np.array([colors, colors[::-1]]), color=corpus.RGB)
    expected = [[COLORS[color] for color in row] for row in (colors, colors[::-1])]
    assert decode_mask(data, name="a/b.png", palette=PALETTE).tolist() == expected


def colored(form: str, order: tuple[int, ...]) -> bytes:
    """Save `LABELS` as a palette image whose index `order[i]` has the i-th colour of `COLORS`."""
    values = np.array(LABELS)
    indices = np.zeros(values.shape, np.uint8)
    entries = np.zeros((256, 3), np.uint8)
    for index, (color, value) in zip(order, COLORS.items(), strict=True):
        indices[values == value] = index
        entries[index] = color
    image = Image.fromarray(indices)
    image.putpalette(entries.tobytes())
    target = io.BytesIO()
    image.save(target, form, **({"optimize": False} if form == "GIF" else {}))
    return target.getvalue()


@pytest.mark.parametrize("form", ["PNG", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (9, 200, 3)])
def test_a_palette_that_the_user_names_decodes_palette_images_by_color(form: str, order: tuple[int, ...]) -> None:
    explicit = replace(PALETTE, explicit=True)
    assert decode_mask(colored(form, order), name="a/b.png", palette=explicit).tolist() == LABELS


def test_a_color_of_a_palette_image_that_the_named_palette_lacks_is_an_error() -> None:
    lacking = Palette({(0, 0, 0): 0, (128, 64, 128): 1}, "palette colours.txt", explicit=True)
    error = mask_refusal(colored("PNG", (0, 1, 2)), palette=lacking)
    assert "not in the palette colours.txt" in error.what
    assert "(0, 0, 142)" in error.where[0]


def test_an_index_without_a_color_is_an_error_under_a_palette_that_the_user_names() -> None:
    error = mask_refusal(saved(BYTES % 2 * 7, "PNG", "P", bits=4), palette=replace(PALETTE, explicit=True))
    assert "colour" in error.what


def test_palette_indices_stay_indices_under_a_palette() -> None:
    data = corpus.encode(BYTES, color=corpus.PALETTE)
    assert np.array_equal(decode_mask(data, name="a/b.png", palette=PALETTE), BYTES)


def test_unknown_colours_are_told_with_their_pixels_and_the_nearest_colour() -> None:
    image = np.repeat(np.repeat(RGB, 10, 0), 10, 1)
    image[3, 3:6] = (127, 64, 128)
    image[7, 1] = (0, 0, 140)
    error = mask_refusal(saved(image, "PNG"), palette=PALETTE)
    assert error.what == "a mask has colours that are not in the palette colours.txt"
    assert error.where == (
        "a/b.png: colour (127, 64, 128), 3 pixels, nearest is (128, 64, 128) = 7 road",
        "a/b.png: colour (0, 0, 140), 1 pixels, nearest is (0, 0, 142) = 26",
    )
    assert "palette" in error.fix


def test_many_unknown_colours_are_summed_up() -> None:
    image = np.arange(27, dtype=np.uint8).reshape(1, 9, 3)
    error = mask_refusal(saved(image, "PNG"), palette=PALETTE)
    assert len(error.where) == 6
    assert error.where[-1] == "a/b.png: and 4 more colours, 4 pixels"


def test_rgb_without_palette_names_the_options() -> None:
    error = mask_refusal(saved(RGB, "PNG"))
    assert error.what == "a mask holds RGB colours, not labels"
    assert error.where == ("a/b.png: PNG RGB 8 bit",)
    assert "--palette" in error.fix
    assert "--preset" in error.fix


def test_gray_stored_as_rgb_is_read_as_gray() -> None:
    gray, facts = read_mask(saved(np.repeat(BYTES[..., None], 3, 2), "PNG"), name="a.png")
    assert np.array_equal(gray, BYTES)
    assert facts is not None
    assert facts.gray_as_rgb


@pytest.mark.parametrize("color", [corpus.GRAY_ALPHA, corpus.RGBA])
@pytest.mark.parametrize("depth", [8, 16])
def test_one_pixel_that_is_not_opaque_is_refused(color: int, depth: int) -> None:
    samples = corpus.pattern(5, 4, color=color, depth=depth)
    samples[..., -1] = (1 << depth) - 1
    samples[2, 2, -1] -= 1
    error = mask_refusal(corpus.encode(samples, color=color, depth=depth), palette=PALETTE)
    if (color, depth) == (corpus.RGBA, 16):
        assert "more than 8 bit" in error.what
    else:
        assert error.what == "a mask has an alpha channel that is not opaque"
        assert "1 pixels" in error.where[0]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("interlaced", [False, True])
def test_opaque_gray_with_alpha_is_its_gray(depth: int, interlaced: bool) -> None:
    samples = corpus.pattern(7, 5, color=corpus.GRAY_ALPHA, depth=depth)
    samples[..., 1] = (1 << depth) - 1
    data = corpus.encode(samples, color=corpus.GRAY_ALPHA, depth=depth, interlaced=interlaced, filters=(4, 1))
    decoded = decode_mask(data, name="a/b.png")
    assert decoded.dtype == f"u{depth // 8}"
    assert np.array_equal(decoded, samples[..., 0])


# --- What is no mask -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", corpus.corrupt())
def test_corrupt_png_files_are_refused(name: str) -> None:
    data = corpus.corrupt()[name]
    error = mask_refusal(data)
    expected = {
        "giant": "an image has more pixels than the limit",
        "animated": "a file holds several images",
        "filter type 5": "a file cannot be decoded",
    }
    assert error.what in {expected.get(name, "an image file is damaged"), "an image file is truncated"}
    if "few" in name or "cut" in name or name == "no IEND":
        assert error.what == "an image file is truncated"
    map_refusal(data)


def test_a_surplus_row_that_hides_costs_no_pixel() -> None:
    rows = corpus.filtered(BYTES) + b"\0" + b"\xa5" * 13
    data = corpus.png(corpus.header(13, 9, 8, corpus.GRAY), corpus.chunk(b"IDAT", zlib.compress(rows)))
    decoded = outcome(decode_mask, data)
    assert decoded is None or np.array_equal(decoded, BYTES)


def test_every_shortened_file_is_refused() -> None:
    for data in (saved(BYTES, "PNG"), saved(BYTES, "GIF"), saved(BYTES, "BMP"), npy(BYTES), npz(mask=BYTES)):
        for length in range(len(data)):
            mask_refusal(data[:length])


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_every_shortened_tiff_is_refused_or_has_lost_no_pixel(compression: str | None) -> None:
    data = saved(BYTES, "TIFF", compression=compression)
    for length in range(len(data)):
        decoded = outcome(decode_mask, data[:length])
        assert decoded is None or np.array_equal(decoded, BYTES)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_tiff_strip_with_too_few_rows_is_refused(compression: str) -> None:
    data = saved(BYTES, "TIFF", compression=compression)
    rows = struct.pack("<I", 9), struct.pack("<I", 10)
    taller = data
    for tag, kind in ((257, 3), (257, 4), (278, 3), (278, 4)):
        head = struct.pack("<HHI", tag, kind, 1)
        taller = taller.replace(head + rows[0], head + rows[1])
    assert describe(taller, name="a/b.png").height == 10
    mask_refusal(taller)


@pytest.mark.parametrize(
    ("data", "what", "fix"),
    [
        (b"", "a file is empty", "again"),
        (saved(BYTES, "JPEG"), "JPEG, which is lossy", "PNG from its source"),
        (saved(RGB, "WEBP", lossless=True), "WebP", "PNG"),
        (b"hello, world", "not an image", "remove other files"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip", "gunzip"),
        (saved(BYTES.astype(np.float32), "TIFF"), "floats is not a label mask", "--probs"),
        (npy(BYTES.astype(np.float32)), "floats is not a label mask", "--probs"),
        (npy(BYTES.astype(complex)), "neither integer nor float", "integer array"),
        (npy(np.array([[1, None]], object)), "neither integer nor float", "integer array"),
        (npy(np.zeros((2, 2), [("x", int)])), "neither integer nor float", "integer array"),
        (npy(np.array([["a"]])), "neither integer nor float", "integer array"),
        (npy(np.zeros((2, 2, 3), int)), "not have the shape of a mask", "(height, width)"),
        (npy(np.zeros(4, int)), "not have the shape of a mask", "(height, width)"),
        (npy(np.array(4)), "not have the shape of a mask", "(height, width)"),
        (npy(np.zeros((0, 4), int)), "damaged", "again"),
        (npz(), "not hold exactly one array", "one array a file"),
        (saved(BYTES, "TIFF", compression="jpeg"), "compressed as JPEG", "PNG"),
    ],
)
def test_what_is_no_mask_is_refused_with_reason_and_remedy(data: bytes, what: str, fix: str) -> None:
    error = mask_refusal(data)
    assert what in error.what
    assert fix in error.fix


def test_an_npz_with_several_arrays_names_them() -> None:
    error = mask_refusal(npz(gt=BYTES, pred=BYTES))
    assert error.where == ("a/b.png: 2 arrays: gt, pred",)


def test_nothing_is_unpickled() -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (os.mkdir, ("unpickled",))

    header = "{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }"
    mask_refusal(npy_with(header, pickle.dumps(Bomb())))
    assert not Path("unpickled").exists()


def test_a_bitmap_with_the_header_of_os2_is_read() -> None:
    """Twelve bytes of header, three a colour (BITMAPCOREHEADER); rows from the bottom, padded to four bytes."""
    palette = bytes(range(6))
    rows = b"".join(np.packbits(row).tobytes().ljust(4, b"\0") for row in BITS[::-1])
    head = b"BM" + struct.pack("<IHHIIHHHH", 0, 0, 0, 26 + len(palette), 12, 13, 9, 1, 1)
    assert np.array_equal(decode_mask(head + palette + rows, name="a/b.png"), BITS)
    mask_refusal(head + palette + rows[:-1])


def test_a_gif_whose_codes_end_before_its_pixels_is_refused() -> None:
    whole = saved(np.zeros((9, 13), np.uint8), "GIF")
    assert decode_mask(whole, name="a/b.png").shape == (9, 13)
    taller = whole.replace(struct.pack("<HH", 13, 9), struct.pack("<HH", 13, 10))
    assert taller != whole
    mask_refusal(taller)


def test_an_array_without_end_of_dimensions_is_refused() -> None:
    for shape in ("(" + "1, " * 40 + ")", "(" + "9" * 30 + ", 1)"):
        mask_refusal(npy_with(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}", b"\0"))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("mask.npy", b"no array")
    assert "not an .npy file" in str(mask_refusal(target.getvalue()))


@pytest.mark.parametrize("form", ["GIF", "PNG", "TIFF"])
def test_files_of_several_images_are_refused(form: str) -> None:
    frames = [Image.fromarray(BYTES), Image.fromarray(BYTES[::-1])]
    target = io.BytesIO()
    frames[0].save(target, form, save_all=True, append_images=frames[1:])
    assert mask_refusal(target.getvalue()).what == "a file holds several images"
    assert map_refusal(target.getvalue()).what == "a file holds several images"
    assert describe(target.getvalue(), name="a/b.png").animated


@pytest.mark.parametrize(
    "data",
    [
        corpus.encode(BYTES),
        saved(BYTES, "GIF"),
        saved(BYTES, "BMP"),
        saved(BYTES, "TIFF"),
        npy(BYTES),
        npz(mask=BYTES),
    ],
)
def test_the_limit_of_pixels_holds_for_every_format(data: bytes) -> None:
    assert np.array_equal(decode_mask(data, name="a/b.png", max_pixels=117), BYTES)
    error = mask_refusal(data, max_pixels=116)
    assert error.what == "an image has more pixels than the limit"
    assert error.where == ("a/b.png: 13 x 9 = 117 pixels, the limit is 116",)
    assert "--max-pixels" in error.fix


def test_pillows_own_limit_and_warning_have_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for data in (saved(BYTES, "PNG"), saved(BYTES, "GIF"), saved(BYTES, "BMP")):
        assert np.array_equal(decode_mask(data, name="a/b.png"), BYTES)


@pytest.mark.parametrize(
    "data",
    [
        corpus.png(corpus.header(30000, 30000, 8, 0), corpus.chunk(b"IDAT", zlib.compress(b"\0"))),
        b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 62, 0, 0, 54, 40, 30000, 30000, 1, 8, 0, 0, 0, 0, 0, 0),
        npy_with("{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999, 99999999999), }"),
        npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (16384, 16384), }"),
        tiff_corpus.tiff(BYTES, width=60000, height=60000),
    ],
)
def test_a_giant_costs_nothing(data: bytes) -> None:
    tracemalloc.start()
    try:
        mask_refusal(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_zip_bombs_are_refused_unread() -> None:
    array = np.zeros((1 << 12, 1 << 13), np.uint8)
    header_lies = io.BytesIO()
    with zipfile.ZipFile(header_lies, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mask.npy", npy(BYTES) + array.tobytes())
    for data, options in ((npz(mask=array), {"max_pixels": 1 << 20}), (header_lies.getvalue(), {})):
        tracemalloc.start()
        try:
            mask_refusal(data, **options)
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", b"\1\2\3"),
        npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", b"\1\2\3\4\5"),
        npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (2, -2), }", b"\1\2\3\4"),
        npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (,2), }", b"\1\2"),
        npy_with("{'descr': '<u16', 'fortran_order': False, 'shape': (1, 1), }", bytes(16)),
        npy_with("{'descr': '|b4', 'fortran_order': False, 'shape': (1, 1), }", bytes(4)),
        npy_with("{'descr': '|b1', 'fortran_order': False, 'shape': (1, 1), }", b"\2"),
        npy_with("{'descr': '\\d', 'fortran_order': False, 'shape': (1, 1), }", b"\2"),
        npy_with("[1]", b"\2"),
        npy_with("{'descr': '|u1'? 'fortran_order': False, 'shape': (1, 1), }", b"\2"),
        npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1)? }", b"\2"),
        npy_with("{'descr': '|u1', 'descr': '|i1', 'fortran_order': False, 'shape': (1, 1), }", b"\2"),
        npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (01, 1), }", b"\2"),
        npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1), 'more': 1}", b"\2"),
        npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1), }", b"\2", version=b"\1\2"),
        npy_with("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1), }", b"\2", version=b"\7\0"),
        b"\x93NUMPY\2\0" + struct.pack("<I", 2**31) + b"{",
        b"PK\3\4" + bytes(40),
        b"PK\5\6" + bytes(18),
        b"BM" + struct.pack("<IHHII", 0, 0, 0, 54, 39) + bytes(80),
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 62, 0, 0, 54, 40, 2, 2, 1, 8, 1, 0, 0, 0, 0, 0) + bytes(80),
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 62, 0, 0, 10, 40, 2, 2, 1, 8, 0, 0, 0, 0, 0, 0) + bytes(80),
        b"GIF89a\2\0\2\0\0\0\0;",
        b"GIF89a\2\0\2\0\0\0\0?",
        b"GIF89a\2\0\2\0\0\0\0,\1\0\0\0\1\0\2\0\0\2\1\0\0;",
        b"GIF89a\2\0\2\0\0\0\0,\0\0\0\0\2\0\2\0\0\x0c\1\0\0;",
        b"GIF89a\2\0\2\0\0\0\0,\0\0\0\0\2\0\2\0\0\2\2\x44\x05\0;",
        saved(BYTES, "GIF") + b"x",
    ],
)
def test_broken_headers_are_refused(data: bytes) -> None:
    mask_refusal(data)


def test_a_tiff_reads_alike_in_every_layout() -> None:
    for case, (data, expected) in tiff_corpus.layouts().items():
        decoded = decode_mask(data, name="a/b.png")
        assert decoded.dtype == expected.dtype, case
        assert np.array_equal(decoded, expected), case


def test_a_two_valued_tiff_that_calls_0_white_reads_as_viewers_show_it() -> None:
    bits = corpus.pattern(21, 19, depth=1).astype(np.uint8)
    shown = decode_mask(tiff_corpus.tiff(bits, bits=1, photometric=0), name="a/b.png")
    with Image.open(io.BytesIO(tiff_corpus.tiff(bits, bits=1, photometric=0))) as image:
        assert np.array_equal(shown, np.asarray(image))
    full = bits * np.uint8(255)
    with Image.open(io.BytesIO(tiff_corpus.tiff(full, photometric=0))) as image:
        assert np.array_equal(decode_mask(tiff_corpus.tiff(full, photometric=0), name="a/b.png"), np.asarray(image))


@pytest.mark.parametrize("depth", ["2 bit", "8 bit", "8 bit, 0 and 1", "16 bit", "32 bit"])
def test_any_other_tiff_that_calls_0_white_is_refused(depth: str) -> None:
    bits = int(depth.split()[0])
    samples = corpus.pattern(21, 19, depth=1 if depth.endswith("1") else bits).astype(f"u{max(1, bits // 8)}")
    error = mask_refusal(tiff_corpus.tiff(samples, bits=bits, photometric=0))
    assert "WhiteIsZero" in error.what
    assert "PNG" in error.fix


def test_the_nodata_value_that_a_tiff_names_is_among_its_facts() -> None:
    data = tiff_corpus.tiff(BYTES, tags={42113: tuple(b"-9999\0")})
    assert describe(data, name="a/b.png").nodata == "-9999"
    assert np.array_equal(decode_mask(data, name="a/b.png"), BYTES)
    assert describe(tiff_corpus.tiff(BYTES), name="a/b.png").nodata == ""


@pytest.mark.parametrize("case", tiff_corpus.corrupt())
def test_corrupt_tiff_files_are_refused(case: str) -> None:
    mask_refusal(tiff_corpus.corrupt()[case])


SEEDS = [saved(BYTES, "GIF"), saved(FOUR_BITS, "BMP", "P"), saved(RGB, "BMP"), npy(WORDS), npz(mask=BYTES)]
SEEDS += [saved(WORDS, "TIFF", compression="tiff_lzw"), saved(RGB, "TIFF")]
SEEDS += [data for data, _ in tiff_corpus.layouts().values()]


@given(st.data())
@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_mutated_file_is_an_array_or_an_error(data: st.DataObject) -> None:
    bad = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    masks = outcome(decode_mask, bytes(bad), max_pixels=1 << 16)
    maps = outcome(decode_probability, bytes(bad), max_pixels=1 << 16)
    assert masks is None or (masks.ndim == 2 and masks.dtype.kind in "iu")
    assert maps is None or maps.dtype.kind in "uf"
    assert not isinstance(outcome(describe, bytes(bad)), MaskError)


@pytest.mark.usefixtures("pillow_lane")
def test_an_error_of_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    data = saved(BYTES, "PNG")
    monkeypatch.setattr(Image, "new", full)
    error = mask_refusal(data)
    assert "memory" in error.what
    assert "--jobs" in error.fix


def test_threads_read_alike() -> None:
    files = [corpus.encode(corpus.pattern(31, 17, depth=depth), depth=depth) for depth in (1, 2, 4, 8, 16)] * 20
    alone = [decode_mask(data, name="a/b.png").tobytes() for data in files]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda data: decode_mask(data, name="a/b.png").tobytes(), files)) == alone


# --- Files -----------------------------------------------------------------------------------------------------------


def file_refusal(path: Path) -> MaskError:
    return refusal(lambda: read_bytes(path, name="a/b.png"))


def test_reads_a_regular_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    assert read_bytes(tmp_path / "x", name="x") == b"content"


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "loop").symlink_to("loop")
    assert file_refusal(tmp_path / "empty").what == "a file is empty"
    assert file_refusal(tmp_path / "absent").what == "a file cannot be read"
    assert file_refusal(tmp_path / "loop").what == "a file cannot be read"
    assert file_refusal(tmp_path / "nul\0byte").what == "a file cannot be read"
    assert file_refusal(tmp_path / ("x" * 300)).what == "a file cannot be read"
    assert file_refusal(tmp_path).what == "not a regular file"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content")
    (tmp_path / "x").chmod(0)
    assert file_refusal(tmp_path / "x").where == ("a/b.png: Permission denied",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_fifos_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    told: list[MaskError] = []
    thread = threading.Thread(target=lambda: told.append(file_refusal(tmp_path / "fifo")), daemon=True)
    thread.start()
    thread.join(5)
    assert [error.what for error in told] == ["not a regular file"]
    assert file_refusal(Path("/dev/zero")).what == "not a regular file"


def test_a_file_beyond_any_size_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate((1 << 31) + 1)
    tracemalloc.start()
    try:
        error = refusal(lambda: read_bytes(tmp_path / "sparse", name="a/b.png", max_pixels=100))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert error.what == "a file is larger than any mask"


def test_a_file_that_is_read_in_pieces_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"content")
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: read(descriptor, min(size, 2)))
    assert read_bytes(tmp_path / "x", name="x") == b"content"


def test_a_file_that_shrinks_meanwhile_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"content")
    monkeypatch.setattr(os, "read", lambda *_: b"")
    assert file_refusal(tmp_path / "x").what == "a file changed while it was read"


def test_a_file_is_closed_also_when_it_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"content")
    opened: list[int] = []

    def broken(descriptor: int, _: int) -> bytes:
        opened.append(descriptor)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", broken)
    assert file_refusal(tmp_path / "x").where == ("a/b.png: Input/output error",)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


def test_lossy_files_are_among_those_that_pairing_offers() -> None:
    assert {".png", ".bmp", ".gif", ".tif", ".tiff", ".npy", ".npz", ".jpg", ".jpeg", ".webp"} <= IMAGE_SUFFIXES
    assert all(suffix == suffix.lower() for suffix in IMAGE_SUFFIXES)


# --- Probability maps ------------------------------------------------------------------------------------------------

FLOATS = BYTES / np.float64(255)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (saved(BYTES, "PNG"), BYTES),
        (corpus.encode(WORDS, depth=16, interlaced=True), WORDS),
        (saved(BYTES, "BMP"), BYTES),
        (saved(BYTES, "TIFF"), BYTES),
        (saved(WORDS, "TIFF"), WORDS),
        (saved(FLOATS.astype(np.float32), "TIFF"), FLOATS.astype(np.float32)),
        *((npy(FLOATS.astype(kind)), FLOATS.astype(kind)) for kind in ("f2", "f4", "f8")),
        (npy(np.stack([BYTES, BYTES])), np.stack([BYTES, BYTES])),
        (npy(WORDS[None]), WORDS[None]),
        (npz(p=np.stack([FLOATS, 1 - FLOATS])), np.stack([FLOATS, 1 - FLOATS])),
    ],
)
def test_probability_maps_are_returned_as_stored(data: bytes, expected: NDArray[Any]) -> None:
    levels = decode_probability(data, name="a/b.png")
    assert levels.dtype == expected.dtype
    assert np.array_equal(levels, expected)


@pytest.mark.parametrize(
    ("value", "told"), [(np.nan, "nan"), (np.inf, "inf"), (-0.5, "-0.5"), (1.5, "1.5"), (-np.inf, "-inf")]
)
def test_values_outside_the_unit_interval_are_told_with_map_and_pixels(value: float, told: str) -> None:
    maps = np.zeros((3, 4, 5), np.float32)
    maps[1, 2, 2:4] = value
    error = map_refusal(npy(maps))
    assert error.what == "a probability map has values outside [0, 1]"
    assert error.where == (f"a/b.png: map 1, value {told}, 2 pixels",)
    assert "sigmoid or softmax" in error.fix
    assert map_refusal(npy(maps[1])).where == (f"a/b.png: value {told}, 2 pixels",)


def test_many_wrong_maps_are_summed_up() -> None:
    assert map_refusal(npy(np.full((9, 2, 2), 3.0))).where[-1] == "a/b.png: and 4 more maps"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (saved(RGB, "PNG"), "not a probability map"),
        (saved(BYTES, "PNG", "P"), "not a probability map"),
        (saved(BYTES, "PNG", "LA"), "not a probability map"),
        (saved(BYTES, "BMP", "P"), "not a probability map"),
        (saved(BYTES, "GIF"), "not a probability map"),
        (corpus.encode(FOUR_BITS, depth=4), "not a probability map"),
        (corpus.encode(BITS, depth=1), "not a probability map"),
        (tiff_corpus.tiff(BYTES, photometric=0), "0 as white"),
        (saved(WORDS.astype(np.int32), "TIFF"), "not a probability map"),
        (saved(BYTES, "JPEG"), "JPEG"),
        (npy(BYTES.astype(np.int64)), "type that probability maps do not have"),
        (npy(BYTES.astype(bool)), "type that probability maps do not have"),
        (npy(BYTES.astype(np.uint32)), "type that probability maps do not have"),
        (npy(np.zeros((2, 2, 3, 4))), "not have the shape of probability maps"),
        (npy(np.zeros((0, 3, 4))), "damaged"),
        (npy(np.zeros(4)), "not have the shape of probability maps"),
        (npz(a=FLOATS, b=FLOATS), "not hold exactly one array"),
    ],
)
def test_what_is_no_probability_map_is_refused(data: bytes, what: str) -> None:
    assert what in map_refusal(data).what


def test_checking_floats_takes_little_more_than_one_map() -> None:
    data = npy(np.zeros((40, 128, 128), np.float32))
    tracemalloc.start()
    try:
        decode_probability(data, name="a/b.png")
        assert tracemalloc.get_traced_memory()[1] < 3 * 128 * 128 * 4
    finally:
        tracemalloc.stop()


def test_a_packed_pile_of_maps_is_bounded() -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 128, 128), }"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("p.npy", npy_with(header))
    assert map_refusal(target.getvalue()).what == "probability maps are larger than the limit"


# --- Facts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "encoding", "numbers"),
    [
        (saved(BYTES, "PNG"), "PNG gray 8 bit", (13, 9, 8, 1)),
        (saved(FOUR_BITS, "PNG", "P", bits=4), "PNG palette 4 bit", (13, 9, 4, 1)),
        (saved(RGB, "PNG"), "PNG RGB 8 bit", (2, 2, 8, 3)),
        (corpus.encode(WORDS, depth=16, interlaced=True), "PNG gray 16 bit, interlaced", (13, 9, 16, 1)),
        (saved(BYTES, "PNG", "LA"), "PNG gray+alpha 8 bit", (13, 9, 8, 2)),
        (saved(BYTES, "GIF", interlace=False), "GIF palette 8 bit", (13, 9, 8, 1)),
        (saved(RGB, "BMP"), "BMP RGB 8 bit", (2, 2, 8, 3)),
        (saved(WORDS, "TIFF", compression="tiff_lzw"), "TIFF gray 16 bit, LZW", (13, 9, 16, 1)),
        (npy(np.zeros((3, 360, 480), np.uint16)), "npy uint16 (3, 360, 480)", (480, 360, 16, 3)),
        (npz(p=np.zeros((36, 48), np.float32)), "npz float32 (36, 48)", (48, 36, 32, 1)),
    ],
)
def test_describes_what_the_header_says(data: bytes, encoding: str, numbers: tuple[int, ...]) -> None:
    facts = describe(data, name="a/b.png")
    assert facts.encoding == encoding
    assert (facts.width, facts.height, facts.bit_depth, facts.channels) == numbers
    assert facts.format == encoding.split()[0]
    assert facts.has_alpha == ("alpha" in encoding)
    assert facts.interlaced == ("interlaced" in encoding)


def test_describing_is_refused_for_what_is_no_image() -> None:
    assert "not an image" in refusal(lambda: describe(b"hello, world", name="a/b.png")).what


@pytest.mark.skipif(not CAMVID.is_dir(), reason="the shared data are not here")
def test_real_masks_are_read_as_pillow_reads_them() -> None:
    for path in sorted(CAMVID.glob("*/*.png"))[::7]:
        data = read_bytes(path, name=path.name)
        facts = describe(data, name=path.name)
        with Image.open(path) as image:
            if facts.channels == 1 and facts.bit_depth >= 8:
                assert np.array_equal(decode_mask(data, name=path.name), np.asarray(image))
