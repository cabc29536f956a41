"""The scores of label masks alone, from rows that may yet become more: what a run that is being written has so far."""

from __future__ import annotations

from collections.abc import Mapping

from segeval.report.scoring import measured
from segeval.runs.run import Run
from segeval.scores.overlap import Value
from segeval.scores.registry import mask_scores


def scores_so_far(run: Run) -> Mapping[str, Value]:
    """Return the scores of a run's labels under its protocol; raises `SegevalError` where its values allow none."""
    found = measured(run)
    return mask_scores(found.whole, found.images, found.rules).scores
