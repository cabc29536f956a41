"""What image files say of themselves, whatever their format, and what is said where they contradict it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segeval.errors import MaskError
from segeval.records import dataclass

if TYPE_CHECKING:
    from segeval.images.nifti import Geometry

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

NEW_FILE = "Write the file again from its source, or remove it from the folder"
PROBS_FIX = (
    "Pass --probs if these are probability maps, or --cast-labels if these are labels, whole numbers stored as floats"
)
AS_PNG = "Save the mask as a PNG with one channel (gray or palette)"

MAP_BYTES = 1 << 31
"""Bytes that the maps of one image may have, where 8 for each pixel of the limit are not more."""

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


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Say what a file holds, as its header tells it.

    `kind` is gray, palette, gray+alpha, RGB, RGBA or array; `encoding` says it in words; `width` and `height` are in
    pixels; `bit_depth` is the size of one stored sample in bits; `channels` counts samples a pixel, or maps of an
    array; `sample` is u (unsigned), i (signed) or f (float). `animated` is true where there is more than one frame,
    `gray_ramp` where index i of a palette is the gray i, `white_is_zero` where the file calls its lowest value white.
    `gray_as_rgb` tells that its channels are equal and were read as one, `inexact` counts the pixels whose colour is
    only near one of the palette.
    `depth` counts the slices of a volume, 0 for what is none, and `geometry` says where it lies.
    `palette` has three bytes (red, green, blue) for each index, `nodata` the value that a GDAL_NODATA tag names.
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
    gray_ramp: bool = False
    white_is_zero: bool = False
    palette: bytes = b""
    nodata: str = ""
    gray_as_rgb: bool = False
    geometry: Geometry | None = None
    inexact: int = 0
    depth: int = 0

    @property
    def has_alpha(self) -> bool:
        """Return whether there is an alpha channel, opaque or not."""
        return self.kind.endswith(("+alpha", "RGBA"))


def damaged(detail: str) -> MaskError:
    """Return the error for a file whose bytes contradict its own format."""
    return MaskError("an image file is damaged", (detail,), NEW_FILE)


def truncated(detail: str) -> MaskError:
    """Return the error for a file that ends too early."""
    return MaskError("an image file is truncated", (detail,), NEW_FILE)


def unsupported(detail: str) -> MaskError:
    """Return the error for a legal file of a sort that cannot be read exactly."""
    return MaskError("an image file has an encoding that is not read", (detail,), AS_PNG)


def identify(data: bytes, *, jpeg: bool = False) -> str:
    """Return PNG, GIF, TIFF, BMP, npy or npz from the first bytes of `data`, whatever the name; refuse the others.

    JPEG is refused as a mask unless the caller can do with levels that are nearly those that were meant.
    """
    if not data:
        raise MaskError("a file is empty", (), NEW_FILE)
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data.startswith(b"\xff\xd8"):
        if jpeg:
            return "JPEG"
        raise MaskError(
            "a mask is a JPEG, which is lossy: its labels cannot be told from what the compression made of them",
            (),
            "Save the mask as PNG from its source; converting the JPEG does not bring the labels back. Or, if it is "
            "black and white: --gt-threshold 127 for ground truth, --pred-threshold 127 for predictions",
            kind="jpeg",
        )
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        raise MaskError("a mask is a WebP, which stores colours and no labels", (), AS_PNG)
    if data.startswith(b"version https://git-lfs.github.com/spec/"):
        raise MaskError(
            "a file is a Git LFS pointer, not the image itself",
            (),
            "Fetch the files: run git lfs pull in the repository",
        )
    if data.startswith(b"\x1f\x8b"):
        raise MaskError("a file is compressed with gzip", (), "Unpack it (gunzip)")
    if len(data) < 8 and any(magic.startswith(data) for magic, _ in _MAGIC):
        raise truncated(f"{len(data)} bytes")
    if data.startswith((b"\x89PNG", b"\xc2\x89PNG", b"PNG", b"\x09PNG")):
        raise damaged("the PNG signature is broken, as by a transfer in text mode")
    raise MaskError(
        "a file is not an image",
        (f"it begins with {data[:8].hex(' ')}",),
        "Masks are PNG, BMP, GIF, TIFF, .npy or .npz; remove other files from the folder",
    )


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse dimensions that are zero or beyond `max_pixels`."""
    if width <= 0 or height <= 0:
        raise damaged(f"{width} x {height} pixels")
    if width * height > max_pixels:
        raise MaskError(
            "an image has more pixels than the limit",
            (f"{width} x {height} = {width * height} pixels, the limit is {max_pixels}",),
            "Raise --max-pixels if the size is meant",
        )
