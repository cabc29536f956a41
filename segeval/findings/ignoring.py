"""An ignored value that predictions use as a class: the pixels that are left out hold their false positives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from segeval.errors import Finding
from segeval.findings.values import Values
from segeval.protocol.labeling import DEFAULT_VOID, VOID
from segeval.protocol.protocol import Mapped


def ignored_classes(values: Values) -> Iterator[Finding]:
    """Find values that --ignore names, that the ground truth has, and that predictions use on valid ground truth."""
    resolution, protocol = values.resolution, values.protocol
    if resolution is None or protocol.ignore is None or values.run.maps is not None or _is_of_preset(values):
        return
    asked = {value for value in resolution.protocol.ignore or () if isinstance(value, int) and value != DEFAULT_VOID}
    if not asked:
        return
    labeling, table = resolution.labeling, values.table
    valid, scored = labeling.gt(table.gt) != VOID, labeling.pred(table.pred) >= 0
    for value in sorted(asked):
        left_out = np.isin(table.gt, _named(value, (*protocol.mapping, *protocol.gt_map)))
        used = np.isin(table.pred, _named(value, (*protocol.mapping, *protocol.pred_map)))
        misses, dropped = int(table.pixels[used & valid].sum()), int(table.pixels[left_out & scored].sum())
        if not misses or not left_out.any():
            continue
        others = "foreground" if value == 0 else ",".join(str(entry.id) for entry in labeling.classes)
        yield Finding(
            "ignored-background",
            f"--ignore {value} leaves out every pixel whose ground truth is {value}, and predictions use {value} as a "
            f"class: {dropped:,} pixels that are predicted as other classes there are no false positives",
            (f"predicted on valid ground truth: {value} ({misses:,} px)",),
            f"Put --mean-over {others} in place of --ignore {value}: all pixels count, and the mean leaves {value} out",
        )


def _named(value: int, pairs: Mapped) -> list[int]:
    """Return the raw values that stand for a mapped one."""
    renamed = dict(pairs)
    return [raw for raw in {value, *renamed} if renamed.get(raw, raw) == value]


def _is_of_preset(values: Values) -> bool:
    """Tell whether what is ignored is what the preset ignores."""
    name = values.protocol.preset
    if name is None:
        return False
    from segeval.protocol.presets import preset, preset_names  # a run without presets does without their modules

    return name in preset_names() and values.protocol.ignore == tuple(preset(name).ignore)
