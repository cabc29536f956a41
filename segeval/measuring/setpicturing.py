"""Images whose pixels may be of several classes, read once more to be looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segeval.folders.pairing import Pair
from segeval.folders.walking import gt_name, pred_name
from segeval.measuring.labelsets import SetMeaning, forgiven, meaning_of, read_predicted_sets, read_true_sets
from segeval.measuring.maps import read_maps, sets_above
from segeval.measuring.reading import Reading, fitted, missing_counts
from segeval.measuring.recount import changed_file, require_counts
from segeval.measuring.scope import counted, region_of
from segeval.protocol.labeling import NO_FILE, VOID_SET
from segeval.runs.run import Row, Run
from segeval.tables.counts import joint_counts

Sets = NDArray[np.int64]


def read_sets(pair: Pair, files: Reading, row: Row, run: Run) -> tuple[Sets, Sets]:
    """Return the sets of both sides of an image, negative where there is none; raises `MaskError` for other files.

    The class at position i is at bit i. Files are others where they do not give the row's table again.
    """
    meaning = meaning_of(run.protocol)
    truth = read_true_sets(pair, files, meaning)
    if truth.digest != row.digest:
        raise changed_file(gt_name(pair.gt))
    values = truth.values.astype(np.int64)
    region = region_of(pair, files, values.shape)
    if not pair.pred:
        require_counts(missing_counts(counted(values, region)) == row.counts, gt_name(pair.gt))
        gt = values if region is None else np.where(region.inside, values, VOID_SET)
        return gt, np.full(gt.shape, NO_FILE, np.int64)
    true, predicted = forgiven(replace(truth, values=values), _predicted(pair, files, run, meaning, values.shape))
    gt = true if region is None else np.where(region.inside, true, VOID_SET)
    require_counts(
        joint_counts(gt=counted(true, region), pred=counted(predicted, region)) == row.counts, pred_name(pair.pred[0])
    )
    return gt.astype(np.int64), predicted.astype(np.int64)


def _predicted(
    pair: Pair, files: Reading, run: Run, meaning: SetMeaning, shape: tuple[int, ...]
) -> NDArray[np.integer[Any]]:
    settings = run.protocol.probabilities
    if run.maps is None or settings is None:
        found = read_predicted_sets(pair.pred, files, meaning)
        return fitted(found.values, shape, pair.pred[0], files.resize_pred)
    maps = read_maps(pair, files)[0]
    names = pair.pred if len(pair.pred) > 1 else pair.pred * len(maps)
    parts = [fitted(one, shape, file, files.resize_pred) for file, one in zip(names, maps, strict=True)]
    return sets_above(parts, run.maps.kind, settings.threshold)
