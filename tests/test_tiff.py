"""TIFF: what is unpacked here equals what libtiff packed, and nothing but our own words comes of damaged files."""

from __future__ import annotations

import contextlib
import io
import lzma
import time
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import MaskError
from segeval.images.readers import decode_mask, decode_probability
from segeval.protocol.palettes import Palette
from tests.corpora.png_corpus import pattern
from tests.corpora.tiff_corpus import DEFLATE, tiff

PACKED = ("tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "lzma")
FLAT = np.full((300, 411), 7, np.uint8)
NOISE = pattern(211, 157).astype(np.uint8)
WORDS = pattern(97, 83, depth=16).astype(np.uint16)
LABELS = np.repeat(np.repeat(pattern(19, 23, depth=4).astype(np.uint8), 13, axis=0), 17, axis=1)


def saved(array: NDArray[Any], compression: str, **tags: Any) -> bytes:
    """Pack with libtiff."""
    target = io.BytesIO()
    Image.fromarray(array).save(target, "TIFF", compression=compression, **tags)
    return target.getvalue()


def refused(data: bytes) -> MaskError:
    with pytest.raises(MaskError) as caught:
        decode_mask(data, name="a.tif")
    assert caught.value.where[0].startswith("a.tif")
    return caught.value


@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize(
    "array", [FLAT, NOISE, WORDS, LABELS, FLAT[:1, :1]], ids=["flat", "noise", "16", "runs", "1x1"]
)
@pytest.mark.parametrize("predictor", [1, 2])
def test_what_libtiff_packs_is_unpacked(compression: str, array: NDArray[Any], predictor: int) -> None:
    for rows in (5, 1000):
        data = saved(array, compression, tiffinfo={317: predictor, 278: rows})
        if predictor == 2 and compression == "packbits":
            # libtiff passes the tag over, tifffile applies it: the file has two readings.
            assert refused(data).where == (f"a.tif: TIFF {array.itemsize * 8} bit, PackBits with predictor 2",)
            continue
        decoded = decode_mask(data, name="a.tif")
        assert decoded.dtype == array.dtype
        assert np.array_equal(decoded, array)


@pytest.mark.parametrize("predictor", [1, 3])
@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_floats_and_their_predictor_are_unpacked(compression: str, predictor: int) -> None:
    probabilities = np.random.default_rng(0).random((37, 53), np.float32)
    data = saved(probabilities, compression, tiffinfo={317: predictor})
    assert np.array_equal(decode_probability(data, name="a.tif"), probabilities)


def test_signed_values_and_colours_go_through_the_predictor() -> None:
    signed = pattern(41, 29, depth=16).astype(np.int32) - 30000
    assert np.array_equal(decode_mask(saved(signed, "tiff_lzw", tiffinfo={317: 2}), name="a.tif"), signed)
    palette = Palette({(1, 2, 3): 4, (250, 0, 9): 77})
    labels = np.where(pattern(41, 29) % 2, 4, 77)
    colors = np.where((labels == 4)[..., None], np.array((1, 2, 3), np.uint8), np.array((250, 0, 9), np.uint8))
    data = saved(colors, "tiff_lzw", tiffinfo={317: 2})
    assert np.array_equal(decode_mask(data, name="a.tif", palette=palette), labels)


def test_words_of_either_byte_order_go_through_the_predictor() -> None:
    for order in "<>":
        differences = np.diff(WORDS, axis=1, prepend=np.zeros((len(WORDS), 1), np.uint16)).astype(np.uint16)
        data = tiff(differences, order=order, compression=DEFLATE, tags={317: (2,)})
        assert np.array_equal(decode_mask(data, name="a.tif"), WORDS)


def test_bits_stored_from_the_low_end_are_turned() -> None:
    bits = pattern(21, 9, depth=1).astype(np.uint8)
    plain = tiff(bits, bits=1)
    start, size = 16, 9 * 3
    turned = bytes(int(f"{value:08b}"[::-1], 2) for value in plain[start : start + size])
    low_first = tiff(bits, bits=1, tags={266: (2,)}).replace(plain[start : start + size], turned)
    assert np.array_equal(decode_mask(low_first, name="a.tif"), bits)
    assert "fill order 2" in str(refused(tiff(bits, bits=1, compression=DEFLATE, tags={266: (2,)})))


def test_a_last_strip_padded_to_full_height_is_read_and_one_of_any_other_size_refused() -> None:
    array = NOISE[:10, :16]
    for compress in (zlib.compress, lzma.compress):
        for extra, good in ((0, True), (16, False), (32, True), (48, False)):
            strips = [compress(array[:6].tobytes()), compress(array[6:].tobytes() + bytes(extra))]
            offsets = (16, 16 + len(strips[0]))
            tags = {273: offsets, 279: tuple(map(len, strips)), 278: (6,)}
            tags[259] = (DEFLATE if compress is zlib.compress else 34925,)
            data = tiff(array, rows=6, tags=tags)
            # The writer's own strips give way to these, which the directory follows.
            directory = int.from_bytes(data[4:8], "little")
            moved = 16 + sum(map(len, strips)) + sum(map(len, strips)) % 2
            body = b"".join(strips).ljust(moved - 16, b"\0")
            data = _relocated(data[:16] + body, data[directory:], directory, moved)
            if good:
                assert np.array_equal(decode_mask(data, name="a.tif"), array)
            else:
                assert "truncated" in refused(data).what or "damaged" in refused(data).what


def _relocated(head: bytes, directory: bytes, old: int, new: int) -> bytes:
    """Move a directory: its own offset, and those of the two lists of strips in it."""
    moved = bytearray(directory)
    for entry in range(2, len(moved) - 12, 12):
        tag, kind, count = (int.from_bytes(moved[entry + a : entry + b], "little") for a, b in ((0, 2), (2, 4), (4, 8)))
        if tag in (273, 279) and kind == 4 and count == 2:
            place = int.from_bytes(moved[entry + 8 : entry + 12], "little") - old + new
            moved[entry + 8 : entry + 12] = place.to_bytes(4, "little")
    return head[:4] + new.to_bytes(4, "little") + head[8:] + bytes(moved)


def test_the_limit_is_ours_and_not_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for compression in (None, *PACKED):
            target = io.BytesIO()
            Image.fromarray(NOISE).save(target, "TIFF", compression=compression)
            assert np.array_equal(decode_mask(target.getvalue(), name="a.tif"), NOISE)


def test_a_hundred_megapixels_are_read() -> None:
    giant = np.zeros((9500, 9500), np.uint8)
    giant[-1, -1] = 3
    decoded = decode_mask(tiff(giant, compression=DEFLATE), name="a.tif")
    assert decoded.shape == giant.shape
    assert np.count_nonzero(decoded) == np.count_nonzero(decoded[-1, -1] == 3) == 1


def test_nothing_but_our_own_words_comes_of_damaged_files(capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(5)
    for compression in PACKED:
        whole = saved(NOISE, compression)
        for _ in range(40):
            data = bytearray(whole)
            data[int(rng.integers(8, len(data) - 300))] ^= int(rng.integers(1, 256))
            with contextlib.suppress(MaskError):
                decode_mask(bytes(data), name="a.tif")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ([7, 7], "begin with a clear"),
        ([256, 7, 300], "code 300"),
        ([256, 258], "code 258"),
        ([256, 7, 257], "1 bytes of 12"),
        ([256, *[7] * 13, 257], "instead of 12"),
        ([257], "0 bytes of 12"),
    ],
)
def test_lzw_codes_that_mean_nothing_are_refused(codes: list[int], said: str) -> None:
    array = np.full((3, 4), 7, np.uint8)
    bits = "".join(f"{code:09b}" for code in codes)
    packed = bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8)).ljust(12, b"\0")
    data = tiff(array, tags={259: (5,), 279: (len(packed),)}).replace(array.tobytes(), packed[:12], 1)
    if len(packed) > 12:
        data = tiff(array, tags={259: (5,), 279: (len(packed),)})
        directory = int.from_bytes(data[4:8], "little")
        data = data + packed
        entry = data.index((273).to_bytes(2, "little"), directory)
        data = data[: entry + 8] + (len(data) - len(packed)).to_bytes(4, "little") + data[entry + 12 :]
    assert said in str(refused(data))


def test_lzw_without_clear_codes_ends_where_the_table_does() -> None:
    array = np.full((3, 4096), 7, np.uint8)
    # 4,000 literals would need entries that 12 bits do not name.
    widths = [9] * 254 + [10] * 512 + [11] * 1024 + [12] * 4000
    bits = f"{256:09b}" + "".join(f"{7:0{width}b}" for width in widths[:5000])
    packed = bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))
    data = tiff(array, tags={259: (5,), 279: (len(packed),), 273: (16,)})
    assert len(packed) <= array.size
    assert "more LZW codes" in str(refused(data[:16] + packed.ljust(array.size, b"\0") + data[16 + array.size :]))


def test_lzw_of_the_old_kind_is_refused_by_name() -> None:
    array = np.full((3, 4), 7, np.uint8)
    data = tiff(array, tags={259: (5,)}).replace(array.tobytes(), b"\0\1" + bytes(10), 1)
    assert "old kind" in str(refused(data))


@pytest.mark.parametrize(("compression", "filler"), [(32773, b"\x80"), (5, b"\x80\x40\x20\x10\x08\x04\x02\x01\0")])
def test_a_strip_that_keeps_the_decoder_busy_is_refused_at_once(compression: int, filler: bytes) -> None:
    """PackBits' no-operation and LZW's clear code give no pixel: ten megabytes of either stand for twelve pixels."""
    array = np.full((3, 4), 7, np.uint8)
    data = tiff(array, tags={259: (compression,), 279: (10_000_000,)})
    busy = (filler * (10_000_000 // len(filler) + 1))[:10_000_000]
    directory = int.from_bytes(data[4:8], "little")
    entry = data.index((273).to_bytes(2, "little"), directory)
    data = data[: entry + 8] + len(data).to_bytes(4, "little") + data[entry + 12 :] + busy
    assert "packed into 10000000" in str(refused(data)), "the tags tell, before a byte is unpacked"


def test_lzw_of_noise_is_unpacked_in_bounded_time() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000), np.uint8)
    data = saved(noise, "tiff_lzw")
    start = time.process_time()
    assert np.array_equal(decode_mask(data, name="a.tif"), noise)
    assert time.process_time() - start < 5


def test_packbits_may_hold_operations_that_do_nothing() -> None:
    array = np.array([[5, 5, 5, 5, 1, 2, 3]], np.uint8)
    packed = b"\x80\xfd\x05\x80\x02\x01\x02\x03"
    data = tiff(array, tags={259: (32773,), 279: (len(packed),)})
    moved = data[:4] + (int.from_bytes(data[4:8], "little") + 2).to_bytes(4, "little") + data[8:16]
    assert np.array_equal(decode_mask(moved + packed + b"\0\0" + data[24:], name="a.tif"), array)


@pytest.mark.parametrize(("tag", "value"), [(284, 2), (258, 16)])
def test_colours_in_planes_or_of_16_bit_are_refused(tag: int, value: int) -> None:
    planes = tiff(np.zeros((3, 12), np.uint8), width=4, tags={277: (3,), 262: (2,), tag: (value,)})
    assert "encoding that is not read" in refused(planes).what
