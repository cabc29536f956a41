"""PNG files: every chunk is checked here; Pillow, or the compiled kernels, only inflate and unfilter.

Kernels are imported where they are called, since without a C compiler there are none, and so is Pillow, which the
kernels do without. Samples may lie in a `Buffer`, memory that one image after another is decoded into.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.images.headers import PNG_SIGNATURE, ImageFacts, check_size, damaged, truncated
from segeval.records import dataclass
from segeval.tables.lane import fast

if TYPE_CHECKING:
    from PIL import Image

LIBDEFLATE = find_spec("deflate") is not None
"""Whether the extra `fast` is installed."""

if LIBDEFLATE:
    import deflate

LARGEST_KEPT = 1 << 24
"""Bytes that a buffer keeps from one image to the next: 4096 x 4096 pixels of 8 bit."""


class Buffer:
    """Hold memory for the samples of one image at a time: fresh pages cost the system as much as counting them.

    An array taken from it is overwritten by the next one. Not to be shared between threads.
    """

    def __init__(self) -> None:
        self._kept = np.empty(0, np.uint8)
        self._canvas: tuple[NDArray[Any], Image.Image] | None = None
        self._rows: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None

    def array(self, shape: tuple[int, int], kind: np.dtype[Any]) -> NDArray[Any]:
        """Return an array of any content; one that is too large to be kept is fresh."""
        size = shape[0] * shape[1] * kind.itemsize
        if size > LARGEST_KEPT:
            return np.empty(shape, kind)
        if size > len(self._kept):
            self._kept = np.empty(size, np.uint8)
        return self._kept[:size].view(kind).reshape(shape)

    def rows(self, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return bytes for one row more than there are, flat, and those below the first row as (height, width)."""
        if self._rows is not None and self._rows[1].shape == (height, width):
            return self._rows
        above = self.array((height + 1, width), np.dtype(np.uint8))
        rows = above.reshape(-1), above[1:]
        self._rows = rows if above.nbytes <= LARGEST_KEPT else None
        return rows

    def canvas(self, mode: str, size: tuple[int, int]) -> tuple[NDArray[Any], Image.Image]:
        """Return an array and the image, (width, height), of one of the `SHARED` modes, that lies in its memory.

        Images of a folder are mostly of one size: what was returned last is returned again.
        """
        from PIL import Image

        from segeval.images.pngpillow import SHARED

        if self._canvas is not None and (self._canvas[1].mode, self._canvas[1].size) == (mode, size):
            return self._canvas
        samples = self.array((size[1], size[0]), SHARED[mode])
        canvas = samples, Image.frombuffer(mode, size, samples, "raw", mode, 0, 1)
        self._canvas = canvas if samples.nbytes <= LARGEST_KEPT else None
        return canvas


LARGEST = 1 << 26
"""Bytes that `deflate` is given: where memory runs out, it prints a SystemError about a deallocated bytearray."""


def checksum(data: memoryview) -> int:
    """Return the CRC-32 of a PNG chunk."""
    return deflate.crc32(data) if LIBDEFLATE else zlib.crc32(data)


def inflated(compressed: bytes, size: int) -> bytes | bytearray | None:
    """Return the `size` bytes of a zlib stream; `None` where it is damaged, or not certainly of that size.

    A slower decoder says what is wrong. At most `size` + 1 bytes are made; those behind the stream are not looked at.
    """
    if LIBDEFLATE and size <= LARGEST:
        try:
            rows = deflate.zlib_decompress(compressed, size)
        except deflate.DeflateError:
            return None
        return rows if len(rows) == size else None
    return _inflated_in_pieces(compressed, size)


FED, PIECE = 1 << 14, 1 << 16
"""Bytes given to zlib and taken from it at a time: what it makes of a whole image lies in memory that the system hands
out and takes back for every image, which takes as long as inflating."""


def _inflated_in_pieces(compressed: bytes, size: int) -> bytearray | None:
    inflater = zlib.decompressobj()
    rows, filled = bytearray(size), 0
    fed = memoryview(compressed)
    for start in range(0, len(compressed), FED):
        rest: bytes | memoryview = fed[start : start + FED]
        while True:
            try:
                piece = inflater.decompress(rest, PIECE)
            except zlib.error:
                return None
            end = filled + len(piece)
            if end > size:
                return None
            rows[filled:end] = piece
            filled, rest = end, inflater.unconsumed_tail
            if len(piece) < PIECE:
                break
        if inflater.eof:
            break
    return rows if inflater.eof and filled == size else None


BYTE = np.dtype(np.uint8)


def fast_samples(facts: ImageFacts, compressed: bytes, size: int, buffer: Buffer) -> NDArray[Any] | None:
    """Return the samples of a PNG that is not interlaced, (H, W) or (H, W, channels), as stored.

    `compressed` inflates to `size` bytes. Returns `None` where anything is wrong with it, which a slower decoder has to
    name. The array may lie in `buffer`.
    """
    from segeval.images.pngrows import spread, unfilter

    rows = inflated(compressed, size)
    if rows is None:
        return None
    width = size // facts.height - 1
    pixel = facts.channels * facts.bit_depth
    # Samples of less than a byte are unfiltered first and then spread, into the memory that is kept.
    target, below = (buffer if pixel >= 8 else Buffer()).rows(facts.height, width)
    if unfilter(rows, target, facts.height, width, pixel >> 3 or 1) != facts.height:
        return None
    samples: NDArray[Any] = below
    if pixel < 8:
        packed, samples = samples, buffer.array((facts.height, facts.width), BYTE)
        spread(packed.reshape(-1), samples.reshape(-1), facts.width, facts.bit_depth)
    elif facts.bit_depth == 16:
        samples = samples.view(np.uint16)
        samples.byteswap(inplace=True)  # PNG stores the high byte first, and the kernels are for little-endian machines
    return samples if facts.channels == 1 else samples.reshape(facts.height, facts.width, facts.channels)


_PNG_COLOR_TYPES: dict[int, tuple[str, int, tuple[int, ...]]] = {
    0: ("gray", 1, (1, 2, 4, 8, 16)),
    2: ("RGB", 3, (8, 16)),
    3: ("palette", 1, (1, 2, 4, 8)),
    4: ("gray+alpha", 2, (8, 16)),
    6: ("RGBA", 4, (8, 16)),
}

ADAM7: tuple[tuple[int, int, int, int], ...] = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""First column, first row, column step and row step of the seven passes (PNG specification, third edition, 8.2)."""


_CHUNK = struct.Struct(">I4s")
_SUM = struct.Struct(">I")


@dataclass(frozen=True, slots=True, eq=False)
class PngFile:
    """Hold the facts and the compressed samples of one PNG file."""

    facts: ImageFacts
    compressed: bytes

    @property
    def inflated_size(self) -> int:
        """Return the number of bytes that the samples have after inflating: each row has one byte for its filter."""
        facts = self.facts
        if not facts.interlaced:
            return facts.height * (1 + -(-facts.width * facts.channels * facts.bit_depth // 8))
        total = 0
        for column, row, column_step, row_step in ADAM7:
            columns = -(-(facts.width - column) // column_step)
            rows = -(-(facts.height - row) // row_step)
            if columns > 0 and rows > 0:
                total += rows * (1 + -(-columns * facts.channels * facts.bit_depth // 8))
        return total


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and content of each chunk, with its checksum verified, up to IEND, which must be the file's end."""
    view = memoryview(data)
    size = len(data)
    position = len(PNG_SIGNATURE)
    while True:
        if position + 12 > size:
            raise truncated("the file ends before its IEND chunk")
        length, kind = _CHUNK.unpack_from(data, position)
        if not kind.isalpha():
            raise damaged(f"no PNG chunk at byte {position}")
        end = position + 8 + length
        if end + 4 > size:
            raise truncated(f"the file ends within its {kind.decode('ascii')} chunk")
        if checksum(view[position + 4 : end]) != _SUM.unpack_from(data, end)[0]:
            raise damaged(f"wrong checksum (CRC) in the {kind.decode('ascii')} chunk at byte {position}")
        yield kind, view[position + 8 : end]
        position = end + 4
        if kind == b"IEND":
            if length or position != size:
                raise damaged(f"{size - position + length} bytes after the end of the PNG image")
            return


@lru_cache(maxsize=256)
def _png_header(content: bytes, max_pixels: int) -> ImageFacts:
    """Read an IHDR chunk; images of a folder mostly have the same one."""
    if len(content) != 13:
        raise damaged(f"an IHDR chunk of {len(content)} bytes instead of 13")
    width, height, depth, color_type, compression, filtering, interlace = struct.unpack(">IIBBBBB", content)
    kind, channels, depths = _PNG_COLOR_TYPES.get(color_type, ("", 0, ()))
    if depth not in depths:
        raise damaged(f"PNG colour type {color_type} with {depth} bit does not exist")
    if compression or filtering or interlace > 1:
        raise damaged(f"PNG compression {compression}, filter method {filtering}, interlace method {interlace}")
    if max(width, height) >= 2**31:
        raise damaged(f"{width} x {height} pixels")
    check_size(width, height, max_pixels)
    encoding = f"PNG {kind} {depth} bit" + (", interlaced" if interlace else "")
    return ImageFacts("PNG", kind, encoding, width, height, depth, channels, interlaced=bool(interlace))


def parse_png(data: bytes, max_pixels: int) -> PngFile:
    """Read the chunks of a PNG file: every checksum, order and length is verified, text is passed over unread.

    Follows the PNG specification (third edition), sections 5 and 11. tRNS changes no stored value and is not looked
    at. An index beyond the palette is a stored value like others.
    """
    facts: ImageFacts | None = None
    parts: list[memoryview] = []
    animated = colors = idat_closed = False
    for kind, content in _png_chunks(data):
        if facts is None:
            if kind != b"IHDR":
                raise damaged("the first PNG chunk is not IHDR")
            facts = _png_header(bytes(content), max_pixels)
        elif kind == b"IDAT":
            if idat_closed:
                raise damaged("PNG IDAT chunks that do not follow each other")
            if facts.kind == "palette" and not colors:
                raise damaged("a palette PNG without PLTE chunk before its data")
            parts.append(content)
            continue
        elif kind == b"PLTE":
            if colors or parts or (facts.channels < 3 and facts.kind != "palette"):
                raise damaged("a PLTE chunk where none may be")
            if len(content) % 3 or not 1 <= len(content) // 3 <= 256:
                raise damaged(f"a PLTE chunk of {len(content)} bytes")
            if facts.kind == "palette" and len(content) // 3 > 1 << facts.bit_depth:
                raise damaged(f"{len(content) // 3} palette entries for {facts.bit_depth} bit")
            colors = True
            if facts.kind == "palette":
                facts = replace(facts, palette=bytes(content))
        elif kind == b"acTL":
            animated = True
        elif kind != b"IEND" and not kind[0] & 0x20:
            raise damaged(f"an unknown critical PNG chunk {kind.decode('ascii')}")
        idat_closed = bool(parts)
    if facts is None or not parts:
        raise damaged("a PNG file without IDAT chunk")
    if animated:
        facts = replace(facts, encoding=f"{facts.encoding}, animated", animated=True)
    return PngFile(facts, b"".join(parts))


def png_samples(image: PngFile, buffer: Buffer | None = None) -> NDArray[Any]:
    """Return the samples, (H, W) or (H, W, channels), as stored; the array may lie in `buffer`.

    They are exactly those of the data, which are neither short nor long nor damaged; raises `MaskError` for others.
    """
    if not image.facts.interlaced and fast():
        samples = fast_samples(image.facts, image.compressed, image.inflated_size, buffer or Buffer())
        if samples is not None:
            return samples
    from segeval.images.pngpillow import pillow_samples

    return pillow_samples(image.facts, image.compressed, image.inflated_size, (buffer or Buffer()).canvas)
