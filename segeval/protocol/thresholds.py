"""When a level may tell the foreground of masks: `--gt-threshold` and `--pred-threshold`."""

from __future__ import annotations

from segeval.errors import UsageError


def check_thresholds(gt: int | None, pred: int | None, *, renamed: bool, probs: bool, two_valued: bool) -> None:
    """Raise `UsageError` for what would read a value that a level reads already, and for masks that have no foreground.

    `renamed` tells whether maps rename values, `probs` whether predictions are probability maps, and `two_valued`
    whether each mask has a foreground and nothing else.
    """
    if renamed:
        raise UsageError(
            "--gt-threshold and --pred-threshold read every value, so that a map has nothing left to rename",
            ("--map, --gt-map or --pred-map",),
            "Leave the map or the threshold out; --ignore takes void values out before the threshold",
        )
    if pred is not None and probs:
        raise UsageError(
            "--pred-threshold is of label masks, and the predictions are probability maps",
            (),
            "Give --threshold, a probability, in its place",
        )
    for level in (gt, pred):
        if level is not None and type(level) is not int:
            raise UsageError("a threshold is no whole number", (str(level),), "Give a stored value, as 127")
    if not two_valued:
        raise UsageError(
            "--gt-threshold and --pred-threshold are of binary masks",
            (),
            "Add --binary, or --multilabel for one a class",
        )
