"""Mutated NIfTI volumes and TIFF stacks: refused, or read within bounds, NIfTI as nibabel reads it."""

from __future__ import annotations

import gzip
import io
import struct
from functools import cache
from importlib import import_module
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segeval.errors import MaskError
from segeval.images.readers import decode_probability, read_mask
from segeval.protocol.storage import SideStorage
from tests.fuzz.engine import CURRENT, WrongError
from tests.fuzz.mutations import TELLING, spoiled

MOST_PIXELS = 1 << 16
LABELS = (np.arange(5 * 6 * 7) * 7 % 11).astype(np.uint8).reshape(5, 6, 7)
HEADER = (0, 4, 40, 42, 44, 46, 48, 70, 72, 108, 112, 116, 254, 280, 296, 312, 344)
"""Places of a NIfTI-1 header that decide what is read."""


def check(chance: Random) -> tuple[str, bytes]:
    """Make one mutated file and read it, as a mask and as maps."""
    nifti = chance.random() < 0.7
    data = _other_header(chance, chance.choice(volumes())) if nifti else spoiled(chance, chance.choice(stacks()))
    packed = nifti and chance.random() < 0.4
    sent = spoiled(chance, gzip.compress(data, 1)) if packed and chance.random() < 0.3 else data
    sent = gzip.compress(sent, 1) if packed and sent is data else sent
    CURRENT.data = sent
    try:
        values, facts = read_mask(sent, name="a", max_pixels=MOST_PIXELS, storage=SideStorage(stack=True))
    except MaskError:
        try:
            decode_probability(sent, name="a", max_pixels=MOST_PIXELS)
        except MaskError:
            return "refused", sent
        return "read as maps", sent
    if values.size > MOST_PIXELS:
        raise WrongError(f"{values.size} pixels were read", sent)
    if facts is None or facts.format != "NIfTI" or (sent is not data and not packed):
        return "read", sent
    return _compared(sent, values), sent


def _compared(data: bytes, values: np.ndarray[tuple[int, ...], np.dtype[np.integer]]) -> str:
    """Hold what was read to nibabel's own reading."""
    nibabel: Any = import_module("nibabel")
    try:
        whole = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        kind = nibabel.Nifti2Image if whole[4:8] == b"n+2\0" else nibabel.Nifti1Image
        theirs = np.asarray(kind.from_bytes(whole).dataobj.get_unscaled())
    except Exception:  # nibabel raises what it comes across
        return "read, refused by nibabel"
    expected = theirs.reshape(theirs.shape[:3]).T if theirs.ndim > 3 else theirs.T
    if not np.array_equal(np.squeeze(values), np.squeeze(expected)):
        raise WrongError(f"read as {values.shape}, nibabel has {theirs.shape}", data)
    return "read as nibabel reads it"


def _other_header(chance: Random, data: bytes) -> bytes:
    if chance.random() < 0.3:
        return spoiled(chance, data)
    at, letter = chance.choice(HEADER), chance.choice("bhif")
    number = chance.choice((*TELLING, -1, -2)) if letter != "f" else chance.choice((0.0, 1.0, 352.0, 1e9, float("nan")))
    limit = 1 << 8 * struct.calcsize(f"={letter}")
    value = number if letter == "f" else (int(number) + limit // 2) % limit - limit // 2
    written = struct.pack(f"<{letter}", value)
    return data[:at] + written + data[at + len(written) :]


@cache
def volumes() -> tuple[bytes, ...]:
    """Return whole volumes of both versions and several types, one of several maps."""
    nibabel: Any = import_module("nibabel")
    maps = np.stack([LABELS / 11, 1 - LABELS / 11], axis=-1)
    arrays: list[NDArray[Any]] = [LABELS.T, LABELS.T.astype(np.int16), LABELS.T.astype(">i4"), LABELS[:1].T]
    arrays.append(maps.astype(np.float32))
    found = [
        kind(array, np.diag([0.5, 0.6, 3.0, 1.0]), dtype=array.dtype).to_bytes()
        for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image)
        for array in arrays
    ]
    return tuple(found)


@cache
def stacks() -> tuple[bytes, ...]:
    """Return TIFF files of several images, as libtiff packs them."""
    found = []
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        for array in (LABELS, LABELS.astype(np.uint16), np.repeat(LABELS[..., None], 3, axis=-1)):
            first, *others = map(Image.fromarray, array)
            target = io.BytesIO()
            first.save(target, "TIFF", save_all=True, append_images=others, compression=compression)
            found.append(target.getvalue())
    return tuple(found)
