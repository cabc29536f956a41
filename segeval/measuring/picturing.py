"""Images read once more to be looked at: what each pixel is, where that is still what the run counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.errors import MaskError, UsageError
from segeval.folders.pairing import Pair, Pairing
from segeval.folders.walking import gt_name, pred_name
from segeval.measuring.maps import class_labels, index_image, read_maps, winning_maps
from segeval.measuring.measurement import reading_of
from segeval.measuring.reading import Reading, digest, fitted, missing_counts, read_ground_truth, read_prediction
from segeval.protocol.labeling import NO_FILE
from segeval.protocol.protocol import Resolution
from segeval.records import dataclass
from segeval.report.probabilities import map_classes
from segeval.request import Request
from segeval.runs.run import Row, Run
from segeval.scores.lossums import kind_of_array
from segeval.tables.counts import joint_counts

Indices = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Hold one image to look at: the position of each pixel's class on both sides, (H, W), negative where it has none.

    `maps` are probability maps in [0, 1] as stored, (H, W) each, and `described` the position of each one's class;
    both are empty for label masks and where the prediction is missing.
    """

    key: str
    gt: Indices
    pred: Indices
    maps: tuple[NDArray[Any], ...] = ()
    described: tuple[int | None, ...] = ()


def scene_reader(pairing: Pairing, request: Request, run: Run, resolution: Resolution) -> Callable[[str], Scene]:
    """Return what reads the image of a key; `resolution` is what the values of `run` mean.

    It raises `MaskError` where the files are not those that the run was measured from, and `UsageError` for a key that
    the folders do not have.
    """
    pairs = {pair.key: pair for pair in pairing.pairs}
    rows = {row.key: row for row in run.rows}
    files = reading_of(pairing, request, digest_predictions=False)

    def read(key: str) -> Scene:
        if key not in pairs or pairs[key].gt_classes:
            raise UsageError(
                "an image of the run is not in the folders"
                if key not in pairs
                else "masks of several labels a pixel have no picture",
                (key,),
                "Give the folders that the run was measured from" if key not in pairs else "Leave pictures out",
            )
        return _scene(pairs[key], files, rows[key], run, resolution)

    return read


def _scene(pair: Pair, files: Reading, row: Row, run: Run, resolution: Resolution) -> Scene:
    truth = read_ground_truth(pair, files)
    values = truth.values.copy()
    gt = index_image(values, resolution.labeling.gt)
    if digest(truth.data) != row.digest:
        raise _changed(gt_name(pair.gt))
    if not pair.pred:
        _require_counts(missing_counts(values) == row.counts, gt_name(pair.gt))
        return Scene(pair.key, gt, np.full(gt.shape, NO_FILE, np.int32))
    file = pred_name(pair.pred[0])
    if run.maps is None:
        predicted = fitted(read_prediction(pair.pred[0], files).values, gt.shape, pair.pred[0], files.resize_pred)
        _require_counts(joint_counts(gt=values, pred=predicted) == row.counts, file)
        return Scene(pair.key, gt, index_image(predicted, resolution.labeling.pred))
    read = read_maps(pair, files)[0]
    names = pair.pred if len(pair.pred) > 1 else pair.pred * len(read)
    maps = tuple(
        fitted(array.copy(), gt.shape, file, files.resize_pred) for file, array in zip(names, read, strict=True)
    )
    labels = _labels(maps, run)
    _require_counts(joint_counts(gt=values, pred=labels) == row.counts, file)
    pred = index_image(labels, resolution.labeling.pred)
    return Scene(pair.key, gt, pred, maps, map_classes(resolution, len(maps)))


def _labels(maps: Sequence[NDArray[Any]], run: Run) -> NDArray[np.integer[Any]]:
    """Return the label of each pixel, as it is counted: p above the threshold, or the class of the highest p."""
    settings = run.protocol.probabilities
    assert settings is not None
    if len(maps) == 1:
        top = kind_of_array(maps[0]).top
        above: NDArray[np.integer[Any]] = (maps[0].astype(np.float64) / top > settings.threshold).view(np.uint8)
        return above
    ids = tuple(entry.id for entry in run.protocol.classes or ()) or tuple(range(len(maps)))
    return class_labels(winning_maps(maps)[0], ids)


def _require_counts(same: bool, name: str) -> None:
    if not same:
        raise _changed(name)


def _changed(name: str) -> MaskError:
    return MaskError(
        "a file is not the one that the run was measured from",
        (name,),
        "Give the folders that the run was measured from, or score them again",
    )
