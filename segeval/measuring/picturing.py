"""Images read once more to be looked at: what each pixel is, where that is still what the run counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import UsageError
from segeval.folders.pairing import Pair, Pairing
from segeval.folders.walking import gt_name, pred_name
from segeval.measuring.maps import read_maps
from segeval.measuring.measurement import reading_of
from segeval.measuring.planes import read_image, read_predicted_image
from segeval.measuring.reading import Reading, fitted, missing_counts
from segeval.measuring.recount import changed_file, require_counts
from segeval.measuring.scope import region_of
from segeval.measuring.winners import class_labels, index_image, winners_of
from segeval.protocol.labeling import NO_FILE, VOID
from segeval.protocol.protocol import Resolution
from segeval.records import dataclass
from segeval.report.probabilities import map_classes
from segeval.request import Request
from segeval.runs.run import Row, Run, keys_of
from segeval.scores.lossums import kind_of_array
from segeval.tables.counts import joint_counts

Indices = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Hold one image to look at: the position of each pixel's class on both sides, (H, W), negative where it has none.

    Under `sets` a pixel may be of several classes, the one at position i at bit i. `maps` are probability maps in
    [0, 1] as stored, (H, W) each, and `described` the position of each one's class; both are empty for label masks and
    where the prediction is missing. Of a volume the slice with most errors is seen: `part` has its number, from 1, and
    how many there are.
    """

    key: str
    gt: Indices
    pred: Indices
    maps: tuple[NDArray[Any], ...] = ()
    described: tuple[int | None, ...] = ()
    sets: bool = False
    part: tuple[int, int] | None = None


def scene_reader(pairing: Pairing, request: Request, run: Run, resolution: Resolution) -> Callable[[str], Scene]:
    """Return what reads the image of a key; `resolution` is what the values of `run` mean.

    It raises `MaskError` where the files are not those that the run was measured from, and `UsageError` for a key that
    the folders do not have.
    """
    pairs = {pair.key: pair for pair in pairing.pairs}
    places = {key: place for place, key in enumerate(keys_of(run.rows))}
    files = reading_of(pairing, request, digest_predictions=False)

    def read(key: str) -> Scene:
        if key not in pairs:
            raise UsageError(
                "an image of the run is not in the folders",
                (key,),
                "Give the folders that the run was measured from, and again the options that say how their files pair, "
                "as --gt-suffix",
            )
        row = run.rows[places[key]]
        if run.protocol.storage.multilabel:
            from segeval.measuring.setpicturing import read_sets  # most pixels have one class

            return replace(_seen(key, *read_sets(pairs[key], files, row, run)), sets=True)
        return _scene(pairs[key], files, row, run, resolution)

    return read


def _scene(pair: Pair, files: Reading, row: Row, run: Run, resolution: Resolution) -> Scene:
    truth = read_image(pair, files)
    values = truth.values.copy()
    gt = index_image(values, resolution.labeling.gt)
    if truth.digest != row.digest:
        raise changed_file(gt_name(pair.gt))
    region = region_of(pair, files, values.shape)
    if region is not None:
        gt = np.where(region.inside, gt, np.int32(VOID))
    within: Callable[[NDArray[Any]], NDArray[Any]] = np.asarray if region is None else region.of
    if not pair.pred:
        require_counts(missing_counts(within(values)) == row.counts, gt_name(pair.gt))
        return _seen(pair.key, gt, np.full(gt.shape, NO_FILE, np.int32))
    file = pred_name(pair.pred[0])
    if run.maps is None:
        predicted = fitted(read_predicted_image(pair, files).values, gt.shape, pair.pred[0], files.resize_pred)
        require_counts(joint_counts(gt=within(values), pred=within(predicted)) == row.counts, file)
        return _seen(pair.key, gt, index_image(predicted, resolution.labeling.pred))
    read = read_maps(pair, files)[0]
    names = pair.pred if len(pair.pred) > 1 else pair.pred * len(read)
    maps = tuple(
        fitted(array.copy(), gt.shape, file, files.resize_pred) for file, array in zip(names, read, strict=True)
    )
    labels = _labels(maps, run)
    require_counts(joint_counts(gt=within(values), pred=within(labels)) == row.counts, file)
    pred = index_image(labels, resolution.labeling.pred)
    scene = _seen(pair.key, gt, pred)
    if scene.part is not None:
        maps = tuple(array.reshape(-1, *array.shape[-2:])[scene.part[0] - 1] for array in maps)
    return replace(scene, maps=maps, described=map_classes(resolution, len(maps)))


def _seen(key: str, gt: Indices, pred: Indices) -> Scene:
    """Return a scene; of a volume its slice with most errors, of equal ones the first."""
    if gt.ndim == 2:
        return Scene(key, gt, pred)
    gt, pred = (side.reshape(-1, *side.shape[-2:]) for side in (gt, pred))
    wrong = ((gt >= 0) & (gt != pred)).sum(axis=(1, 2))
    place = int(wrong.argmax())
    return Scene(key, gt[place], pred[place], part=(place + 1, len(gt)))


def _labels(maps: Sequence[NDArray[Any]], run: Run) -> NDArray[np.integer[Any]]:
    """Return the label of each pixel, as it is counted: p above the threshold, or the class of the highest p."""
    settings = run.protocol.probabilities
    assert settings is not None
    if len(maps) == 1:
        top = kind_of_array(maps[0]).top
        above: NDArray[np.integer[Any]] = (maps[0].astype(np.float64) / top > settings.threshold).view(np.uint8)
        return above
    ids = tuple(entry.id for entry in run.protocol.classes or ()) or tuple(range(len(maps)))
    return class_labels(winners_of(maps).places, ids)
