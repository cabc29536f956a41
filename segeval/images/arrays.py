"""NumPy files without pickle and without surprises: the header is read and checked before anything is allocated."""

from __future__ import annotations

import io
import math
import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError
from segeval.images.headers import MAP_BYTES, PROBS_FIX, ImageFacts, check_size, damaged, truncated
from segeval.protocol.storage import AS_STORED, SideStorage
from segeval.records import dataclass

if TYPE_CHECKING:
    import zipfile

# What NumPy writes is a Python literal; only the form that it has is read, and no parser of Python sees it.
_SPACE = r"[ \t\n]*"
_ENTRIES = {
    "descr": r"'(?P<descr>[^'\\]*)'",
    "fortran_order": r"(?P<order>True|False)",
    "shape": rf"\((?P<shape>(?:{_SPACE}(?:0|[1-9][0-9]*)L?{_SPACE},)*(?:{_SPACE}(?:0|[1-9][0-9]*)L?)?){_SPACE}\)",
}
_ENTRY = {key: re.compile(rf"{_SPACE}'{key}'{_SPACE}:{_SPACE}{form}{_SPACE}") for key, form in _ENTRIES.items()}
_STRUCTURED = re.compile(rf"'descr'{_SPACE}:{_SPACE}\[")
_NUMBER = re.compile(r"[0-9]+")
_DTYPE = re.compile(r"[<>|=]([biuf])(1|2|4|8)")
_OTHER_DTYPES = {"O": "object", "c": "complex", "U": "text", "S": "text", "V": "structured", "M": "date", "m": "time"}
_HEADER_LIMIT = 1 << 16

ARRAY_FIX = "Save one integer array of shape (height, width)"


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """Hold what an .npy header says: type, shape, order of the axes, and where the values begin."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    offset: int

    @property
    def size(self) -> int:
        """Return the number of bytes that the whole .npy file must have."""
        return self.offset + math.prod(self.shape) * self.dtype.itemsize


def parse_header(data: bytes) -> ArrayHeader:
    """Read an .npy header, versions 1.0 to 3.0 (numpy.lib.format); only booleans, integers and floats are arrays."""
    try:
        major, minor = data[6], data[7]
        length, start = (struct.unpack_from("<H", data, 8)[0], 10) if major == 1 else _long_header(data, major)
    except (IndexError, struct.error):
        raise truncated("the file ends within its .npy header") from None
    if minor:
        raise damaged(f".npy version {major}.{minor}")
    if length > _HEADER_LIMIT:
        raise damaged(f"an .npy header of {length} bytes")
    if start + length > len(data):
        raise truncated("the file ends within its .npy header")
    text = data[start : start + length].decode("utf-8" if major == 3 else "latin-1")
    if _STRUCTURED.search(text):
        raise MaskError("an array is neither integer nor float", ("structured values",), ARRAY_FIX)
    descr, order, shape = _entries(text)
    if not _DTYPE.fullmatch(descr):
        words = _OTHER_DTYPES.get(descr.lstrip("<>|=")[:1], f"{descr!r}")
        raise MaskError("an array is neither integer nor float", (f"{words} values",), ARRAY_FIX)
    sizes = _NUMBER.findall(shape)
    if len(sizes) > 32 or any(len(size) > 18 for size in sizes):
        raise damaged("an .npy header with a shape that no array has")
    try:
        dtype = np.dtype(descr)
    except TypeError:
        raise damaged(f"an .npy header with the type {descr!r}") from None
    return ArrayHeader(dtype, tuple(map(int, sizes)), order == "True", start + length)


def _entries(text: str) -> tuple[str, str, str]:
    """Return type, order and shape of a header, which holds these three and nothing else."""
    found: dict[str, str] = {}
    position = 1
    while text[:1] == "{" and len(found) < 3:
        entry = next((match for form in _ENTRY.values() if (match := form.match(text, position))), None)
        if entry is None or entry.lastgroup is None or entry.lastgroup in found:
            break
        found[entry.lastgroup] = entry[entry.lastgroup]
        position = entry.end() + 1
        if text[position - 1 : position] != ",":
            position -= 1
            break
    if len(found) < 3 or text[position:].strip(" \t\n") != "}":
        raise damaged("an .npy header without type, order and shape")
    return found["descr"], found["order"], found["shape"]


def _long_header(data: bytes, major: int) -> tuple[int, int]:
    if major not in (2, 3):
        raise damaged(f".npy version {major}")
    return struct.unpack_from("<I", data, 8)[0], 12


def load_array(
    data: bytes, *, packed: bool, probs: bool, max_pixels: int, storage: SideStorage = AS_STORED
) -> NDArray[Any]:
    """Return the array of an .npy file, or of an .npz file (`packed`) that holds exactly one.

    Shape, type and size are checked before anything is inflated: (H, W) for masks, and (K, H, W) where `storage` names
    the axis of classes, which comes first then; (K, H, W) or (H, W) for probability maps (`probs`). Further axes of
    length 1 are dropped. The array is in native byte order, and read-only where it shares `data`.
    """
    header, values = _checked(data, packed=packed, probs=probs, max_pixels=max_pixels, storage=storage)
    array = values.reshape(squeezed(header.shape, 3 if probs or storage.class_axis else 2))
    return np.moveaxis(array, -1, 0) if storage.class_axis == "last" and array.ndim == 3 else array


def _checked(
    data: bytes, *, packed: bool, probs: bool, max_pixels: int, storage: SideStorage
) -> tuple[ArrayHeader, NDArray[Any]]:
    """Return the header and the values of an array, once the header is found to be that of one that is read."""
    if not packed:
        header = parse_header(data)
        _check_shape(header, probs=probs, max_pixels=max_pixels, storage=storage)
        return header, _values(data, header)
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        member = _only_member(archive)
        header = _member_header(archive, member)
        _check_shape(header, probs=probs, max_pixels=max_pixels, storage=storage)
        if header.size != member.file_size:
            raise damaged(f"{member.file_size} bytes instead of {header.size} in {member.filename}")
        with archive.open(member) as stream:
            return header, _values(stream.read(header.size + 1), header)


def squeezed(shape: tuple[int, ...], axes: int) -> tuple[int, ...]:
    """Drop axes of length 1 until no more than `axes` are left: the last of three, else the first there is."""
    found = list(shape)
    while len(found) > axes and 1 in found:
        found.pop(-1 if len(found) == 3 and found[-1] == 1 else found.index(1))
    return tuple(found)


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if len(members) != 1:
        names = ", ".join(member.filename.removesuffix(".npy") for member in members[:8])
        raise MaskError(
            "an .npz file does not hold exactly one array",
            (f"{len(members)} arrays: {names}" if members else "no array",),
            "Save one array a file, as in numpy.savez_compressed(path, mask)",
        )
    if not members[0].filename.endswith(".npy"):
        raise MaskError("a zip file is not an .npz file", (f"it holds {members[0].filename}",), ARRAY_FIX)
    return members[0]


def _member_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> ArrayHeader:
    with archive.open(member) as stream:
        start = stream.read(_HEADER_LIMIT + 12)
    if not start.startswith(b"\x93NUMPY"):
        raise damaged(f"{member.filename} is not an .npy file")
    return parse_header(start)


def _check_shape(header: ArrayHeader, *, probs: bool, max_pixels: int, storage: SideStorage) -> None:
    kind = header.dtype.kind
    shape = squeezed(header.shape, 3 if probs or storage.class_axis else 2)
    words = f"{header.dtype.newbyteorder('=')} {header.shape}"
    if not probs and kind == "f" and not storage.cast_labels:
        raise MaskError("an array of floats is not a label mask", (words,), PROBS_FIX, kind="probability-maps")
    if probs and not (kind == "f" or (kind == "u" and header.dtype.itemsize <= 2)):
        raise MaskError(
            "an array has a type that probability maps do not have",
            (words,),
            "Save floats in [0, 1], uint8 (v/255) or uint16 (v/65535); drop --probs if these are label masks",
            kind="label-masks",
        )
    if probs:
        if len(shape) not in (2, 3):
            raise MaskError(
                "an array does not have the shape of probability maps", (words,), "Save (classes, height, width)"
            )
        height, width = shape[:2] if storage.class_axis == "last" else shape[-2:]
        check_size(width, height, max_pixels)
        if not math.prod(shape):
            raise damaged("an array without values")
        if header.size > max(8 * max_pixels, MAP_BYTES):
            raise MaskError(
                "probability maps are larger than the limit",
                (f"{words}, {header.size} bytes",),
                "Save fewer or smaller maps a file, or uint8 levels, or raise --max-pixels if the size is meant",
            )
        return
    if len(shape) != 2 and not (len(shape) == 3 and storage.class_axis):
        fix = ARRAY_FIX
        if len(shape) == 3:
            axis = "last" if shape[2] < shape[0] else "first"
            fix = f"{ARRAY_FIX}; a one-hot array with the class axis {axis} is read with --class-axis {axis}"
        raise MaskError("an array does not have the shape of a mask", (words,), fix)
    height, width = shape[:2] if storage.class_axis == "last" else shape[-2:]
    check_size(width, height, max_pixels)
    if header.size > max(8 * max_pixels, MAP_BYTES):
        raise MaskError("an array is larger than the limit", (f"{words}, {header.size} bytes",), ARRAY_FIX)


def _values(data: bytes, header: ArrayHeader) -> NDArray[Any]:
    if len(data) < header.size:
        raise truncated(f"{len(data)} bytes instead of {header.size}")
    if len(data) > header.size:
        raise damaged(f"{len(data) - header.size} bytes after the end of the array")
    flat = np.frombuffer(data, header.dtype, math.prod(header.shape), header.offset)
    if flat.dtype.kind == "b":
        flat = flat.view(np.uint8)
        if flat.max() > 1:
            raise damaged("booleans other than 0 and 1")
    if not flat.dtype.isnative:
        flat = flat.astype(flat.dtype.newbyteorder("="))
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def array_facts(data: bytes, *, packed: bool, class_axis: str | None = None) -> ImageFacts:
    """Return the facts of an .npy or one-array .npz file from its header; `channels` is the length of `class_axis`."""
    if packed:
        import zipfile

        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            header = _member_header(archive, _only_member(archive))
    else:
        header = parse_header(data)
    name, shape, dtype = "npz" if packed else "npy", header.shape, header.dtype.newbyteorder("=")
    plain = squeezed(shape, 3)
    if len(plain) == 3 and plain[2] == 1 and class_axis is None:
        plain = plain[:2]
    if len(plain) == 3 and class_axis == "last":
        plain = (plain[2], *plain[:2])
    height, width = plain[1:3] if len(plain) == 3 else (*plain, 0, 0)[:2]
    channels = plain[0] if len(plain) == 3 else 1
    sample = {"b": "u"}.get(dtype.kind, dtype.kind)
    return ImageFacts(name, "array", f"{name} {dtype} {shape}", width, height, 8 * dtype.itemsize, channels, sample)
