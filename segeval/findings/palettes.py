"""Palettes of gray whose indices are other values than their gray levels, so that a file has two readings."""

from __future__ import annotations

from collections.abc import Iterator

from segeval.errors import Finding
from segeval.findings.values import Values, shown
from segeval.protocol.labeling import NO_PREDICTION


def gray_palettes(values: Values) -> Iterator[Finding]:
    """Find palette files of which both the indices and the gray levels can be the labels.

    A palette that is given settles it, as a coloured entry of any palette of the side does, and for binary masks both
    are one answer.
    """
    protocol, resolution = values.protocol, values.resolution
    if protocol.palette is not None or resolution is None or values.binary:
        return
    traits = values.run.traits
    given = None
    if protocol.classes is not None:
        given = {*(entry.id for entry in protocol.classes), *(resolution.protocol.ignore or ())}
    met = values.distinct()
    for side, held in enumerate((traits.gt, traits.pred)):
        if not held.gray_entries or held.colored or (side and values.run.maps is not None):
            continue
        levels = dict(held.gray_entries)
        indices = met[side] - {NO_PREDICTION}
        known = given if given is not None else met[1 - side]
        if indices <= known and {levels.get(index, index) for index in indices} <= known:
            yield Finding(
                "gray-palette",
                "palettes are gray, and both their indices and their gray levels can be labels",
                shown(
                    f"{('gt', 'pred')[side]}/: index {index} is the gray level {level}"
                    for index, level in held.gray_entries
                ),
                "Say what each gray means with --palette FILE (a line 'R G B CLASS' for each), or save one channel "
                "with the labels",
            )
