"""The wrong pixels of each class in one image."""

from __future__ import annotations

from segeval.protocol.labeling import Labeling
from segeval.scores.imageoverlap import image_tallies
from segeval.scores.overlap import outcomes
from segeval.tables.counts import JointCounts


def class_errors(table: JointCounts, labeling: Labeling) -> dict[int, int]:
    """Return the wrong pixels of each class that an image has, by position: those missed, and those wrongly given it.

    Classes on neither side are left out. Pixels that were given void or no class are missed under every convention:
    they are errors of the picture too.
    """
    if labeling.sets:
        from segeval.scores.labelsets import set_tallies  # most pixels have one class

        images = set_tallies((table,), len(labeling.classes))
    else:
        images = image_tallies((table,), labeling)
    found = outcomes(images.kept)
    wrong, here = found.fp + found.fn, found.tp + found.fp + found.fn > 0
    return dict(zip(images.at.label[here].tolist(), wrong[here].tolist(), strict=True))
