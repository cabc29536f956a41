"""NIfTI volumes: the header by nibabel, checked before anything is unpacked, and the voxels as they are stored.

Arrays are (slices, height, width), the file's first axis last, as SimpleITK and nnU-Net have them; nothing is turned.
"""

from __future__ import annotations

import math
import zlib
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.images.headers import MAP_BYTES, PROBS_FIX, ImageFacts, check_size, damaged, truncated, unsupported
from segeval.protocol.storage import SideStorage
from segeval.records import dataclass

GZIP = b"\x1f\x8b"
_HEADERS = {348: "Nifti1Header", 540: "Nifti2Header"}
"""The sizes of headers, in bytes, and nibabel's class for each."""
_MAGIC = {344: (b"n+1\0",), 4: (b"n+2\0\r\n\x1a\n",)}
"""What tells NIfTI-1 and NIfTI-2 in one file, by place."""
_INTEGERS_AND_FLOATS = frozenset("uif")
_LARGEST_OFFSET = 1 << 24
"""Bytes before the voxels: the header and what its extensions say."""
NEAR = 1e-3
"""How far, in voxels, a corner may lie from where the other side has it."""

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Say where a volume lies: the affine from (column, row, slice) to millimetres, and the shape (D, H, W)."""

    affine: Matrix
    shape: tuple[int, ...]

    @property
    def spacing(self) -> tuple[float, ...]:
        """Return the size of a voxel along columns, rows and slices, in millimetres."""
        return tuple(float(np.linalg.norm([row[axis] for row in self.affine[:3]])) for axis in range(3))

    def words(self) -> str:
        """Say orientation, spacing and origin."""
        codes = "".join(code or "?" for code in _nibabel().aff2axcodes(np.array(self.affine)))
        sizes = "x".join(f"{part:.6g}" for part in self.spacing)
        origin = ", ".join(f"{row[3]:.6g}" for row in self.affine[:3])
        return f"orientation {codes}, spacing {sizes}, origin ({origin})"

    def agrees(self, other: Geometry) -> bool:
        """Tell whether all corners lie where the other volume has them, within a thousandth of a voxel of either."""
        depth, height, width = self.shape
        ends = np.array([(x, y, z, 1) for x in (0, width - 1) for y in (0, height - 1) for z in (0, depth - 1)], float)
        mine, theirs = np.array(self.affine), np.array(other.affine)
        for one, two in ((mine, theirs), (theirs, mine)):
            moved = np.linalg.solve(one, two @ ends.T).T
            if not np.abs(moved - ends).max() <= NEAR:
                return False
        return True


@dataclass(frozen=True, slots=True, eq=False)
class NiftiFile:
    """Hold a checked header: `shape` is (maps, D, H, W), `offset` where the voxels begin in the unpacked file."""

    facts: ImageFacts
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    packed: bool


def is_nifti(data: bytes) -> bool:
    """Tell a NIfTI file in one part, through gzip or not."""
    try:
        start = _start(data, max(_HEADERS)) if data.startswith(GZIP) else data[: max(_HEADERS)]
    except MaskError:  # gzip of something else, or nothing at all
        return False
    return any(start[at : at + len(magic)] == magic for at, magics in _MAGIC.items() for magic in magics)


def parse_nifti(data: bytes, max_pixels: int) -> NiftiFile:
    """Read and check the header of a volume; raises `MaskError`."""
    packed = data.startswith(GZIP)
    start = _start(data, max(_HEADERS)) if packed else data[: max(_HEADERS)]
    size = 540 if start[4:12] in _MAGIC[4] else 348
    if len(start) < size:
        raise truncated("the file ends within its NIfTI header")
    header = getattr(_nibabel(), _HEADERS[size])(start[:size], check=False)
    rank, *sizes = (int(part) for part in header["dim"])
    if not 2 <= rank <= 7 or any(part < 1 for part in sizes[:rank]):
        raise damaged(f"a NIfTI header with the shape {(rank, *sizes)}")
    columns, rows, slices, *more = (*sizes[:rank], 1)[: max(rank, 3)]
    if sum(part > 1 for part in more) > 1:
        raise unsupported(f"NIfTI of {rank} axes, {tuple(sizes[:rank])}")
    maps = math.prod(more)
    check_size(columns, rows * slices, max_pixels)
    try:
        dtype = header.get_data_dtype()
    except Exception as problem:  # nibabel's own class, for a code that there is not
        raise damaged(f"NIfTI data type {int(header['datatype'])}") from problem
    if dtype.kind not in _INTEGERS_AND_FLOATS or dtype.itemsize > 8:
        raise unsupported(f"NIfTI {dtype}")
    shape = (maps, slices, rows, columns)
    if math.prod(shape) * dtype.itemsize > max(8 * max_pixels, MAP_BYTES):
        raise MaskError(
            "probability maps are larger than the limit",
            (f"{dtype.newbyteorder('=')} {shape}",),
            "Save fewer or smaller maps a file, or raise --max-pixels if the size is meant",
        )
    offset = float(header["vox_offset"])
    if not (offset.is_integer() and size <= offset <= _LARGEST_OFFSET):
        raise damaged(f"NIfTI voxels at {offset}")
    _check_scaling(float(header["scl_slope"]), float(header["scl_inter"]))
    words = f"NIfTI {dtype.newbyteorder('=')} {columns}x{rows}x{slices}" + f", {maps} maps" * (maps > 1)
    geometry = _geometry(header, shape[1:])
    stored = columns, rows, 8 * dtype.itemsize, maps, dtype.kind
    facts = ImageFacts("NIfTI", "volume", words, *stored, geometry=geometry, depth=slices)
    return NiftiFile(facts, dtype, shape, int(offset), packed)


def _check_scaling(slope: float, shift: float) -> None:
    """Refuse stored values that stand for others; slope 0 or none means that they do not (nifti1.h, scl_slope)."""
    if slope == 0 or math.isnan(slope) or (slope, shift) == (1, 0):
        return
    raise unsupported(f"NIfTI whose values are to be multiplied by {slope:g} and shifted by {shift:g}")


def _geometry(header: Any, shape: tuple[int, ...]) -> Geometry:
    affine = np.asarray(header.get_best_affine(), float)
    if not np.isfinite(affine).all() or not abs(np.linalg.det(affine[:3, :3])) > 0:
        raise damaged("a NIfTI header whose affine is none")
    return Geometry(tuple(tuple(row) for row in affine.tolist()), shape)


def nifti_samples(volume: NiftiFile, data: bytes) -> NDArray[Any]:
    """Return the stored voxels, (maps, D, H, W), in native byte order."""
    size = math.prod(volume.shape) * volume.dtype.itemsize
    if volume.packed:
        # One byte more: where there is none, the checksum has been verified, or the file ends early.
        content = memoryview(_start(data, volume.offset + size + 1, whole=True))[volume.offset :][:size]
    else:
        content = memoryview(data)[volume.offset : volume.offset + size]
    if len(content) < size:
        raise truncated(f"{len(content)} bytes of voxels instead of {size}")
    flat = np.frombuffer(content, volume.dtype)
    return flat.astype(volume.dtype.newbyteorder("="), copy=False).reshape(volume.shape)


def labels_of_volume(
    data: bytes, *, max_pixels: int, storage: SideStorage
) -> tuple[NDArray[np.integer[Any]], ImageFacts]:
    """Return the labels, (D, H, W), or (H, W) of a single slice, and what the header says; raises `MaskError`."""
    volume = parse_nifti(data, max_pixels)
    facts = volume.facts
    if storage.channel is not None:
        fix = "Leave the option out: channels are of images"
        raise MaskError("a volume has no channels", (facts.encoding,), fix)
    if volume.shape[0] > 1:
        raise MaskError("a volume holds several maps", (facts.encoding,), PROBS_FIX, kind="probability-maps")
    if facts.sample == "f" and not storage.cast_labels:
        raise MaskError("a volume of floats is no label mask", (facts.encoding,), PROBS_FIX, kind="probability-maps")
    (samples,) = nifti_samples(volume, data)
    labels = samples[0] if len(samples) == 1 else samples
    if facts.sample != "f":
        return labels, facts
    from segeval.images.labels import whole_numbers

    return whole_numbers(labels), facts


def maps_of_volume(data: bytes, *, max_pixels: int) -> NDArray[Any]:
    """Return the maps of a volume, (K, D, H, W), or (K, H, W) of a single slice; raises `MaskError`."""
    volume = parse_nifti(data, max_pixels)
    if volume.facts.sample == "i" or (volume.facts.sample == "u" and volume.dtype.itemsize > 2):
        raise MaskError(
            "a volume has a type that probability maps do not have",
            (volume.facts.encoding,),
            "Save floats in [0, 1], uint8 (v/255) or uint16 (v/65535); drop --probs if these are label masks",
            kind="label-masks",
        )
    samples = nifti_samples(volume, data)
    return samples[:, 0] if samples.shape[1] == 1 else samples


def _start(data: bytes, size: int, *, whole: bool = False) -> bytes:
    """Unpack the first `size` bytes of what gzip packed, in one member or several; what comes short is short.

    With `whole`, raises `MaskError` where it is short because the packed data end too early.
    """
    parts: list[bytes] = []
    rest = data
    while size and rest.startswith(GZIP):
        inflater = zlib.decompressobj(wbits=31)
        try:
            part = inflater.decompress(rest, size)
        except zlib.error as problem:
            raise damaged(f"its compressed data: {problem}") from problem
        parts.append(part)
        size -= len(part)
        if not inflater.eof:
            if whole and size:
                raise truncated("its compressed data end too early")
            break
        rest = inflater.unused_data
    return b"".join(parts)


def _nibabel() -> Any:
    """Return nibabel's functions for headers and orientations; refuse where it is not installed."""
    try:
        return import_module("nibabel")
    except ImportError:
        raise MaskError("NIfTI volumes need nibabel", (), "Install it: pip install 'segeval-masks[medical]'") from None
