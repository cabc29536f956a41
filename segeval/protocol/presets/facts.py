"""The facts of one data set, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from segeval.protocol.labeling import Color, Group, SegmentationClass
from segeval.protocol.storage import PLAINLY, Storage
from segeval.records import dataclass


@dataclass(frozen=True, slots=True)
class PresetPairing:
    """How a data set names its files.

    A suffix is what a file name has between its key and its extension, in order of preference; `key_regex` finds the
    part called `key` by which both folders' names pair; `gt_glob` is the ground truth's place in the official layout.
    """

    gt_suffixes: tuple[str, ...] = ()
    pred_suffixes: tuple[str, ...] = ()
    key_regex: str | None = None
    gt_glob: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact was read: a repository, a path in it, and the commit if it is known."""

    repo: str
    path: str
    commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Hold the facts of one data set.

    `gt_map` and `pred_map` map every raw value that may occur to a class id or to one of `ignore`; a raw value that
    they do not name is unknown. Under `binary` every value but 0 is class 1 instead. `more_colors` has further colours
    of classes (colour -> id), `void_colors` those of void. `encodings` tells in words how each folder stores its
    masks, `images` counts the images by split, `unverified` names what no primary source confirms. Of binary ground
    truth that is not clean, what is above `gt_threshold` is class 1; `storage` says how files are to be read.
    A preset for any classes has none, and says in `classes_from` where they are given.
    """

    name: str
    title: str
    classes: tuple[SegmentationClass, ...]
    ignore: tuple[int, ...]
    gt_map: Mapping[int, int]
    pred_map: Mapping[int, int]
    binary: bool = False
    convention: str = "segeval"
    more_colors: Mapping[Color, int] = field(default_factory=dict)
    void_colors: tuple[Color, ...] = ()
    pairing: PresetPairing = PresetPairing()
    groups: tuple[Group, ...] = ()
    encodings: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, int] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    notes: str = ""
    unverified: tuple[str, ...] = ()
    gt_threshold: int | None = None
    storage: Storage = PLAINLY
    classes_from: str = ""

    @property
    def palette_duplicates(self) -> tuple[tuple[str, ...], ...]:
        """Return the names of classes that share a colour, one tuple a colour, in class order."""
        sharing: dict[Color, list[str]] = {}
        for entry in self.classes:
            if entry.color is not None:
                sharing.setdefault(entry.color, []).append(entry.name)
        return tuple(tuple(names) for names in sharing.values() if len(names) > 1)

    @property
    def has_palette(self) -> bool:
        """Tell whether RGB masks can be decoded: there are colours, and no two classes share one."""
        return any(entry.color is not None for entry in self.classes) and not self.palette_duplicates
