"""Probability maps on disk: which layout they have, and from a pair of files to a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, UsageError
from segeval.folders.pairing import Pair
from segeval.folders.walking import pred_name
from segeval.images.readers import decode_probability, describe
from segeval.measuring.graylevels import joint_levels
from segeval.measuring.reading import (
    BUFFERS,
    Reading,
    bytes_of,
    digest,
    digest_of_all,
    fitted,
    missing_counts,
    read_ground_truth,
)
from segeval.measuring.scope import counted, placed, region_of, require_place
from segeval.measuring.winners import Memory, class_labels, confidence, index_image, unnormalised, winners_of
from segeval.protocol.labeling import Labeling, in_sets
from segeval.protocol.mapkinds import EIGHT_BIT, MapKind
from segeval.protocol.protocol import Protocol, Resolution
from segeval.protocol.settings import LossSettings, Probabilities
from segeval.records import dataclass
from segeval.report.probabilities import map_classes
from segeval.runs.run import NO_TRAITS, Maps, MeasuredRow, Row, SideTraits
from segeval.scores.lossums import FloatSums, float_sums, kind_of_array
from segeval.tables.counts import joint_counts
from segeval.tables.floatlevels import LevelCounts, count_float_levels
from segeval.tables.levels import LevelHistogram, count_levels, thresholded

if TYPE_CHECKING:
    from segeval.measuring.labelsets import SetMeaning

_MEMORY = Memory()


@dataclass(frozen=True, slots=True)
class MapReading:
    """Say how the probability maps of a run are read.

    `threshold` makes labels of one binary map, `class_ids` name the maps of several. `labeling` tells positives from
    negatives for maps that are summed pixel by pixel, and `described` has each map's class in it, `None` for an ignored
    one; 8-bit maps are counted first and labeled afterwards. Where pixels may be of several classes, `sets` says what
    stored values mean.
    """

    maps: Maps
    class_ids: tuple[int, ...]
    threshold: float
    labeling: Labeling
    described: tuple[int | None, ...]
    settings: LossSettings
    sets: SetMeaning | None = None


def read_maps(pair: Pair, files: Reading) -> tuple[list[NDArray[Any]], str]:
    """Return the maps of one image, each (H, W) as stored, and the digest of their files where that is asked for.

    The maps are good until this thread reads those of the next image.
    """
    arrays, digests = [], []
    names = [pred_name(file) for file in pair.pred]
    decode = partial(decode_probability, class_axis=files.pred_storage.class_axis, logits=files.logits)
    for file, name, buffer in zip(pair.pred, names, BUFFERS.of_maps(len(names)), strict=True):
        data = bytes_of(files.pred, file, files, name=name)
        arrays.append(decode(data, name=name, max_pixels=files.max_pixels, buffer=buffer))
        if files.digest_predictions:
            digests.append(digest(data))
    found = digest_of_all(digests) if digests else ""
    if len(arrays) > 1:
        flat = [name for name, array in zip(names, arrays, strict=True) if array.ndim != 2]
        if flat:
            raise MaskError("a class folder holds arrays of several maps", flat, "Store one (H, W) map a class")
        if len({array.dtype for array in arrays}) > 1:
            kinds = [f"{name}: {array.dtype}" for name, array in zip(names, arrays, strict=True)]
            raise MaskError(
                "the class maps of one image are stored in different types", kinds, "Store all maps in the same type"
            )
    elif arrays[0].ndim > 2:
        arrays = list(arrays[0])
    if not files.logits:
        return arrays, found
    if files.multilabel:  # each class is by itself
        return [probabilities_of((one,))[0] for one in arrays], found
    return probabilities_of(arrays), found


def probabilities_of(logits: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return float64 probabilities of logits, (H, W) each: softmax over several maps, sigmoid of one.

    The greatest logit is subtracted first, so that nothing overflows; of one map x it is softmax over (0, x).
    """
    maps = [one.astype(np.float64) for one in logits]
    if len(maps) == 1:
        maps.insert(0, np.zeros_like(maps[0]))
    highest = reduce(np.maximum, maps)
    powers = [np.exp(one - highest) for one in maps]
    total = reduce(np.add, powers)
    return [power / total for power in powers[1 if len(logits) == 1 else 0 :]]


def map_reading(protocol: Protocol, chosen: Probabilities, maps: Maps, resolution: Resolution) -> MapReading:
    """Say how `maps` are read under a protocol that `resolution` makes definite."""
    ids = tuple(entry.id for entry in protocol.classes or ())
    return MapReading(
        maps=maps,
        class_ids=ids or tuple(range(max(2, maps.count))),
        threshold=chosen.threshold,
        labeling=resolution.labeling,
        described=map_classes(resolution, maps.count),
        settings=chosen,
        sets=_sets_of(protocol, maps),
    )


def _sets_of(protocol: Protocol, maps: Maps) -> SetMeaning | None:
    if not protocol.storage.multilabel:
        return None
    from segeval.measuring.labelsets import meaning_of

    meaning = meaning_of(protocol)
    if maps.count != len(meaning.ids):
        raise UsageError(
            f"there are {len(meaning.ids)} classes, and {maps.count} maps an image",
            (", ".join(meaning.names),),
            "Give a map for each class, in the order of the classes",
        )
    return meaning


def measure_maps(pair: Pair, files: Reading, reading: MapReading) -> MeasuredRow:
    """Read and count the probability maps of one image against its ground truth."""
    if reading.sets is not None:
        from segeval.measuring.labelsets import read_true_sets  # most pixels have one class

        sets = read_true_sets(pair, files, reading.sets)
        gt, gt_digest, traits, inexact = sets.values, sets.digest, NO_TRAITS, 0
    else:
        truth = read_ground_truth(pair, files)
        gt, gt_digest, traits = truth.values, digest(truth.data), SideTraits(gt=truth.traits(truth.values))
        inexact = truth.inexact
    region = region_of(pair, files, gt.shape)
    if not pair.pred:
        row = Row(pair.key, 1, 1, gt_digest, missing_counts(counted(gt, region)), inexact=(inexact, 0))
        return MeasuredRow(placed(row, gt.shape, region), traits=traits)
    maps, pred_digest = read_maps(pair, files)
    _require_alike(maps, pair.pred[0], reading.maps)
    names = pair.pred if len(pair.pred) > 1 else pair.pred * len(maps)
    maps = [fitted(array, gt.shape, file, files.resize_pred) for file, array in zip(names, maps, strict=True)]
    if reading.sets is None and truth.facts is not None and truth.facts.geometry is not None:
        name = pred_name(pair.pred[0])
        there = describe(bytes_of(files.pred, pair.pred[0], files, name=name), name=name)
        require_place(truth.facts, there, pair, pair.pred[0])
    parts = [counted(array, region) for array in maps]
    measured = count_maps(counted(gt, region), parts, reading, key=pair.key, digest=gt_digest)
    row = placed(measured.row, gt.shape, region)
    return replace(measured, row=row, pred_digest=pred_digest, traits=traits)


def count_maps(
    gt: NDArray[np.integer[Any]], maps: Sequence[NDArray[Any]], reading: MapReading, *, key: str, digest: str
) -> MeasuredRow:
    """Count the maps of one image, as `reading` describes them; all arrays are (H, W)."""
    height, width = gt.shape
    if reading.sets is not None:
        return _count_sets(gt, maps, reading, key=key, digest=digest)
    row = partial(Row, key, height, width, digest)
    if len(maps) == 1 and reading.maps.in_rows:
        tables = (joint_levels(gt=gt, levels=maps[0]),)
        return MeasuredRow(row(thresholded(tables[0], reading.threshold), tables))
    more: dict[str, Any] = {}
    if len(maps) > 1:
        won, kind = winners_of(maps, _MEMORY), reading.maps.kind
        labels = joint_counts(gt=gt, pred=class_labels(won.places, reading.class_ids))
        more["unnormalised"] = unnormalised(won, kind, len(maps))
        more["confidence"] = confidence(won, gt, reading.labeling.gt, reading.described, kind)
        del won
        if reading.maps.in_rows:
            return MeasuredRow(row(labels, tuple(joint_levels(gt=gt, levels=array) for array in maps), **more))
    indices = index_image(gt, reading.labeling.gt)
    if len(maps) == 1:
        above = maps[0].astype(np.float64) / reading.maps.kind.top > reading.threshold
        labels = joint_counts(gt=gt, pred=above.view(np.uint8))
        more["shades"] = _shades(maps[0], indices, reading)
    sides = [
        (indices == index if index is not None else np.zeros(gt.shape, np.bool_), indices >= 0)
        for index in reading.described
    ]
    sums, levels = _summed(maps, sides, reading)
    return MeasuredRow(row(labels, (), sums, **more), levels)


def _count_sets(
    gt: NDArray[np.integer[Any]], maps: Sequence[NDArray[Any]], reading: MapReading, *, key: str, digest: str
) -> MeasuredRow:
    """Count maps each of which is of its own class, whatever the others have at a pixel."""
    above = sets_above(maps, reading.maps.kind, reading.threshold)
    height, width = gt.shape
    row = partial(Row, key, height, width, digest, joint_counts(gt=gt, pred=above))
    if reading.maps.in_rows:
        return MeasuredRow(row(tuple(joint_levels(gt=gt, levels=array) for array in maps)))
    sums, levels = _summed(maps, [(in_sets(gt, index), gt >= 0) for index in range(len(maps))], reading)
    return MeasuredRow(row((), sums), levels)


def sets_above(maps: Sequence[NDArray[Any]], kind: MapKind, threshold: float) -> NDArray[np.int64]:
    """Return the set of maps that are above a threshold at each pixel, the map at position i at bit i."""
    above = np.zeros(maps[0].shape, np.int64)
    for index, array in enumerate(maps):
        above |= (array.astype(np.float64) / kind.top > threshold).astype(np.int64) << index
    return above


def _summed(
    maps: Sequence[NDArray[Any]], sides: Iterable[tuple[NDArray[np.bool_], NDArray[np.bool_]]], reading: MapReading
) -> tuple[tuple[FloatSums, ...], tuple[LevelCounts, ...]]:
    """Sum maps of more than 8 bits pixel by pixel, given where each class is and where the ground truth is valid."""
    sums: list[FloatSums] = []
    levels: list[LevelCounts] = []
    for array, (positive, valid) in zip(maps, sides, strict=True):
        sums.append(float_sums(array, positive, valid, reading.settings))
        if reading.maps.kind.levels is None:
            levels.append(count_float_levels(array, positive, valid, threshold=reading.threshold))
        else:
            levels.append(count_levels(array, positive, valid, levels=reading.maps.kind.levels))
    return tuple(sums), tuple(levels)


def _require_alike(maps: Sequence[NDArray[Any]], file: str, wanted: Maps) -> None:
    found = Maps(kind_of_array(maps[0]), len(maps))
    if found != wanted:
        met, first = (f"{maps.count} of {maps.kind.name}" for maps in (found, wanted))
        raise MaskError(
            "probability maps differ from those of the first image in number or type",
            (f"{pred_name(file)}: {met}, the first image has {first}",),
            "Store every image's maps in the same type, one map a class",
        )


def _shades(array: NDArray[Any], indices: NDArray[np.int32], reading: MapReading) -> LevelHistogram:
    """Count the 256 levels floor(255 p) of one map of more than 8 bits."""
    top, valid = reading.maps.kind.top, indices >= 0
    if reading.maps.kind.levels is None:
        with np.errstate(invalid="ignore"):  # void pixels may hold what is no probability
            shades = (array.astype(np.float64) * EIGHT_BIT.top).astype(np.uint8)
    else:
        shades = (array // (top // EIGHT_BIT.top)).astype(np.uint8)
    (described,) = reading.described
    positive = indices == described if described is not None else np.zeros_like(valid)
    return count_levels(shades, positive, valid, levels=EIGHT_BIT.counted_levels)
