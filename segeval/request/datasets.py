"""nnU-Net's `dataset.json` as a preset: its labels or regions, the label that is ignored, and its names of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from segeval.errors import UsageError, listed
from segeval.images.readers import IMAGE_SUFFIXES
from segeval.protocol.classlists import LARGEST_ID, checked_classes, structured
from segeval.protocol.labeling import MOST_IN_SETS, SegmentationClass
from segeval.protocol.labelregions import LabelRegion, write_regions
from segeval.protocol.presets import Preset
from segeval.protocol.storage import Storage
from segeval.stores.userfiles import read_user_file

OF_PRESET = "nnunet"
"""The preset that a data set's own file completes."""
BACKGROUND, IGNORED = "background", "ignore"
LABELS_FIX = 'Give "labels": {"background": 0, "liver": 1}, or lists of labels for regions, as nnU-Net v2 does'


def with_dataset(facts: Preset | None, path: str | Path) -> Preset:
    """Return the preset `nnunet` with what a `dataset.json` says; raises `UsageError`.

    Where a label is a list of several, each name is a region, scored by itself (`LabelManager` of nnU-Net,
    nnunetv2/utilities/label_handling/label_handling.py); otherwise the labels are classes. The file's ending selects
    masks on both sides, and those of the ground truth in `labelsTr`, where the folder has one.
    """
    if facts is None or facts.name != OF_PRESET:
        raise UsageError(
            f"--dataset completes the preset {OF_PRESET}", (str(path),), f"Add --preset {OF_PRESET}, or leave it out"
        )
    return _Dataset(str(path), structured(read_user_file(path), name=str(path))).preset(facts)


class _Dataset:
    """Read one file; `name` is its name, for errors."""

    def __init__(self, name: str, data: object) -> None:
        self.name = name
        if not isinstance(data, Mapping) or not isinstance(data.get("labels"), Mapping):
            self.fail("a file is no dataset.json of nnU-Net", "there are no labels", LABELS_FIX)
        self.data: Mapping[str, object] = data
        self.labels: dict[str, int | tuple[int, ...]] = {
            str(label): self.label(label, value) for label, value in data["labels"].items()
        }

    def preset(self, facts: Preset) -> Preset:
        background = self.labels.pop(BACKGROUND, None)
        if background != 0:
            self.fail("the background of a dataset.json is not label 0", f"background: {background}", LABELS_FIX)
        ignored = self.labels.pop(IGNORED, None)
        if isinstance(ignored, tuple):
            self.fail("the ignored label of a dataset.json is a list", f"ignore: {list(ignored)}", "Give one label")
        void = () if ignored is None else (ignored,)
        if ignored is not None and ignored in self.values():
            self.fail("the ignored label of a dataset.json is a class too", f"ignore: {ignored}", "Give it its own")
        regions = any(isinstance(value, tuple) and len(value) > 1 for value in self.labels.values())
        ending = self.ending()
        found = self.with_regions(facts) if regions else self.with_classes(facts, void)
        images = self.data.get("numTraining")
        return replace(
            found,
            ignore=void,
            pairing=replace(
                facts.pairing, gt_suffixes=(ending,), pred_suffixes=(ending,), gt_glob=f"labelsTr/*{ending}"
            ),
            images={"training": images} if type(images) is int else {},
        )

    def with_classes(self, facts: Preset, void: tuple[int, ...]) -> Preset:
        classes = [SegmentationClass(0, BACKGROUND)]
        for name, value in self.labels.items():
            (label,) = value if isinstance(value, tuple) else (value,)
            classes.append(SegmentationClass(label, name))
        checked = checked_classes(sorted(classes, key=lambda one: one.id), name=self.name)
        themselves = {value: value for value in sorted([*(one.id for one in checked), *void])}
        return replace(facts, classes=checked, gt_map=themselves, pred_map=themselves)

    def with_regions(self, facts: Preset) -> Preset:
        """Take each name for a class, but for those of the background alone."""
        regions = {
            name: LabelRegion(value if isinstance(value, tuple) else (value,), isinstance(value, tuple))
            for name, value in self.labels.items()
            if value != 0 and not (isinstance(value, tuple) and set(value) == {0})
        }
        order = self.data.get("regions_class_order")
        if not isinstance(order, list) or len(order) != len(regions):
            self.fail(
                "a dataset.json with regions lacks the label of each",
                f"regions_class_order: {order!a}, regions: {listed(tuple(regions), 5)}",
                "Give regions_class_order a label for each region, in their order, as nnU-Net asks for",
            )
        if len(regions) > MOST_IN_SETS:
            self.fail(f"more than {MOST_IN_SETS} regions cannot be scored at once", f"{len(regions)}", "Name fewer")
        classes = [SegmentationClass(place, name) for place, name in enumerate(regions, start=1)]
        return replace(
            facts,
            classes=checked_classes(classes, name=self.name),
            storage=Storage(multilabel=True, label_regions=write_regions(regions.values())),
        )

    def values(self) -> set[int]:
        parts = (value if isinstance(value, tuple) else (value,) for value in self.labels.values())
        return {0, *(label for part in parts for label in part)}

    def label(self, name: object, value: object) -> int | tuple[int, ...]:
        """Return a label, or a list of them."""
        given = value if isinstance(value, list) else [value]
        parts = tuple(part for part in given if type(part) is int and 0 <= part <= LARGEST_ID)
        if not parts or len(parts) < len(given):
            fix = LABELS_FIX
            if isinstance(value, str):
                fix = f"Write names first, labels second, as nnU-Net v2 does (v1 had them the other way). {LABELS_FIX}"
            self.fail("a label of a dataset.json is no whole number", f"labels, {name!a}: {value!a}", fix)
        return parts if isinstance(value, list) else parts[0]

    def ending(self) -> str:
        ending = self.data.get("file_ending")
        if not isinstance(ending, str) or ending.lower() not in IMAGE_SUFFIXES:
            known = ", ".join(sorted(IMAGE_SUFFIXES))
            self.fail(
                "the files of a dataset.json have an ending that is not read",
                f"file_ending: {ending!a}",
                f"Write the masks as .nii.gz, with its file_ending; read are {known}",
            )
        return ending

    def fail(self, what: str, where: str, fix: str) -> NoReturn:
        raise UsageError(what, (f"{self.name}: {where}",), fix)
