"""What image files say of themselves: read from their bytes, and checked, before anything is decoded."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from segeval.errors import MaskError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

NEW_FILE = "Write the file anew from its source, or take it out of the folder"
AS_PNG = "Save the mask as a PNG with one channel (gray or palette)"

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (PNG_SIGNATURE, "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"\x93NUMPY", "npy"),
    (b"PK\x03\x04", "npz"),
    (b"PK\x05\x06", "npz"),
)

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


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Say what a file holds, as its header tells it.

    `kind` is gray, palette, gray+alpha, RGB, RGBA or array; `encoding` says it in words; `width` and `height` are in
    pixels; `bit_depth` is the size of one stored sample in bits; `channels` counts samples a pixel, or maps of an
    array; `sample` is u (unsigned), i (signed) or f (float). `animated` is true where there is more than one frame.
    """

    format: str
    kind: str
    encoding: str
    width: int
    height: int
    bit_depth: int
    channels: int
    sample: str = "u"
    interlaced: bool = False
    animated: bool = False

    @property
    def has_alpha(self) -> bool:
        """Return whether there is an alpha channel, opaque or not."""
        return self.kind.endswith(("+alpha", "RGBA"))


@dataclass(frozen=True, slots=True)
class PngFile:
    """Hold the facts and the compressed samples of one PNG file."""

    facts: ImageFacts
    compressed: bytes

    @property
    def inflated_size(self) -> int:
        """Return the number of bytes that the samples have after inflating: each row has one byte for its filter."""
        facts = self.facts
        passes = ADAM7 if facts.interlaced else ((0, 0, 1, 1),)
        total = 0
        for column, row, column_step, row_step in passes:
            columns = -(-(facts.width - column) // column_step)
            rows = -(-(facts.height - row) // row_step)
            if columns > 0 and rows > 0:
                total += rows * (1 + -(-columns * facts.channels * facts.bit_depth // 8))
        return total


@dataclass(frozen=True, slots=True)
class GifFile:
    """Hold the facts, the width of the first code and the sub-blocks of the first frame of one GIF file."""

    facts: ImageFacts
    code_bits: int
    blocks: bytes


@dataclass(frozen=True, slots=True)
class BmpFile:
    """Hold the facts of one BMP file and where its rows are; `gray_ramp` says that index i is the gray i."""

    facts: ImageFacts
    pixel_bits: int
    offset: int
    stride: int
    bottom_up: bool
    gray_ramp: bool


def damaged(detail: str) -> MaskError:
    """Return the error for a file whose bytes contradict its own format."""
    return MaskError("An image file is damaged", (detail,), NEW_FILE)


def truncated(detail: str) -> MaskError:
    """Return the error for a file that ends too early."""
    return MaskError("An image file is truncated", (detail,), NEW_FILE)


def unsupported(detail: str) -> MaskError:
    """Return the error for a legal file of a sort that cannot be read exactly."""
    return MaskError("An image file has an encoding that is not read", (detail,), AS_PNG)


def identify(data: bytes) -> str:
    """Return PNG, GIF, TIFF, BMP, npy or npz from the first bytes of `data`, whatever the name; refuse the others."""
    if not data:
        raise MaskError("A file is empty", (), NEW_FILE)
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data.startswith(b"\xff\xd8"):
        raise MaskError(
            "A mask is a JPEG, which is lossy: its labels cannot be told from what the compression made of them",
            (),
            "Save the mask as PNG from its source; converting the JPEG does not bring the labels back",
        )
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        raise MaskError("A mask is a WebP, which stores colours and no labels", (), AS_PNG)
    if data.startswith(b"\x1f\x8b"):
        raise MaskError("A file is compressed with gzip", (), "Unpack it (gunzip)")
    if len(data) < 8 and any(magic.startswith(data) for magic, _ in _MAGIC):
        raise truncated(f"{len(data)} bytes")
    if data.startswith((b"\x89PNG", b"\xc2\x89PNG", b"PNG", b"\x09PNG")):
        raise damaged("the PNG signature is broken, as by a transfer in text mode")
    raise MaskError(
        "A file is not an image",
        (f"it begins with {data[:8].hex(' ')}",),
        "Masks are PNG, BMP, GIF, TIFF, .npy or .npz; take other files out of the folder",
    )


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse dimensions that are zero or beyond `max_pixels`."""
    if width <= 0 or height <= 0:
        raise damaged(f"{width} x {height} pixels")
    if width * height > max_pixels:
        raise MaskError(
            "An image has more pixels than the limit",
            (f"{width} x {height} = {width * height} pixels, the limit is {max_pixels}",),
            "Raise --max-pixels if the size is meant",
        )


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and content of each chunk, with its checksum verified, up to IEND, which must be the file's end."""
    view = memoryview(data)
    position = len(PNG_SIGNATURE)
    while True:
        if position + 12 > len(data):
            raise truncated("the file ends before its IEND chunk")
        length, kind = struct.unpack_from(">I4s", data, position)
        if not kind.isalpha():
            raise damaged(f"no PNG chunk at byte {position}")
        end = position + 8 + length
        if end + 4 > len(data):
            raise truncated(f"the file ends within its {kind.decode('ascii')} chunk")
        if zlib.crc32(view[position + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise damaged(f"wrong checksum (CRC) in the {kind.decode('ascii')} chunk at byte {position}")
        yield kind, view[position + 8 : end]
        position = end + 4
        if kind == b"IEND":
            if length or position != len(data):
                raise damaged(f"{len(data) - position + length} bytes after the end of the PNG image")
            return


def _png_header(content: memoryview, max_pixels: int) -> ImageFacts:
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
            facts = _png_header(content, max_pixels)
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


def parse_gif(data: bytes, max_pixels: int) -> GifFile:
    """Read the blocks of a GIF file (GIF89a specification); further frames are noticed, not read."""
    try:
        width, height, flags = struct.unpack_from("<HHB", data, 6)
        check_size(width, height, max_pixels)
        position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        first: tuple[int, int, bytes] | None = None
        frames = interlace = 0
        while data[position] != 0x3B:
            introducer = data[position]
            if introducer == 0x21:
                start = position + 2
            elif introducer == 0x2C:
                area = struct.unpack_from("<HHHH", data, position + 1)
                local = data[position + 9]
                start = position + 11 + (3 << (local & 7) + 1 if local & 0x80 else 0)
                frames += 1
            else:
                raise damaged(f"no GIF block at byte {position}")
            end = start
            while data[end]:
                end += 1 + data[end]
            position = end + 1
            if introducer == 0x2C and first is None:
                if area != (0, 0, width, height):
                    raise damaged(f"a GIF frame that does not cover its {width} x {height} pixels")
                interlace = local >> 6 & 1
                first = (interlace, data[start - 1], data[start:position])
    except (IndexError, struct.error):
        raise truncated("the file ends before its GIF trailer") from None
    if position + 1 != len(data):
        raise damaged(f"{len(data) - position - 1} bytes after the end of the GIF image")
    if first is None:
        raise damaged("a GIF file without image")
    if not 2 <= first[1] <= 8:
        raise damaged(f"GIF codes of {first[1]} bit")
    words = "GIF palette 8 bit" + (", interlaced" if interlace else "") + (f", {frames} frames" if frames > 1 else "")
    facts = ImageFacts("GIF", "palette", words, width, height, 8, 1, interlaced=bool(interlace), animated=frames > 1)
    return GifFile(facts, first[1], first[2])


def parse_bmp(data: bytes, max_pixels: int) -> BmpFile:
    """Read the header of an uncompressed Windows or OS/2 bitmap; the fourth byte of 32-bit pixels means nothing."""
    try:
        offset, header = struct.unpack_from("<II", data, 10)
        if header == 12:
            width, height, planes, bits = struct.unpack_from("<HHHH", data, 18)
            compression = used = 0
        elif header in (40, 52, 56, 64, 108, 124):
            width, height, planes, bits, compression = struct.unpack_from("<iiHHI", data, 18)
            used = struct.unpack_from("<I", data, 46)[0]
        else:
            raise damaged(f"a BMP header of {header} bytes")
    except struct.error:
        raise truncated("the file ends within its BMP header") from None
    check_size(width, abs(height), max_pixels)
    if planes != 1 or bits not in (1, 2, 4, 8, 24, 32) or compression:
        raise unsupported(f"BMP {bits} bit, compression {compression}, {planes} planes")
    stride = (width * bits + 31) // 32 * 4
    if offset < 14 + header:
        raise damaged("BMP data that begins within the header")
    if offset + stride * abs(height) > len(data):
        raise truncated(f"{len(data)} bytes instead of {offset + stride * abs(height)}")
    entry = 3 if header == 12 else 4
    colors = data[14 + header : offset]
    entries = min(len(colors) // entry, used or 1 << bits) if bits <= 8 else 0
    ramp = bits == 8 and all(
        colors[entry * index : entry * index + 3] == bytes((index,)) * 3 for index in range(entries)
    )
    kind, channels, depth = ("palette", 1, bits) if bits <= 8 else ("RGB", 3, 8)
    facts = ImageFacts("BMP", kind, f"BMP {kind} {depth} bit", width, abs(height), depth, channels)
    return BmpFile(facts, bits, offset, stride, height > 0, ramp and entries > 0)
