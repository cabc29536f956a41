"""The files of a pair: how they are read, the bytes that rows know them by, and whether the two are of one size."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, Problems, SegevalError, merged
from segeval.folders.pairing import Pair
from segeval.folders.walking import gt_name, pred_name
from segeval.images.readers import MAX_PIXELS, Buffer, ImageFacts, read_below, read_mask
from segeval.protocol.distances import Distances
from segeval.protocol.labeling import NO_PREDICTION
from segeval.protocol.regions import ClassOf
from segeval.protocol.storage import AS_STORED, RESIZE_FIX, SideStorage
from segeval.protocol.widths import Width
from segeval.records import dataclass
from segeval.runs.run import PLAIN, MeasuredRow, Traits
from segeval.tables.counts import JointCounts, joint_counts, table

if TYPE_CHECKING:
    from segeval.protocol.lesions import Lesions
    from segeval.protocol.palettes import Palette
    from segeval.protocol.segments import Segments
    from segeval.stores.urls import Root


First = TypeVar("First")
Second = TypeVar("Second")


@dataclass(frozen=True, slots=True, eq=False)
class Contours:
    """Say what is measured around the pixels of each class: bands at some widths, distances, lesions."""

    class_of: tuple[ClassOf, ClassOf]
    widths: tuple[Width, ...] | None = None
    distances: Distances | None = None
    lesions: Lesions | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Say where the files of pairs lie and how they are read.

    `most_values` bounds the distinct values of a mask, where no class list says what they mean. `gt_jpeg` and
    `pred_jpeg` admit JPEG, where a threshold reads its levels: `gt_level` and `pred_level` of masks of one class.
    Under `multilabel` pixels have sets of classes, and `gt_folders` or `pred_folders` hold a mask a class.
    `digest_predictions` asks for the digests by which a later run knows that a prediction has not changed. `contours`
    asks for what lies along contours. Regions of interest lie below `roi`, `None` where all pixels count. `gt_segments`
    and `pred_segments` say which category each stored segment id is.
    """

    pred: Root
    gt: Root
    pred_palette: Palette | None = None
    gt_palette: Palette | None = None
    max_pixels: int = MAX_PIXELS
    most_values: int | None = None
    gt_jpeg: bool = False
    pred_jpeg: bool = False
    gt_level: int | None = None
    pred_level: int | None = None
    gt_storage: SideStorage = AS_STORED
    pred_storage: SideStorage = AS_STORED
    logits: bool = False
    multilabel: bool = False
    resize_pred: str | None = None
    gt_folders: bool = False
    pred_folders: bool = False
    digest_predictions: bool = False
    contours: Contours | None = None
    roi: Root | None = None
    gt_segments: Segments | None = None
    pred_segments: Segments | None = None


_WHOLE = r"[+-]?[0-9]{1,18}"


MOST_BUFFERS = 32
"""Maps of one image whose memory is kept for the next one."""


class Buffers(threading.local):
    """Hold each thread's memory for a ground truth and a prediction, which may be of several maps."""

    def __init__(self) -> None:
        self.gt = Buffer()
        self.pred = Buffer()
        self._more: list[Buffer] = []

    def of_maps(self, count: int) -> list[Buffer | None]:
        """Return memory for each of `count` maps of one image, `None` for those beyond what is kept."""
        kept = min(count, MOST_BUFFERS)
        self._more += [Buffer() for _ in range(kept - 1 - len(self._more))]
        return [self.pred, *self._more[: kept - 1], *[None] * (count - kept)]


BUFFERS = Buffers()


class _Last(threading.local):
    """Hold what each thread has read last, by what it is: where it was read, and what came of it."""

    def __init__(self) -> None:
        self.read: dict[str, tuple[Reading, str, object]] = {}


_LAST = _Last()


def read_once(what: str, file: str, reading: Reading, read: Callable[[], First]) -> First:
    """Return what `read` gives, once for as long as this thread is asked for `what` of one file.

    So the slices of a volume, which come one after another, decode it once. Raises what `read` raises, each time.
    """
    last = _LAST.read.pop(what, None)
    if last is None or last[0] is not reading or last[1] != file:
        del last  # of two volumes one is held at a time
        try:
            last = reading, file, read()
        except MaskError as error:
            last = reading, file, error
    _LAST.read[what] = last
    if isinstance(last[2], MaskError):
        raise last[2]
    return cast(First, last[2])


def files_of(pair: Pair) -> str:
    """Return the files by which an error names a pair: the ground truth and the first prediction."""
    return " and ".join((gt_name(pair.gt), *map(pred_name, pair.pred[:1])))


def digest(data: bytes) -> str:
    """Return the digest by which rows know a file's bytes."""
    return f"blake2b:{hashlib.blake2b(data, digest_size=16).hexdigest()}"


def digest_of_all(digests: Sequence[str]) -> str:
    """Return the digest of a prediction from those of its files: the one, or one of them all in their order."""
    return digests[0] if len(digests) == 1 else digest("".join(digests).encode())


def bytes_of(root: Root, file: str, reading: Reading, *, name: str) -> bytes:
    """Return the bytes of a file of `root`; raises `MaskError` of `name` where it cannot be read or holds too much."""
    return read_below(root, file, name=name, max_pixels=reading.max_pixels)


@dataclass(frozen=True, slots=True, eq=False)
class ReadMask:
    """Hold the stored values of a mask, until this thread reads the next one of its side, and its header and bytes.

    Of the bytes `known` is the digest, where it is known already.
    """

    values: NDArray[np.integer[Any]]
    facts: ImageFacts | None
    data: bytes
    by_color: bool = False
    known: str = ""

    @property
    def digest(self) -> str:
        """Return the digest by which rows know the file."""
        return self.known or digest(self.data)

    @property
    def inexact(self) -> int:
        """Return how many pixels have a colour that is only near one of the palette."""
        return 0 if self.facts is None else self.facts.inexact

    def traits(self, values: NDArray[np.integer[Any]]) -> Traits:
        """Return what the file says besides its `values`; of palettes only the entries that it uses.

        Where indices were decoded by their colours, `by_color`, nothing rests on the palette.
        """
        if self.facts is None:
            return PLAIN
        if self.facts.gray_as_rgb:
            return replace(_traits(self.facts.nodata, b"", values), gray_as_rgb=True)
        if not (self.facts.nodata or self.facts.palette):
            return PLAIN
        return _traits(self.facts.nodata, b"" if self.by_color else self.facts.palette, values)


def read_ground_truth(pair: Pair, reading: Reading) -> ReadMask:
    """Return the ground truth of a pair; raises `MaskError`."""
    name = gt_name(pair.gt)
    data = bytes_of(reading.gt, pair.gt, reading, name=name)
    palette = reading.gt_palette
    read = partial(read_mask, data, name=name, palette=palette, max_pixels=reading.max_pixels, buffer=BUFFERS.gt)
    values, facts = read(jpeg=reading.gt_jpeg, storage=reading.gt_storage)
    if reading.gt_segments is not None:
        values = reading.gt_segments.categories(values, pair.gt, name=name)
    return ReadMask(values, facts, data, palette is not None and palette.explicit)


def read_prediction(file: str, reading: Reading) -> ReadMask:
    """Return a prediction of labels; raises `MaskError`."""
    name = pred_name(file)
    data = bytes_of(reading.pred, file, reading, name=name)
    palette = reading.pred_palette
    read = partial(read_mask, data, name=name, palette=palette, max_pixels=reading.max_pixels, buffer=BUFFERS.pred)
    values, facts = read(jpeg=reading.pred_jpeg, storage=reading.pred_storage)
    if reading.pred_segments is not None:
        values = reading.pred_segments.categories(values, file, name=name)
    return ReadMask(values, facts, data, palette is not None and palette.explicit)


def both(read_gt: Callable[[], First], read_pred: Callable[[], Second]) -> tuple[First, Second]:
    """Read both sides of a pair; raises what is wrong with either, and with both together."""
    try:
        gt = read_gt()
    except SegevalError as error:
        try:
            read_pred()
        except SegevalError as other:
            raise Problems(merged((error, other))) from error
        raise
    return gt, read_pred()


def _traits(tag: str, palette: bytes, values: NDArray[np.integer[Any]]) -> Traits:
    nodata = (int(tag),) if re.fullmatch(_WHOLE, tag) else ()
    reds, greens, blues = (palette[channel::3] for channel in range(3))
    if not reds:
        return Traits(nodata)
    used = np.flatnonzero(np.bincount(values.reshape(-1), minlength=len(reds))[: len(reds)]).tolist()
    if reds == greens == blues:
        return Traits(nodata, tuple((index, reds[index]) for index in used if reds[index] != index))
    return Traits(nodata, (), tuple((index, reds[index], greens[index], blues[index]) for index in used))


@dataclass(frozen=True, slots=True)
class KnownFiles:
    """Hold the digests of the files that a row was measured from, its region's too, and the pixels of its image."""

    gt: str
    pred: str
    missing: bool
    pixels: int
    roi: str = ""


def known_files(known: MeasuredRow) -> KnownFiles:
    """Return what is known of the files of a row."""
    row = known.row
    return KnownFiles(row.digest, known.pred_digest, row.missing, row.pixels, row.roi)


def is_unchanged(pair: Pair, known: KnownFiles, reading: Reading) -> bool:
    """Tell whether a pair's files are still those that a row was measured from."""
    if known.missing == bool(pair.pred) or known.pixels > reading.max_pixels:
        return False
    files = [*((reading.gt, name) for name in pair.gt_files), *((reading.pred, name) for name in pair.pred)]
    parts = len(pair.gt_files)
    try:
        found = [_digest_below(root, file, reading, sliced=pair.plane is not None) for root, file in files]
        region = "" if reading.roi is None else digest(bytes_of(reading.roi, pair.roi, reading, name=pair.roi))
    except SegevalError:
        return False
    if (digest_of_all(found[:parts]), region) != (known.gt, known.roi):
        return False
    return not pair.pred or digest_of_all(found[parts:]) == known.pred


def _digest_below(root: Root, file: str, reading: Reading, *, sliced: bool) -> str:
    def of_file() -> str:
        return digest(bytes_of(root, file, reading, name=file))

    return read_once(f"digest below {root}", file, reading, of_file) if sliced else of_file()


def missing_counts(gt: NDArray[np.integer[Any]]) -> JointCounts:
    """Count a ground truth against the sentinel that stands for no prediction."""
    alone = joint_counts(gt=gt, pred=np.zeros(gt.shape, np.uint8))
    return table(alone.gt, np.full(len(alone), NO_PREDICTION), alone.pixels)


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, reversed(shape)))


def fitted(values: NDArray[Any], wanted: tuple[int, ...], file: str, rule: str | None) -> NDArray[Any]:
    """Return a prediction at the (height, width) of its ground truth, resized by a `rule` where there is one.

    Raises `MaskError` where it is of another size and there is none.
    """
    found = values.shape
    if found == wanted:
        return values
    if rule is not None and len(found) == len(wanted) == 2:
        from segeval.images.resizing import resized  # few predictions have another size

        return resized(values, (wanted[0], wanted[1]), rule)
    raise MaskError(
        "predictions and ground truth differ in size",
        (f"{pred_name(file)}: {_size(found)}, ground truth {_size(wanted)}",),
        RESIZE_FIX,
        kind="resized",
    )
