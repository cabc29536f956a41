"""How files store labels, where they could be read in another way than plainly: as one value, that decides values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from segeval.errors import UsageError
from segeval.records import dataclass

CHANNELS = ("R", "G", "B", "A")
RGB_ID = "rgb-id"
"""The channel of panoptic masks: R + 256 G + 65536 B, of 8 bits each."""
CLASS_AXES = ("first", "last")
RESIZING = ("nearest", "bilinear")
"""How predictions come to the size of their ground truth, as Pillow names it."""
RESIZE_FIX = (
    "Write predictions at the size of the ground truth, or have them resized with --resize-pred nearest (bilinear for "
    "probability maps)"
)
"""The fix where predictions have another size."""
_FORGIVING = re.compile(r"[RGBA]=[0-7]")
MOST_TOLERANCE = 127
"""Levels a channel: half the range, within which colours can be mistaken for one another already."""


@dataclass(frozen=True, slots=True)
class SideStorage:
    """Say how the files of one side store labels; see `Storage`."""

    channel: str | None = None
    class_axis: str | None = None
    cast_labels: bool = False
    palette_tolerance: int = 0
    stack: bool = False


AS_STORED = SideStorage()
"""Each file is read as its header says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Choose how files are read; `None` and False mean that nothing was asked for.

    `gt_channel` and `pred_channel` are R, G, B, A, the place of a channel from 0, or rgb-id. `class_axis`, "first" or
    "last", is where arrays have an axis of classes: of masks a one-hot one, of probability maps one map a class.
    `cast_labels` reads whole numbers stored as floats; `logits` makes probabilities of maps. Under `palette_tolerance`
    a colour is the nearest of the palette, of those at most so far in each channel. Under `multilabel` a pixel may be
    of several classes, each of which is scored by itself; `bits` says by which bits of a stored value, `label_regions`
    by which labels (see `labelregions`). Predictions of another size are resized by `resize_pred`. `roi` counts the
    pixels inside regions of interest only. `gt_segments` and `pred_segments` are digests of what says which category
    each segment of a panoptic mask is. Under `stack` the images of a TIFF file are slices of a volume.
    Under `per_slice` each slice of a volume is an image of its own.
    `forgiving`, a channel and a bit as "R=7", marks pixels of the ground truth where a prediction that has one of the
    classes, or the first one, has all of them. Raises `UsageError` for anything else.
    """

    gt_channel: str | None = None
    pred_channel: str | None = None
    class_axis: str | None = None
    cast_labels: bool = False
    logits: bool = False
    palette_tolerance: int = 0
    multilabel: bool = False
    bits: str | None = None
    label_regions: str | None = None
    resize_pred: str | None = None
    roi: bool = False
    gt_segments: str | None = None
    pred_segments: str | None = None
    stack: bool = False
    per_slice: bool = False
    forgiving: str | None = None

    def __post_init__(self) -> None:
        if self.class_axis not in (None, *CLASS_AXES):
            raise UsageError(f"'{self.class_axis}' is no class axis", (), f"Choose one of {', '.join(CLASS_AXES)}")
        if self.resize_pred not in (None, *RESIZING):
            raise UsageError(
                f"'{self.resize_pred}' is no way to resize predictions", (), f"Choose one of {', '.join(RESIZING)}"
            )
        if type(self.palette_tolerance) is not int or not 0 <= self.palette_tolerance <= MOST_TOLERANCE:
            raise UsageError(
                "the tolerance of a palette is out of range",
                (f"{self.palette_tolerance}",),
                f"Give a whole number of levels from 0 to {MOST_TOLERANCE}",
            )
        if self.forgiving is not None and not _FORGIVING.fullmatch(self.forgiving):
            raise UsageError("forgiving names no bit of a channel", (self.forgiving,), 'Give it as "R=7"')
        for option, channel in (("--gt-channel", self.gt_channel), ("--pred-channel", self.pred_channel)):
            if channel is not None and not (
                channel in (*CHANNELS, RGB_ID) or (channel.isdecimal() and channel.isascii() and len(channel) < 3)
            ):
                raise UsageError(
                    f"{option} names no channel",
                    (channel,),
                    "Give R, G, B or A, its place from 0: 0, 1, 2, 3, or rgb-id",
                )

    def side(self, name: str) -> SideStorage:
        """Return what holds for "gt" or "pred"."""
        channel = self.gt_channel if name == "gt" else self.pred_channel
        return SideStorage(channel, self.class_axis, self.cast_labels, self.palette_tolerance, self.stack)

    def to_dict(self) -> dict[str, Any]:
        """Return as JSON values what was asked for."""
        return {name: value for name, value in self._values().items() if value != getattr(PLAINLY, name)}

    def _values(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


PLAINLY = Storage()
"""What holds where nothing is asked for."""
STORAGE_NAMES = tuple(one.name for one in fields(Storage))
"""The options of this module, by their keywords."""


def storage_text(value: str | int | bool | None) -> str:
    """Write a choice as the signature has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


PLAIN_TEXTS = {name: storage_text(getattr(PLAINLY, name)) for name in STORAGE_NAMES}
"""What the signature leaves out, by keyword."""


def read_storage(texts: Mapping[str, str]) -> Storage:
    """Read back from the texts of `storage_text`, by keyword; raises `ValueError` where a text is none of them."""
    changes: dict[str, Any] = {}
    for name, text in texts.items():
        usual = getattr(PLAINLY, name)
        if text != "none":
            changes[name] = text == "yes" if isinstance(usual, bool) else int(text) if isinstance(usual, int) else text
    return Storage(**changes)


def storage_from_dict(facts: Mapping[str, Any]) -> Storage:
    """Read back what `Storage.to_dict` returned among other facts; raises `TypeError` where it is none."""
    given = {name: facts[name] for name in STORAGE_NAMES if name in facts}
    for name, value in given.items():
        usual = getattr(PLAINLY, name)
        if type(value) is not (str if usual is None else type(usual)):
            raise TypeError(f"{name} is {value!r}")
    return Storage(**given)
